import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { scrub } from '../../src/logging/scrub.ts'

const SRC = resolve(import.meta.dirname, '../../src')
/** Of so many characters a pattern that goes back for each of them takes minutes. */
const LENGTH = 100_000
/** One that does not takes a few ms; the rest is for a busy machine. */
const MOST_MS = 10_000

const LITERAL =
  /(?<=[=(,:[!&|?{};\s])\/(?![/*])((?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([dgimsuvy]*)/g

const patterns = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .flatMap((name) => {
    const text = readFileSync(join(SRC, name), 'utf8').replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '')
    return [...text.matchAll(LITERAL)].map(([, source = '', flags = '']) => ({
      name,
      source,
      flags,
    }))
  })
  // What begins with a space is a division.
  .filter(({ source }) => !source.startsWith(' '))

/** What a pattern could go back over: long rows of each of its characters, and of pairs of them. */
function rowsFor(source: string): string[] {
  const letters = new Set(['a', '0', ' ', '-', '_', '.', ...source.replaceAll(/\\[a-zA-Z]/g, '')])
  const signs = [...letters].filter((letter) => !'^$*+()[]{}|\\'.includes(letter))
  const pairs = signs.flatMap((one) => signs.slice(0, 6).map((other) => one + other))
  return [...signs, ...pairs].map((unit) => unit.repeat(LENGTH / unit.length))
}

t.test('no pattern of the source takes long over a text made to hold it up', async (t) => {
  t.ok(patterns.length >= 40, `${patterns.length} patterns`)
  for (const { name, source, flags } of patterns) {
    const rows = rowsFor(source)
    // A bad end, so that what matched so far is given up; and a good beginning, which few rows have.
    const texts = rows.flatMap((row) => [`${row}\n!`, `://${row}`, `"token":"${row}`])
    const look = () =>
      runInNewContext(
        'for (const text of texts) { pattern.lastIndex = 0; text.replace(pattern, "") }',
        { texts, pattern: new RegExp(source, flags) },
        { timeout: MOST_MS },
      )
    t.doesNotThrow(look, `${name}: /${source}/${flags}`)
  }
})

t.test('a line of the log is cleaned in one go, whatever a stranger wrote into it', async (t) => {
  const units = ['?', '://', 'token', 'token=', '"token":"', '\\"', 'bearer ', 'a@', '#', '=', 'x']
  const texts = units.flatMap((one) => units.map((other) => (one + other).repeat(LENGTH / 10)))
  t.doesNotThrow(() =>
    runInNewContext(
      'for (const text of texts) scrub(text)',
      { texts, scrub },
      { timeout: MOST_MS },
    ),
  )
})
