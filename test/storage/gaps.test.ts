import t from 'tap'
import type { Corridor } from '../../src/corridors/corridor.ts'
import type { Queries } from '../../src/storage/database/database.ts'
import {
  oneWay,
  SUNDAY_MORNING,
  section,
  seen,
  unseen,
} from '../corridors/fixtures/straight-road.ts'
import { migrated, onBothEngines } from '../helpers/databases.ts'
import { failedAt, MINUTE, tickAt, writeAll } from '../helpers/ticks.ts'

const NOW = SUNDAY_MORNING
const at = (minutes: number): number => NOW + minutes * MINUTE

/** The gaps of each section that has any, in minutes from the first moment. */
async function gapsOf(db: Queries, source = 'live'): Promise<Record<string, number[][]>> {
  const rows = await db.selectFrom('gaps').selectAll().orderBy('from_ms').execute()
  const gaps: Record<string, number[][]> = {}
  for (const row of rows.filter((one) => one.source === source))
    gaps[row.section] = [
      ...(gaps[row.section] ?? []),
      [(row.from_ms - NOW) / MINUTE, (row.to_ms - NOW) / MINUTE],
    ]
  return gaps
}

/** The same gaps in every section of the mill road. */
const everywhere = (...gaps: number[][]): Record<string, number[][]> =>
  Object.fromEntries(['north-1', 'north-2', 'south-1', 'south-2'].map((id) => [id, gaps]))

await onBothEngines(t, async (t, engine) => {
  t.test('answers that follow each other within ten minutes leave no gap', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(
      write,
      [0, 5, 15, 16, 26].map((minutes) => tickAt(at(minutes))),
    )
    t.strictSame(await gapsOf(write), {})
  })

  t.test('one outage is one gap however many refreshes fail in it', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [
      tickAt(at(0)),
      failedAt(at(5)),
      failedAt(at(12)),
      failedAt(at(20)),
      failedAt(at(25)),
    ])
    t.strictSame(await gapsOf(write), everywhere([10, 25]), 'until now')
    await writeAll(write, [tickAt(at(30)), tickAt(at(35))])
    t.strictSame(await gapsOf(write), everywhere([10, 30]), 'until the next answer')
    await writeAll(write, [failedAt(at(50)), tickAt(at(55))])
    t.strictSame(await gapsOf(write), everywhere([10, 30], [45, 55]), 'and the next is another')
  })

  t.test('the time in which nobody asked is a gap like any other', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [tickAt(at(0)), tickAt(at(180))])
    t.strictSame(await gapsOf(write), everywhere([10, 180]))
  })

  t.test('there is no gap before the first refresh, whatever its answer is of', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [tickAt(at(0), { observedAtMs: at(-3) })])
    t.strictSame(await gapsOf(write), {})
    const { write: failing } = await migrated(t, engine)
    await writeAll(failing, [failedAt(at(0)), failedAt(at(5)), tickAt(at(10))])
    t.strictSame(await gapsOf(failing), everywhere([0, 10]), 'from the first that was asked for')
  })

  t.test('an answer that comes late cuts the gap that it falls into', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [tickAt(at(0)), failedAt(at(40))])
    await writeAll(write, [tickAt(at(20)), tickAt(at(41), { observedAtMs: at(35) })])
    t.strictSame(await gapsOf(write), everywhere([10, 20], [30, 35]))
    await writeAll(write, [tickAt(at(30)), tickAt(at(10))])
    t.strictSame(await gapsOf(write), {}, 'or closes it')
  })

  t.test('a section has gaps of its own', async (t) => {
    const { write } = await migrated(t, engine)
    const sections = [
      seen('north-1', 30),
      unseen('north-2', 'closed', 1),
      unseen('south-2', 'insufficientCoverage', 0.5),
      seen('south-1', 30),
    ]
    await writeAll(write, [tickAt(at(0)), tickAt(at(5), { sections }), tickAt(at(9))])
    t.strictSame(await gapsOf(write), { 'south-2': [[5, 9]] })
  })

  t.test('what is invented fills no gap of what is measured', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [
      tickAt(at(0)),
      tickAt(at(11), { provider: 'simulated' }),
      tickAt(at(15)),
      tickAt(at(30), { provider: 'simulated' }),
    ])
    t.strictSame(await gapsOf(write), everywhere([10, 15]))
    t.strictSame(await gapsOf(write, 'simulated'), everywhere([21, 30]))
  })

  t.test('the gap of a section that a later definition lacks stays known', async (t) => {
    const { write } = await migrated(t, engine)
    const later: Corridor = oneWay([section('north-1', 0, 1000), section('north-3', 1000, 4000)])
    await writeAll(write, [
      tickAt(at(0)),
      failedAt(at(15)),
      tickAt(at(20), { corridor: later }),
      tickAt(at(25), { corridor: later }),
    ])
    t.match(await gapsOf(write), { 'north-1': [[10, 20]], 'south-1': [[10, 15]] })
  })

  t.test('writing the same refreshes again leaves the same gaps', async (t) => {
    const { write } = await migrated(t, engine)
    const ticks = [tickAt(at(0)), failedAt(at(15)), tickAt(at(20)), tickAt(at(50))]
    await writeAll(write, ticks)
    const before = await gapsOf(write)
    await writeAll(write, ticks.toReversed())
    t.strictSame(await gapsOf(write), before)
    t.strictSame(before, everywhere([10, 20], [30, 50]))
  })
})
