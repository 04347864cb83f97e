import { Registry } from 'prom-client'
import t from 'tap'
import type { Snapshot } from '../../src/corridors/snapshot.ts'
import { snapshotMetrics } from '../../src/metrics/snapshot.ts'
import { CurrentState } from '../../src/storage/current-state.ts'
import {
  MILL_ROAD,
  SUNDAY_MORNING,
  seen,
  snapshotOf,
  unseen,
} from '../corridors/fixtures/straight-road.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { parseScrape, seriesOf } from '../helpers/scrape.ts'

const ROAD = MILL_ROAD.id
const NORTH = `{corridor="${ROAD}",direction="northbound"}`
const SOUTH = `{corridor="${ROAD}",direction="southbound"}`
const WATCHED = [`ayalon_corridor_info{corridor="${ROAD}"}`, 1]
const PER_DIRECTION = [
  'ayalon_snapshot_coverage_ratio',
  'ayalon_delay_vehicle_seconds_per_second',
  'ayalon_excess_co2_grams_per_second',
  'ayalon_excess_fuel_litres_per_second',
]

function road() {
  const clock = new FakeClock(SUNDAY_MORNING)
  const state = new CurrentState()
  const registry = new Registry()
  snapshotMetrics(registry, { corridors: [MILL_ROAD], state, clock, maxStaleSeconds: 7200 })
  const note = (
    snapshot: Snapshot | null,
    outcome: 'ok' | 'unreachable' = 'ok',
    atMs = SUNDAY_MORNING,
  ): void =>
    state.note(
      MILL_ROAD,
      { atMs, provider: 'replay', outcome, durationMs: 1, detail: '' },
      snapshot,
    )
  const scrape = async () => parseScrape(await registry.metrics())
  return { clock, note, scrape }
}

const HALF = snapshotOf(
  seen('north-1', 40),
  unseen('north-2', 'insufficientCoverage', 0.1),
  unseen('south-2', 'insufficientCoverage', 0),
  unseen('south-1', 'insufficientCoverage', 0),
)

t.test(
  'before the first snapshot nothing is told of the road but that it is watched',
  async (t) => {
    const { note, scrape } = road()
    t.strictSame([...(await scrape())], [WATCHED])
    note(null, 'unreachable')
    t.strictSame([...(await scrape())], [WATCHED], 'nor where the first refresh failed')
  },
)

t.test('what is not measured is absent, not 0', async (t) => {
  const { note, scrape } = road()
  note(HALF)
  const told = await scrape()
  t.strictSame(seriesOf(told, 'ayalon_snapshot_age_seconds'), { [`{corridor="${ROAD}"}`]: 0 })
  t.strictSame(seriesOf(told, 'ayalon_snapshot_info'), {
    [`{corridor="${ROAD}",provider="replay"}`]: 1,
  })
  const [coverage = '', ...rates] = PER_DIRECTION
  t.strictSame(seriesOf(told, coverage), { [NORTH]: 0.25, [SOUTH]: 0 })
  for (const name of rates) t.strictSame(Object.keys(seriesOf(told, name)), [NORTH], name)
})

t.test('a closed road has no delay, and says so', async (t) => {
  const { note, scrape } = road()
  note(snapshotOf(...HALF.sections.map(({ id }) => unseen(id, 'closed', 1))))
  for (const name of PER_DIRECTION.slice(1))
    t.strictSame(seriesOf(await scrape(), name), { [NORTH]: 0, [SOUTH]: 0 })
})

t.test('what is too old to be served is absent, but its age goes on', async (t) => {
  const { clock, note, scrape } = road()
  note(HALF)
  clock.move(7_200_000)
  t.equal((await scrape()).has(`ayalon_delay_vehicle_seconds_per_second${NORTH}`), true)
  clock.move(1000)
  t.strictSame(
    [...(await scrape())],
    [WATCHED, [`ayalon_snapshot_age_seconds{corridor="${ROAD}"}`, 7201]],
  )
})

t.test('an answer that measures nothing is forgotten when the next one fails', async (t) => {
  const { clock, note, scrape } = road()
  note(snapshotOf())
  t.equal((await scrape()).get(`ayalon_snapshot_coverage_ratio${NORTH}`), 0)
  clock.move(300_000)
  note(null, 'unreachable', clock.now())
  t.strictSame([...(await scrape())], [WATCHED])
})

t.test('the impact of a snapshot is computed once, however often it is scraped', async (t) => {
  const { note, scrape } = road()
  let computed = 0
  const counted = (id: string): Snapshot => ({
    ...HALF,
    id,
    get sections() {
      computed += 1
      return HALF.sections
    },
  })
  for (const [id, times] of [
    ['1', 1],
    ['2', 2],
  ] as const) {
    note(counted(id))
    await scrape()
    await scrape()
    t.equal(computed, times)
  }
})
