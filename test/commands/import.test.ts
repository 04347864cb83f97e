import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { recomputeTotals } from '../../src/commands/recompute.ts'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { INTERVALS, type Interval } from '../../src/corridors/buckets.ts'
import { type Engine, newFolder, onBothEngines } from '../helpers/databases.ts'
import {
  commandOn,
  differences,
  dump,
  fill,
  historyOf,
  type Installation,
  newInstallation,
  sightsAt,
} from '../helpers/history.ts'
import { closedPort } from '../helpers/ports.ts'
import { startProcess } from '../helpers/service.ts'
import { HOUR, MINUTE, tickAt, writeAll } from '../helpers/ticks.ts'

import {
  COLUMNS,
  csvOf,
  HEADER,
  importInto,
  lineOf,
  NEXT,
  NORTH,
  NOW,
  SPAN,
} from './fixtures/downloads.ts'

const RANGE = 'from=2026-10-25&to=2026-10-26T08:20:00Z&limit=1000'
const CANARY = 'canary/password+0123456789'
const USAGE = "usage: npm run import -- FILE (the CSV of a corridor's history)"

/** An installation with all of the span observed and computed. */
async function installationA(t: Test, engine?: Engine): Promise<Installation> {
  const installation = await newInstallation(t, engine)
  await fill(installation.db.write, SPAN, 0)
  const recompute = commandOn(recomputeTotals, installation.environment, () => NOW)
  await recompute('--corridor', 'ayalon', '--from', '2026-10-25', '--to', '2026-10-27')
  return installation
}

const KINDS = ['by=corridor', 'by=direction', 'format=csv']

/** All that the history says at some intervals, as JSON and as CSV. */
const answersOf = (
  history: (query: string) => Promise<string>,
  intervals: readonly Interval[],
  range = RANGE,
): Promise<string[]> =>
  Promise.all(
    intervals.flatMap((interval) =>
      KINDS.map((kind) => history(`${range}&interval=${interval}&${kind}`)),
    ),
  )

/** Checks that two installations give the same answers, and that these say something. */
function sameAnswers(
  t: Test,
  found: readonly string[],
  wanted: readonly string[],
  name = '',
): void {
  t.ok(wanted.every((answer) => /,\d+\.\d+,|"central":\d+\.\d+/.test(answer)))
  t.equal(found.length, wanted.length)
  const wrong = found.flatMap((answer, index) => differences(answer, wanted[index] ?? ''))
  t.strictSame(wrong.slice(0, 5), [], name)
}

const longerThan = (interval: Interval): Interval[] => INTERVALS.slice(INTERVALS.indexOf(interval))

await onBothEngines(t, async (t, engine) => {
  // To this engine from the embedded one, and back.
  const ways: [string, Engine | undefined, Engine | undefined][] =
    engine.name === 'sqlite'
      ? [['from SQLite to SQLite', undefined, undefined]]
      : [
          ['from SQLite to Postgres', undefined, engine],
          ['from Postgres to SQLite', engine, undefined],
        ]
  for (const [name, from, to] of ways)
    t.test(`a history of any interval moves ${name}`, async (t) => {
      const there = await historyOf(t, await installationA(t, from), NOW)
      const b = await newInstallation(t, to)
      const here = await historyOf(t, b, NOW)
      for (const interval of INTERVALS) {
        await b.db.write.deleteFrom('totals').execute()
        const file = await there(`${RANGE}&interval=${interval}&format=csv`)
        t.equal(file.slice(0, file.indexOf('\n')), HEADER)
        const lines = file.split('\n').slice(1, -1)
        const without = lines.filter((line) => line.endsWith(',,,,')).length
        const { code, lines: said } = await importInto(t, b)(file)
        t.strictSame(said, [
          `${lines.length - without} buckets imported, 0 were there already, ${without} have no data`,
        ])
        t.equal(code, 0)
        const intervals = longerThan(interval)
        sameAnswers(
          t,
          await answersOf(here, intervals),
          await answersOf(there, intervals),
          interval,
        )
      }
    })

  t.test('the same file twice changes nothing', async (t) => {
    const history = await historyOf(t, await installationA(t), NOW)
    const b = await newInstallation(t, engine)
    const put = importInto(t, b)
    for (const interval of ['5m', '1h'] as const) {
      const file = await history(`${RANGE}&interval=${interval}&format=csv`)
      await put(file)
      const before = await dump(b.db.write)
      t.ok(before.some((line) => line.includes('imported')))
      t.match(await put(file), { code: 0, lines: [/^0 buckets imported, \d{3,} were there/] })
      t.strictSame(await dump(b.db.write), before)
    }
  })

  t.test('imported where it came from it changes no answer', async (t) => {
    const a = await installationA(t, engine)
    const history = await historyOf(t, a, NOW)
    const before = await answersOf(history, INTERVALS)
    const put = importInto(t, a)
    for (const interval of INTERVALS) {
      t.equal((await put(await history(`${RANGE}&interval=${interval}&format=csv`))).code, 0)
      sameAnswers(t, await answersOf(history, INTERVALS), before, interval)
    }
  })

  t.test('a day that is handed over at 10:20 is whole at every interval', async (t) => {
    const ticks = Array.from({ length: 14 }, (_, index) => {
      const atMs = SPAN.toMs + index * 4 * MINUTE
      return tickAt(atMs, { corridor: AYALON, provider: 'simulated', sections: sightsAt(atMs) })
    })
    const later = NOW + HOUR
    const range = 'from=2026-10-25&to=2026-10-26T09:20:00Z&limit=1000'
    const a = await installationA(t, engine)
    const there = await historyOf(t, a, later)
    const file = await there(`${RANGE}&interval=5m&format=csv`)
    await writeAll(a.db.write, ticks)
    const wanted = await answersOf(there, INTERVALS, range)
    const b = await newInstallation(t, engine)
    const here = await historyOf(t, b, later)
    const put = importInto(t, b, later)
    const isWhole = async (name: string): Promise<void> => {
      sameAnswers(t, await answersOf(here, INTERVALS, range), wanted, name)
      for (const table of ['totals', 'observations', 'snapshots', 'refreshes', 'gaps'] as const)
        await b.db.write.deleteFrom(table).execute()
    }
    t.equal((await put(file)).code, 0)
    await writeAll(b.db.write, ticks)
    await isWhole('imported first')
    await writeAll(b.db.write, ticks)
    t.equal((await put(file)).code, 0)
    await isWhole('imported last')
    const [{ code }] = await Promise.all([put(file), writeAll(b.db.write, ticks)])
    t.equal(code, 0)
    await isWhole('at once')
  })

  t.test('of two imports of one bucket the one stands that measured more', async (t) => {
    const b = await newInstallation(t, engine)
    const put = importInto(t, b)
    const history = await historyOf(t, b, NOW)
    const delays = async (): Promise<(string | undefined)[]> =>
      Promise.all(
        ['1h', '1d'].map(async (interval) => {
          const csv = await history(`${RANGE}&interval=${interval}&format=csv&section=${NORTH}`)
          const line = csv.split('\n').find((one) => one.includes(',1.0.0,'))
          return line?.split(',')[COLUMNS.indexOf('delay_veh_h_central')]
        }),
      )
    const imported = '1 buckets imported, 0 were there already, 0 have no data'
    const kept = '0 buckets imported, 1 were there already, 0 have no data'
    const put1 = async (coverage: string, delay: string): Promise<string[]> =>
      (await put(csvOf(lineOf({ coverage, delay_veh_h_central: delay })))).lines
    t.strictSame(await put1('0.5', '2'), [imported])
    t.strictSame(await delays(), ['2', '2'])
    t.strictSame(await put1('0.6', '3'), [imported])
    t.strictSame(await delays(), ['3', '3'])
    t.strictSame(await put1('0.55', '1.5'), [kept])
    t.strictSame(await put1('0.6', '1.5'), [kept])
    t.strictSame(await delays(), ['3', '3'])
    const both = ['0.7', '0.9', '0.8'].map((coverage) =>
      lineOf({ coverage, delay_veh_h_central: `1.${coverage.slice(2)}` }),
    )
    t.match((await put(csvOf(...both))).lines, [/^1 buckets imported, 2 were there already/])
    t.strictSame(await delays(), ['1.9', '1.9'], 'in one file as well')
    const other = lineOf({ section: NEXT, model: 'ayalon-1.0-freeze', model_version: '0.1' })
    t.match((await put(csvOf(other))).lines, [/^1 buckets imported/])
    t.match((await put(csvOf(lineOf({ section: NEXT })))).lines, [/^1 buckets imported/])
    t.strictSame(await delays(), ['1.9', '1.9'], 'another model or another section is apart')
  })

  t.test('an import that measured less than was measured here changes no answer', async (t) => {
    const a = await installationA(t, engine)
    const history = await historyOf(t, a, NOW)
    const before = await answersOf(history, INTERVALS)
    const less = (line: string): string =>
      line
        .split(',')
        .map((field, index) => {
          if (COLUMNS[index] === 'coverage') return String(Number(field) * 0.9)
          return COLUMNS[index] === 'delay_veh_h_high' ? '1e6' : field
        })
        .join(',')
    for (const interval of INTERVALS) {
      const file = await history(`${RANGE}&interval=${interval}&format=csv`)
      const lines = file.split('\n').filter((line) => line.includes(',1.0.0,'))
      t.match(await importInto(t, a)(csvOf(...lines.map(less))), {
        code: 0,
        lines: [`${lines.length} buckets imported, 0 were there already, 0 have no data`],
      })
      sameAnswers(t, await answersOf(history, INTERVALS), before, interval)
    }
  })

  t.test('intervals may be mixed and in any order', async (t) => {
    const b = await newInstallation(t, engine)
    const slot = { interval: '15m', to: '2026-10-25T08:15:00.000Z', coverage: '1' }
    const next = { ...slot, from: slot.to, to: '2026-10-25T08:30:00.000Z' }
    const whole = { interval: '1h', coverage: '0.9', delay_veh_h_high: '99' }
    const put = importInto(t, b)
    const history = await historyOf(t, b, NOW)
    const day = (): Promise<string> => history(`${RANGE}&interval=1d&format=csv&section=${NORTH}`)
    t.match((await put(csvOf(lineOf(whole), lineOf(slot)))).lines, [/^2 buckets imported/])
    t.match(await day(), /,99,/, 'a day is the sum of what measured the most of each hour')
    t.match((await put(csvOf(lineOf(next)))).lines, [/^1 buckets imported/])
    t.match(await day(), /,99,/)
  })

  t.test('what is wrong with a file changes nothing', async (t) => {
    const b = await newInstallation(t, engine)
    const put = importInto(t, b)
    await put(csvOf(lineOf()))
    const before = await dump(b.db.write)
    t.strictSame(
      await put(csvOf(lineOf({ coverage: '0.9' }), lineOf({ coverage: '1.9' }), lineOf())),
      {
        code: 65,
        lines: [
          'line 3: coverage: Too big: expected number to be <=1',
          'nothing was imported; broken lines: 1',
        ],
      },
    )
    t.strictSame(await dump(b.db.write), before)
  })

  t.test('a schema that is behind is told', { skip: engine.name === 'sqlite' }, async (t) => {
    const place = await engine.newPlace(t)
    const url = 'url' in place ? await place.url.reveal() : ''
    t.strictSame(await importInto(t, { environment: { DATABASE_URL: url } })(csvOf(lineOf())), {
      code: 69,
      lines: [
        'The database cannot be used: the schema of the database is behind: run npm run migrate -- up.',
      ],
    })
  })
})

t.test('as a process it exits with the code that scripts look at', async (t) => {
  const data = newFolder(t)
  const file = join(newFolder(t), 'history.csv')
  writeFileSync(file, csvOf(lineOf()))
  t.testdir()
  const exitOf = async (environment: Record<string, string>, ...args: string[]) => {
    const { exited, output } = startProcess(t, environment, ['import', ...args])
    return [await exited, output()]
  }
  const here = { DATA_DIR: data }
  t.strictSame(await exitOf(here), [64, `${USAGE}\n`])
  t.strictSame(await exitOf(here, `${file}.gz`), [66, `${file}.gz: cannot be read\n`])
  const url = `postgres://ayalon:${encodeURIComponent(CANARY)}@127.0.0.1:${await closedPort()}/ayalon`
  t.strictSame(await exitOf({ DATABASE_URL: url }, file), [
    69,
    'The database cannot be used: the database server cannot be reached.\n',
  ])
  // By the clock of this machine the hour may lie in the future.
  const long = { from: '2020-10-25T08:00:00.000Z', to: '2020-10-25T09:00:00.000Z' }
  writeFileSync(file, csvOf(lineOf(long)))
  const done = '1 buckets imported, 0 were there already, 0 have no data\n'
  t.strictSame(await exitOf(here, file), [0, done])
  appendFileSync(file, `${lineOf({ ...long, source: 'rumour' })}\n`)
  const [code, output] = await exitOf(here, file)
  t.equal(code, 65)
  t.match(output, /history\.csv: line 3: source: must be one of .*\nnothing was imported; broken/)
})
