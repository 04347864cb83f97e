import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t from 'tap'
import { z } from 'zod'

const read = (name: string): string =>
  readFileSync(resolve(import.meta.dirname, '../..', name), 'utf8')

/** What "Keep a Changelog" names. */
const KINDS = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']

const headings = [...read('CHANGELOG.md').matchAll(/^## (.*)$/gm)].map(([, text = '']) => text)
const releases = headings
  .filter((heading) => heading !== '[Unreleased]')
  .map((heading) => /^\[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d{2}-\d{2})$/.exec(heading) ?? [])

t.test('the first heading is for what comes, the others are releases with their day', async (t) => {
  t.equal(headings[0], '[Unreleased]')
  t.ok(releases.length > 0)
  t.equal(releases.length, headings.length - 1)
  for (const [heading, , , , day = ''] of releases)
    t.ok(heading !== undefined && !Number.isNaN(Date.parse(day)), `${heading}`)
})

t.test(
  'the newest release is the version of package.json, and versions and days descend',
  async (t) => {
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')))
    const [newest] = releases.map((parts) => parts.slice(1, 4).join('.'))
    t.equal(newest, version)
    const keys = releases.map((parts) =>
      parts
        .slice(1, 4)
        .map((part) => part.padStart(6, '0'))
        .join('.'),
    )
    t.strictSame(keys, [...new Set(keys)].toSorted().toReversed())
    const days = releases.map(([, , , , day]) => day)
    t.strictSame(days, days.toSorted().toReversed())
  },
)

t.test('changes are told by their kind, each kind once in a release', async (t) => {
  for (const section of read('CHANGELOG.md').split(/^## /m).slice(1)) {
    const kinds = [...section.matchAll(/^### (.*)$/gm)].map(([, kind = '']) => kind)
    t.strictSame(
      kinds,
      KINDS.filter((kind) => kinds.includes(kind)),
      section.slice(0, 20),
    )
    t.ok(/^- /m.test(section) || /^\[Unreleased\]/.test(section), section.slice(0, 20))
  }
})
