import t from 'tap'
import type { ProviderCall } from '../../src/providers/provider.ts'
import type { Queries } from '../../src/storage/database/database.ts'
import { retentionStep } from '../../src/storage/retention.ts'
import { corridorWith, SUNDAY_MORNING } from '../corridors/fixtures/straight-road.ts'
import { migrated, onBothEngines } from '../helpers/databases.ts'
import {
  contentsOf,
  DAY,
  failedAt,
  HOUR,
  MINUTE,
  tickAt,
  totalsOf,
  writeAll,
} from '../helpers/ticks.ts'

const START = SUNDAY_MORNING
const DAYS = { observations: 400, raw: 30 }

const call = (atMs: number): ProviderCall => ({
  name: 'mill-road',
  atMs,
  durationMs: 1,
  outcome: 'ok',
  body: '{}',
})
const asked = (atMs: number) => tickAt(atMs, { calls: [call(atMs)] })

/** Lets go of all that is too old; how many steps it took. */
async function forget(db: Queries, nowMs: number): Promise<number> {
  for (let steps = 1; ; steps += 1) if (!(await retentionStep(db, DAYS, nowMs))) return steps
}

/** How many rows each table has. */
async function countsOf(db: Queries): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const line of await contentsOf(db)) {
    const [table = ''] = line.split(' ')
    counts[table] = (counts[table] ?? 0) + 1
  }
  return counts
}

await onBothEngines(t, async (t, engine) => {
  t.test('of an empty memory there is nothing to let go of', async (t) => {
    const { write } = await migrated(t, engine)
    t.equal(await retentionStep(write, DAYS, START), false)
  })

  t.test('bodies go after their days, and nothing else with them', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [asked(START), asked(START + HOUR)])
    const before = await countsOf(write)
    const days = (count: number) => START + count * DAY
    t.equal(await retentionStep(write, DAYS, days(30)), false)
    t.strictSame(await countsOf(write), before, 'to the millisecond')
    t.equal(await retentionStep(write, DAYS, days(30) + 1), true)
    t.strictSame(await countsOf(write), { ...before, raw_bodies: 1 })
    await forget(write, days(31))
    const { raw_bodies: _, ...others } = before
    t.strictSame(await countsOf(write), others)
  })

  t.test('observations go after theirs, and hours and days stay for ever', async (t) => {
    const { write } = await migrated(t, engine)
    const minutes = [0, 5, 30, 400 * 24 * 60, 400 * 24 * 60 + 5]
    await writeAll(
      write,
      minutes.map((minute) => asked(START + minute * MINUTE)),
    )
    const hours = await totalsOf(write, '1h')
    const days = await totalsOf(write, '1d')
    t.equal(hours.length, 4 * (2 + 1), 'the hours of the two days, of each section')
    const now = START + 400 * DAY + 6 * MINUTE
    await forget(write, now)
    t.strictSame(await totalsOf(write, '1h'), hours)
    t.strictSame(await totalsOf(write, '1d'), days)
    const left = START + 6 * MINUTE
    t.ok((await totalsOf(write, '5m')).every(({ startMs }) => startMs >= left))
    t.ok((await totalsOf(write, '15m')).every(({ startMs }) => startMs >= left))
    const kept = await countsOf(write)
    t.match(kept, { observations: 3 * 4, snapshots: 3, refreshes: 3, provider_calls: 3 })
    const gaps = await write.selectFrom('gaps').selectAll().execute()
    t.ok(gaps.length > 0 && gaps.every(({ to_ms }) => to_ms >= left))
    await forget(write, now + 400 * DAY)
    t.strictSame(Object.keys(await countsOf(write)).toSorted(), [
      'corridor_versions',
      'series',
      'totals',
    ])
    t.strictSame(await totalsOf(write, '1h'), hours)
    t.strictSame(await totalsOf(write, '5m'), [])
  })

  t.test(
    'it goes in steps of some hours, oldest first, and tells whether more is left',
    async (t) => {
      const { write } = await migrated(t, engine)
      const hours = [0, 2, 6, 7, 13, 40]
      await writeAll(
        write,
        hours.map((hour) => tickAt(START + hour * HOUR)),
      )
      const now = START + 400 * DAY + 14 * HOUR
      const left: number[][] = []
      let more = true
      while (more) {
        more = await retentionStep(write, DAYS, now)
        const rows = await write.selectFrom('snapshots').select('fetched_ms').execute()
        left.push(rows.map((row) => (row.fetched_ms - START) / HOUR).toSorted((a, b) => a - b))
      }
      t.strictSame(left.slice(0, 3), [[6, 7, 13, 40], [13, 40], [40]])
      t.strictSame(left.at(-1), [40])
    },
  )

  t.test('every corridor, definition and source has its turn', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [
      tickAt(START, { corridor: corridorWith({ id: 'other-road' }) }),
      tickAt(START, { corridor: corridorWith({ name: 'Mill Road before' }), provider: 'replay' }),
      tickAt(START, { provider: 'simulated', snapshot: { id: 'one' } }),
      failedAt(START + 20 * MINUTE, 'timeout', 'simulated'),
      tickAt(START, { snapshot: { id: 'two' } }),
    ])
    await forget(write, START + 500 * DAY)
    const { corridor_versions, series, totals, ...others } = await countsOf(write)
    t.strictSame(others, {})
    t.equal(corridor_versions, 3)
    t.ok(totals)
    t.ok(series)
  })
})
