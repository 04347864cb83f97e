import t, { type Test } from 'tap'
import { DayCounts } from '../../src/statistics/day-counts.ts'
import { addCounts, readCounts } from '../../src/storage/analytics/counts.ts'
import { CountsWriter } from '../../src/storage/analytics/counts-writer.ts'
import { Connection } from '../../src/storage/connection.ts'
import type { DatabasePlace, Queries } from '../../src/storage/database/database.ts'
import { DatabaseAway } from '../../src/storage/database-away.ts'
import { retentionStep } from '../../src/storage/retention.ts'
import { migrated, migratedPlace, onBothEngines } from '../helpers/databases.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { listenedLog } from '../helpers/log.ts'
import { fragile } from '../helpers/outage.ts'
import { DAY, MINUTE } from '../helpers/ticks.ts'

const TODAY = Date.parse('2026-11-18T00:00:00Z')
const OK = 'requests.successful'
const FAILED = 'requests.failed'

/** What is kept, by day (in days from today) and name. */
async function keptIn(db: Queries, fromMs = 0): Promise<Record<string, number>> {
  const days = await readCounts(db, fromMs)
  return Object.fromEntries(
    days.flatMap(({ dayMs, counts }) =>
      [...counts].map(([name, count]) => [`${(dayMs - TODAY) / DAY} ${name}`, count]),
    ),
  )
}

const batch = (
  process: string,
  number: number,
  ...counts: Parameters<typeof addCounts>[1]['counts']
) => ({ process, number, atMs: TODAY, counts })

/** A process that counts, on a clock that stands still. */
function writerOf(t: Test, place: DatabasePlace, process = 'one') {
  const listened = listenedLog()
  const connection = new Connection(place, listened.log)
  t.teardown(() => connection.close())
  const clock = new FakeClock(TODAY)
  const counts = new DayCounts()
  /** What becomes of the next uses of the database. */
  const fate = { after: (): void => {} }
  const writer = new CountsWriter({
    connection: {
      async use(work) {
        const result = await connection.use(work)
        fate.after()
        return result
      },
    },
    counts,
    clock,
    log: listened.log,
    process,
  })
  const start = async (): Promise<void> => {
    writer.start()
    await clock.asleep(1)
  }
  const kept = () => connection.use(({ write }) => keptIn(write))
  return { ...listened, connection, clock, counts, writer, fate, start, kept }
}

await onBothEngines(t, async (t, engine) => {
  t.test('batches of all processes add up, by day and name', async (t) => {
    const { write } = await migrated(t, engine)
    const [before, today] = [TODAY - DAY, TODAY].map((dayMs) => ({ dayMs, name: OK }) as const)
    if (before === undefined || today === undefined) throw new Error('there are two')
    await addCounts(write, batch('one', 1, { ...before, count: 2 }, { ...today, count: 3 }))
    await addCounts(write, batch('two', 1, { ...today, count: 10 }))
    await addCounts(write, batch('one', 2, { ...today, count: 1 }))
    t.strictSame(await keptIn(write), { [`-1 ${OK}`]: 2, [`0 ${OK}`]: 14 })
    t.strictSame(await keptIn(write, TODAY), { [`0 ${OK}`]: 14 })
    t.strictSame(await keptIn(write, TODAY + 1), {})
  })

  t.test('a batch that is written again is not added again', async (t) => {
    const { write } = await migrated(t, engine)
    const one = { dayMs: TODAY, name: OK, count: 1 } as const
    for (const number of [1, 1, 2, 1, 2]) await addCounts(write, batch('one', number, one))
    t.strictSame(await keptIn(write), { [`0 ${OK}`]: 2 })
  })

  t.test('twenty processes that write at once lose nothing', async (t) => {
    const { write } = await migrated(t, engine)
    const counts = ([FAILED, OK] as const).map((name) => ({ dayMs: TODAY, name, count: 1 }))
    await Promise.all(
      Array.from({ length: 20 }, (_, process) =>
        addCounts(write, { process: `${process}`, number: 1, atMs: TODAY, counts }),
      ),
    )
    t.strictSame(await keptIn(write), { [`0 ${FAILED}`]: 20, [`0 ${OK}`]: 20 })
  })

  t.test('a batch of more rows than a statement takes is written whole', async (t) => {
    const { write } = await migrated(t, engine)
    const counts = Array.from(
      { length: 1201 },
      (_, day) => ({ dayMs: TODAY + day * DAY, name: OK, count: 1 }) as const,
    )
    await addCounts(write, { ...batch('one', 1), counts })
    t.equal((await readCounts(write, 0)).length, 1201)
  })

  t.test('what is counted is written once a minute, and at the stop', async (t) => {
    const { counts, clock, writer, start, kept } = writerOf(t, await migratedPlace(t, engine))
    counts.add(TODAY, OK)
    await start()
    t.strictSame(await kept(), { [`0 ${OK}`]: 1 })
    counts.add(TODAY, OK)
    await clock.advance(MINUTE - 1)
    t.strictSame(await kept(), { [`0 ${OK}`]: 1 })
    await clock.advance(1)
    t.strictSame(await kept(), { [`0 ${OK}`]: 2 })
    counts.add(TODAY, OK)
    await writer.stop()
    t.strictSame(await kept(), { [`0 ${OK}`]: 3 })
  })

  t.test('a database that is away loses nothing, and each count keeps its day', async (t) => {
    const database = await fragile(t, engine)
    const { counts, clock, start, kept, connection, lines } = writerOf(t, database.place)
    await start()
    await database.goAway(connection)
    counts.add(TODAY, OK)
    await clock.advance(MINUTE)
    counts.add(TODAY, OK)
    await clock.advance(MINUTE)
    counts.add(TODAY + DAY, OK)
    await clock.advance(MINUTE)
    await database.comeBack(connection)
    await clock.advance(MINUTE)
    t.strictSame(await kept(), { [`0 ${OK}`]: 2, [`1 ${OK}`]: 1 })
    t.notOk(
      lines.some(({ msg }) => msg === 'counts are not written'),
      'that is known elsewhere',
    )
  })

  t.test('a write of which nobody knows whether it was done counts once', async (t) => {
    const place = await migratedPlace(t, engine)
    const { counts, clock, start, kept, fate } = writerOf(t, place)
    await start()
    counts.add(TODAY, OK)
    fate.after = () => {
      throw new DatabaseAway('the connection to the database failed')
    }
    await clock.advance(MINUTE)
    t.strictSame(await kept(), { [`0 ${OK}`]: 1 }, 'it was done')
    counts.add(TODAY, OK)
    await clock.advance(MINUTE)
    t.strictSame(await kept(), { [`0 ${OK}`]: 1 })
    fate.after = () => {}
    await clock.advance(MINUTE)
    t.strictSame(await kept(), { [`0 ${OK}`]: 2 })
  })

  t.test('a write that breaks is told, and tried again', async (t) => {
    const { counts, clock, start, kept, fate, withMessage } = writerOf(
      t,
      await migratedPlace(t, engine),
    )
    await start()
    fate.after = () => {
      throw new Error('out of tea')
    }
    counts.add(TODAY, OK)
    await clock.advance(MINUTE)
    t.match(withMessage('counts are not written'), [{ level: 50, err: { message: 'out of tea' } }])
    fate.after = () => {}
    await clock.advance(MINUTE)
    t.strictSame(await kept(), { [`0 ${OK}`]: 1 })
  })

  t.test('where nothing was counted nothing is asked of the database', async (t) => {
    const { clock, start, fate, connection } = writerOf(t, await migratedPlace(t, engine))
    fate.after = () => t.fail('the database is used')
    await start()
    await clock.advance(MINUTE)
    t.equal(connection.fault, 'the database is not open yet')
  })

  t.test('a start of a process after another is no repetition', async (t) => {
    const place = await migratedPlace(t, engine)
    for (const process of ['one', 'two']) {
      const { counts, writer, start } = writerOf(t, place, process)
      await start()
      counts.add(TODAY, OK)
      await writer.stop()
    }
    t.strictSame(await writerOf(t, place).kept(), { [`0 ${OK}`]: 2 })
  })

  t.test('days are let go of with the observations', async (t) => {
    const { write } = await migrated(t, engine)
    const forget = async (nowMs: number): Promise<void> => {
      while (await retentionStep(write, { observations: 400, raw: 30 }, nowMs));
    }
    const one = { name: OK, count: 1 } as const
    await addCounts(
      write,
      batch('one', 1, { dayMs: TODAY, ...one }, { dayMs: TODAY + DAY, ...one }),
    )
    await forget(TODAY + 400 * DAY)
    t.equal((await readCounts(write, 0)).length, 2)
    await forget(TODAY + 400 * DAY + 1)
    t.strictSame(await keptIn(write), { [`1 ${OK}`]: 1 })
    const processes = await write.selectFrom('analytics_batches').selectAll().execute()
    t.strictSame(processes, [], 'nor is the process remembered')
  })
})
