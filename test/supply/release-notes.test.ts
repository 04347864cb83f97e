import t from 'tap'
import { runScript } from './run-script.ts'

const CHANGELOG = `# Changes

## [Unreleased]

- later

## [1.20.0] - 2027-02-01

### Added

- more

## 1.2.0 - 2027-01-01

- first

## [1.1.0] - 2026-12-01
`

const notesOf = (folder: string, tag: string) => runScript('release-notes.ts', folder, [tag])

t.test('a release is told by the section of its version', async (t) => {
  const folderOf = (version: string) =>
    t.testdir({ 'package.json': JSON.stringify({ version }), 'CHANGELOG.md': CHANGELOG })
  t.equal(notesOf(folderOf('1.20.0'), 'v1.20.0').stdout, '### Added\n\n- more\n')
  t.equal(notesOf(folderOf('1.2.0'), 'v1.2.0').stdout, '- first\n')
})

t.test(
  'a tag that is not the version, or of which nothing is said, makes no release',
  async (t) => {
    const refusalOf = (version: string, tag: string) => {
      const files = { 'package.json': JSON.stringify({ version }), 'CHANGELOG.md': CHANGELOG }
      const { status, stdout, stderr } = notesOf(t.testdir(files), tag)
      t.strictSame([status, stdout], [1, ''], tag)
      return stderr
    }
    t.match(refusalOf('1.2.0', 'v1.2.1'), 'the tag v1.2.1 is not v1.2.0 of package.json')
    t.match(refusalOf('1.2.0', '1.2.0'), 'the tag 1.2.0 is not v1.2.0')
    t.match(refusalOf('2.0.0', 'v2.0.0'), 'CHANGELOG.md says nothing of 2.0.0')
    t.match(refusalOf('1.1.0', 'v1.1.0'), 'CHANGELOG.md says nothing of 1.1.0')
  },
)
