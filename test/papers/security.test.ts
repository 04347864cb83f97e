import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'

const ROOT = resolve(import.meta.dirname, '../..')
const PAPER = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8')

/** Rows of the table under a heading: what it is about, and what holds it. */
function rowsOf(heading: string): { what: string; heldBy: string }[] {
  const [, rest = ''] = PAPER.split(`\n## ${heading}`)
  const [section = ''] = rest.split('\n## ')
  const lines = section.split('\n').filter((line) => /^\| (?:API)?\d/.test(line))
  return lines.map((line) => {
    const [, what = '', , heldBy = ''] = line.split(' | ').flatMap((cell) => cell.split(/^\| /))
    return { what, heldBy }
  })
}

const ROWS = [...rowsOf('OWASP API Security Top 10'), ...rowsOf('OWASP ASVS 5.0')]

/** The names of the tests of a file, as patterns: what is put into a template may be anything. */
function testsOf(file: string): RegExp[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const names = text.matchAll(/\bt\.test\(\s*(?:'((?:[^'\\]|\\.)*)'|"([^"]*)"|`([^`]*)`)/g)
  return [...names].map(([, single, double, template]) => {
    const name = single?.replaceAll('\\', '') ?? double ?? template ?? ''
    return new RegExp(
      `^${name
        .split(/\$\{[^}]*\}/)
        .map(RegExp.escape)
        .join('.+')}$`,
    )
  })
}

t.test('each of the ten risks has a row', async (t) => {
  const risks = ROWS.flatMap(({ what }) => /^API\d+/.exec(what) ?? [])
  t.strictSame(
    risks,
    Array.from({ length: 10 }, (_, index) => `API${index + 1}`),
  )
})

t.test('the rows of the ASVS are in order, each once', async (t) => {
  const rows = ROWS.flatMap(({ what }) => /^\d+\.\d+\.\d+/.exec(what) ?? [])
  t.ok(rows.length >= 24, `${rows.length} rows`)
  const key = (row: string): string => row.replaceAll(/\d+/g, (part) => part.padStart(2, '0'))
  t.strictSame(
    rows,
    [...new Set(rows)].toSorted((a, b) => key(a).localeCompare(key(b))),
  )
})

t.test('each row is held by tests that there are, or says who must see to it', async (t) => {
  for (const { what, heldBy } of ROWS) {
    const tests = [...heldBy.matchAll(/`(test\/[^`]+)` “([^”]+)”/g)]
    t.ok(tests.length > 0 || /\b(?:operator|not met): \S/.test(heldBy), what)
    const named = heldBy.match(/“/g) ?? []
    t.equal(tests.length, named.length, `${what}: every name has its file`)
    for (const [, file = '', name = ''] of tests)
      t.ok(
        existsSync(join(ROOT, file)) && testsOf(file).some((test) => test.test(name)),
        `${file} “${name}”`,
      )
  }
})

t.test('every test that is there for security is named', async (t) => {
  for (const file of globSync('test/security/*.test.ts', { cwd: ROOT })) t.match(PAPER, file)
})
