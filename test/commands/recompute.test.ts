import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { z } from 'zod'
import { recomputeTotals } from '../../src/commands/recompute.ts'
import { ConfigError } from '../../src/config/faults.ts'
import { MODELS } from '../../src/impact/models.ts'
import type { Queries } from '../../src/storage/database/database.ts'
import { newFolder, onBothEngines } from '../helpers/databases.ts'
import { commandOn, dump, fill, historyOf, newInstallation } from '../helpers/history.ts'
import { closedPort } from '../helpers/ports.ts'
import { startProcess } from '../helpers/service.ts'
import { contentsOf, DAY, HOUR, MINUTE, writeAll } from '../helpers/ticks.ts'

import {
  ayalonTick,
  BY_FROZEN,
  FIRST_DAY,
  NOW,
  recomputeOn,
  SPAN,
  WANTED,
} from './fixtures/three-days.ts'

const RANGE = 'from=2026-10-24&to=2026-10-27&limit=1000'
const CANARY = 'canary/password+0123456789'
const USAGE =
  'usage: npm run recompute -- --corridor ID --from DATE --to DATE [--model MODEL], where --to is not part of the span'

/** The rows of a model's totals, with all their digits. */
async function totalsBy(db: Queries, model: string): Promise<string[]> {
  const rows = await db
    .selectFrom('totals')
    .innerJoin('series', 'series.id', 'totals.series')
    .selectAll()
    .where('model', '=', model)
    .execute()
  return rows.map((row) => JSON.stringify(row)).toSorted()
}

const bucket = z.looseObject({
  from: z.string(),
  coverage: z.number(),
  section: z.string().nullable(),
  modelVersion: z.string().nullable(),
  delay: z.looseObject({ central: z.number() }).nullable(),
})
const answer = z.looseObject({ buckets: z.array(bucket), next: z.null() })

/** The buckets of an answer that has them all. */
const bucketsIn = (body: string): z.infer<typeof bucket>[] => answer.parse(JSON.parse(body)).buckets

const sumOf = (buckets: readonly z.infer<typeof bucket>[]): string =>
  buckets.reduce((sum, { delay }) => sum + (delay?.central ?? 0), 0).toFixed(3)

await onBothEngines(t, async (t, engine) => {
  t.test(
    'another model is computed beside the one that is there, and history shows it',
    async (t) => {
      const installation = await newInstallation(t, engine)
      const { write } = installation.db
      await fill(write, SPAN)
      const run = recomputeOn(installation)
      t.strictSame(await run(...WANTED), {
        code: 0,
        lines: [
          'ayalon by physical 1.0.0: 2026-10-23T21:00:00.000Z to 2026-10-26T22:00:00.000Z',
          'done',
        ],
      })
      const before = await totalsBy(write, 'physical')
      t.ok(before.length > 3 * 8 * 80)
      const history = await historyOf(t, installation, NOW)
      const physical = await history(`${RANGE}&interval=1h`)
      t.match(await run(...BY_FROZEN), {
        code: 0,
        lines: [/^ayalon by ayalon-1.0-freeze 1.0-freeze: /],
      })
      t.strictSame(await totalsBy(write, 'physical'), before, 'byte for byte')
      t.equal(await history(`${RANGE}&interval=1h`), physical)
      t.equal((await totalsBy(write, 'ayalon-1.0-freeze')).length, before.length)
      const hours = bucketsIn(await history(`${RANGE}&interval=1h&model=ayalon-1.0-freeze`))
      t.equal(hours.length, 24 + 25 + 24)
      const days = bucketsIn(await history(`${RANGE}&interval=1d&model=ayalon-1.0-freeze`))
      t.strictSame(
        days.map(({ from, modelVersion }) => [from, modelVersion]),
        [
          ['2026-10-23T21:00:00.000Z', '1.0-freeze'],
          ['2026-10-24T21:00:00.000Z', '1.0-freeze'],
          ['2026-10-25T22:00:00.000Z', '1.0-freeze'],
        ],
      )
      t.ok(Number(sumOf(days)) > 0)
      t.equal(sumOf(hours), sumOf(days))
      t.not(sumOf(days), sumOf(bucketsIn(await history(`${RANGE}&interval=1d`))))
    },
  )

  t.test('what was computed tick by tick comes out the same', async (t) => {
    const installation = await newInstallation(t, engine)
    const { write } = installation.db
    // Around the end of a day, and with a silence that is longer than an answer holds.
    const minutes = [-31, -26, -24, -17, -9, -3, 2, 6, 11, 29, 34, 36, 41]
    const ticks = minutes.map((minute) => ayalonTick(FIRST_DAY.toMs + minute * MINUTE))
    await writeAll(write, ticks)
    const before = await contentsOf(write)
    t.ok(before.some((line) => line.startsWith('totals')))
    t.equal((await recomputeOn(installation)(...WANTED)).code, 0)
    t.strictSame(await contentsOf(write), before)
    t.strictSame(await dump(write, 'recomputations'), [], 'nothing is left unfinished')
  })

  t.test('done again it leaves every row equal', async (t) => {
    const installation = await newInstallation(t, engine)
    const { write } = installation.db
    await fill(write, SPAN)
    const run = recomputeOn(installation)
    await run(...WANTED)
    const before = await contentsOf(write)
    t.equal((await run(...WANTED)).code, 0)
    t.strictSame(await contentsOf(write), before)
  })

  t.test('a span that begins and ends anywhere changes no total', async (t) => {
    const installation = await newInstallation(t, engine)
    const { write } = installation.db
    await fill(write, FIRST_DAY)
    const run = recomputeOn(installation)
    await run(...WANTED)
    const before = await contentsOf(write)
    const span = ['--from', '2026-10-24T09:01:30+03:00', '--to', '2026-10-24T08:02:00Z']
    t.equal((await run('--corridor', 'ayalon', ...span)).code, 0)
    t.strictSame(await contentsOf(write), before)
  })

  t.test('of days that are kept no longer nothing is computed, and nothing is lost', async (t) => {
    const installation = await newInstallation(t, engine)
    const { write } = installation.db
    await fill(write, SPAN)
    await recomputeOn(installation)(...WANTED)
    // As retention leaves it when the first day and a part of the second are too old.
    const boundMs = FIRST_DAY.toMs + 5 * HOUR
    await write.deleteFrom('observations').where('observed_ms', '<', boundMs).execute()
    const before = await contentsOf(write)
    const environment = { ...installation.environment, RETENTION_DAYS: '2' }
    const run = commandOn(recomputeTotals, environment, () => boundMs + 2 * DAY)
    t.strictSame((await run(...WANTED)).lines, [
      'whole days of observations are kept from 2026-10-25T22:00:00.000Z on: it begins there',
      'ayalon by physical 1.0.0: 2026-10-25T22:00:00.000Z to 2026-10-26T22:00:00.000Z',
      'done',
    ])
    t.strictSame(await contentsOf(write), before)
  })

  t.test('a span is computed as far as was observed', async (t) => {
    const installation = await newInstallation(t, engine)
    const { write } = installation.db
    const run = recomputeOn(installation)
    t.strictSame(await run(...WANTED), { code: 0, lines: ['nothing was observed in this span'] })
    await fill(write, { ...SPAN, toMs: FIRST_DAY.fromMs + 10 * HOUR + 1 * MINUTE })
    const later = ['--from', '2026-10-26', '--to', '2027-10-27']
    t.strictSame(await run('--corridor', 'ayalon', ...later), {
      code: 0,
      lines: ['nothing was observed in this span'],
    })
    t.strictSame(await dump(write, 'totals', 'recomputations'), [])
    t.match((await run(...WANTED)).lines, [/ to 2026-10-24T07:01:00.000Z$/, 'done'])
    const history = await historyOf(t, installation, NOW)
    const covered = bucketsIn(await history(`${RANGE}&interval=1h`)).filter(
      ({ modelVersion }) => modelVersion !== null,
    )
    // The last answer of an hour holds into the next.
    t.strictSame(
      covered.map(({ from }) => from.slice(8, 13)),
      ['23T21', '23T22', '23T23', '24T04', '24T05', '24T06', '24T07'],
    )
  })

  t.test('the totals of an older version stay; the one that measured more is shown', async (t) => {
    const installation = await newInstallation(t, engine)
    const { write } = installation.db
    await fill(write, FIRST_DAY)
    const run = recomputeOn(installation)
    await run(...WANTED)
    // What an older version left: as much, less and more than the present one measures.
    await write
      .updateTable('series')
      .set({ model_version: '0.9.0' })
      .where('model_version', '=', MODELS.physical.version)
      .execute()
    const [less, more] = [FIRST_DAY.fromMs + 8 * HOUR, FIRST_DAY.fromMs + 9 * HOUR]
    for (const [startMs, factor] of [
      [less, 0.9],
      [more, 1.1],
    ] as const)
      await write
        .updateTable('totals')
        .set((row) => ({ measured_km_h: row('measured_km_h', '*', factor) }))
        .where('start_ms', '=', startMs)
        .where('bucket_seconds', '=', 3600)
        .execute()
    const older = await dump(write, 'totals')
    t.equal((await run(...WANTED)).code, 0)
    const rows = await dump(write, 'totals')
    t.equal(rows.length, 2 * older.length)
    t.strictSame(
      rows.filter((row) => older.includes(row)),
      older,
      'byte for byte',
    )
    const history = await historyOf(t, installation, NOW)
    const hours = bucketsIn(await history(`${RANGE}&interval=1h`))
    const versionAt = (atMs: number): string | null | undefined =>
      hours.find(({ from }) => Date.parse(from) === atMs)?.modelVersion
    t.equal(versionAt(less), '1.0.0')
    t.equal(versionAt(more), '0.9.0')
    t.equal(versionAt(more + HOUR), '1.0.0', 'among equals the present one')
    const days = bucketsIn(await history(`${RANGE}&interval=1d`))
    t.equal(days[0]?.modelVersion, '1.0.0')
  })

  t.test('a mistake in what is kept is told as one, not as a fault of the database', async (t) => {
    const installation = await newInstallation(t, engine)
    const { write } = installation.db
    await fill(write, FIRST_DAY)
    await write.updateTable('observations').set({ status: 'lost' }).execute()
    await t.rejects(recomputeOn(installation)(...WANTED), { name: 'ZodError' })
    t.strictSame(await dump(write, 'totals', 'recomputations'), [])
  })
})

t.test('another command line is refused with what is wrong, and nothing is opened', async (t) => {
  const file = join(t.testdir(), 'nothing')
  const run = recomputeOn({ environment: { DATA_DIR: file } })
  const [corridor, from, to] = [
    ['--corridor', 'ayalon'],
    ['--from', '2026-10-24'],
    ['--to', '2026-10-27'],
  ]
  const mustBeDates =
    '--from and --to must be dates such as 2026-11-21, or times such as 2026-11-21T05:00:00Z'
  const cases: [(string[] | undefined)[], string | RegExp][] = [
    [[], '--corridor must be one of ayalon'],
    [[from, to], '--corridor must be one of ayalon'],
    [[['--corridor', 'thames'], from, to], '--corridor must be one of ayalon'],
    [
      [corridor, from, to, ['--model', 'guess']],
      '--model must be one of physical, ayalon-1.0-freeze',
    ],
    [[corridor, from, to, ['--model', '']], '--model must be one of physical, ayalon-1.0-freeze'],
    [[corridor, to], mustBeDates],
    [[corridor, from], mustBeDates],
    [[corridor, from, ['--to', '2026-02-30']], mustBeDates],
    [[corridor, from, ['--to', '2026-10-27T05:00:00']], mustBeDates],
    [[corridor, ['--from', 'yesterday'], to], mustBeDates],
    [[corridor, ['--from', '1969-12-31'], to], mustBeDates],
    [[corridor, ['--from', '2026-10-27'], to], '--from must be before --to'],
    [[corridor, ['--from', '2026-10-28'], to], '--from must be before --to'],
    [[corridor, from, to, ['--fast']], /^Unknown option '--fast'/],
    [[corridor, from, to, ['now']], /^Unexpected argument 'now'/],
    [[corridor, from, ['--to']], /^Option '--to <value>' argument missing$/],
  ]
  for (const [args, message] of cases) {
    const { code, lines } = await run(...args.flatMap((words) => words ?? []))
    t.equal(code, 64, String(args))
    const [fault = '', usage = '', ...more] = (lines[0] ?? '').split('\n')
    if (typeof message === 'string') t.equal(fault, message)
    else t.match(fault, message)
    t.equal(usage, USAGE)
    t.strictSame([lines.length, more], [1, []])
  }
  t.throws(() => writeFileSync(join(file, 'a'), ''), { code: 'ENOENT' })
})

t.test('a wrong environment is a fault of the configuration', async (t) => {
  await t.rejects(recomputeOn({ environment: { PORT: 'http' } })(...WANTED), ConfigError)
})

t.test('a database that is away is told, without its password', async (t) => {
  const url = `postgres://ayalon:${encodeURIComponent(CANARY)}@127.0.0.1:${await closedPort()}/ayalon`
  t.testdir()
  const { exited, output } = startProcess(t, { DATABASE_URL: url }, ['recompute', ...WANTED])
  t.equal(await exited, 69)
  t.equal(output(), 'The database cannot be used: the database server cannot be reached.\n')
  const file = join(newFolder(t), 'file')
  writeFileSync(file, '')
  t.strictSame(await recomputeOn({ environment: { DATA_DIR: file } })(...WANTED), {
    code: 69,
    lines: ['The database cannot be used: the data folder is not a folder.'],
  })
})
