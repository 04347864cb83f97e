import { tickOf } from '../../src/collector/tick-of.ts'
import type { Interval, Span } from '../../src/corridors/buckets.ts'
import { type Corridor, sectionsOf } from '../../src/corridors/corridor.ts'
import type { Outcome } from '../../src/corridors/outcome.ts'
import type { SectionObservation } from '../../src/corridors/section-observation.ts'
import { type ProviderName, type Snapshot, sourceOf } from '../../src/corridors/snapshot.ts'
import type { ProviderCall } from '../../src/providers/provider.ts'
import type { Queries } from '../../src/storage/database/database.ts'
import type { Tick } from '../../src/storage/ticks/tick.ts'
import { writeTick } from '../../src/storage/ticks/write-tick.ts'
import {
  type BucketTotals,
  readTotals,
  type TotalsQuery,
} from '../../src/storage/totals/read-totals.ts'
import { MILL_ROAD, seen } from '../corridors/fixtures/straight-road.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** What a refresh found; all that a test does not care about has a usual value. */
export interface Refresh {
  readonly corridor?: Corridor
  readonly provider?: ProviderName
  /** Of every section, km/h. */
  readonly speedKmh?: number
  /** What was seen of each section; it takes the place of the speed. */
  readonly sections?: readonly SectionObservation[]
  /** The provider's own time; the time of fetching unless said. */
  readonly observedAtMs?: number
  readonly calls?: readonly ProviderCall[]
  readonly snapshot?: Partial<Snapshot>
}

/** What one good refresh, fetched at a moment, is remembered by. */
export function tickAt(fetchedAtMs: number, refresh: Refresh = {}): Tick {
  const { corridor = MILL_ROAD, provider = 'here', speedKmh = 30, calls = [] } = refresh
  const snapshot: Snapshot = {
    id: `${corridor.id}-${fetchedAtMs}`,
    provider,
    observedAtMs: refresh.observedAtMs ?? fetchedAtMs,
    fetchedAtMs,
    sections: refresh.sections ?? sectionsOf(corridor).map(({ id }) => seen(id, speedKmh)),
    refused: [],
    warnings: [],
    ...refresh.snapshot,
  }
  const attempt = { atMs: fetchedAtMs, provider, outcome: 'ok', durationMs: 0, detail: '' } as const
  return tickOf(corridor, sourceOf(provider), [{ attempt, calls }], snapshot, fetchedAtMs)
}

/** What a refresh that failed at a moment is remembered by. */
export function failedAt(
  atMs: number,
  outcome: Outcome = 'timeout',
  provider: ProviderName = 'here',
): Tick {
  const attempt = { atMs, provider, outcome, durationMs: 0, detail: 'no answer' }
  return tickOf(MILL_ROAD, sourceOf(provider), [{ attempt, calls: [] }], null, atMs)
}

/** Writes ticks in the order that they are given in. */
export async function writeAll(db: Queries, ticks: readonly Tick[]): Promise<void> {
  for (const tick of ticks) await writeTick(db, tick)
}

/** Longer than anything is kept. */
export const EVER: Span = { fromMs: 0, toMs: 10 ** 14 }

/** The kept totals of the mill road, of all time and by section unless said. */
export const totalsOf = (
  db: Queries,
  interval: Interval,
  query: Partial<TotalsQuery> = {},
): Promise<BucketTotals[]> =>
  readTotals(db, {
    corridorId: MILL_ROAD.id,
    source: 'live',
    model: 'physical',
    interval,
    span: EVER,
    by: 'section',
    ...query,
  })

/** The sum of one number over some buckets, to nine significant digits: engines add in any order. */
export const sumOf = (
  totals: readonly BucketTotals[],
  number: (total: BucketTotals) => number = ({ amounts }) => amounts.delay.central,
): string => totals.reduce((sum, total) => sum + number(total), 0).toPrecision(9)

const TABLES = [
  'corridor_versions',
  'refreshes',
  'provider_calls',
  'raw_bodies',
  'snapshots',
  'observations',
  'gaps',
  'series',
  'totals',
] as const

/** Every row of every table but those named, a line each; numbers to nine significant digits. */
export async function contentsOf(
  db: Queries,
  ...without: (typeof TABLES)[number][]
): Promise<string[]> {
  const lines: string[] = []
  const rounded = (_key: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? value.toPrecision(9) : value
  for (const table of TABLES.filter((name) => !without.includes(name))) {
    const rows = await db.selectFrom(table).selectAll().execute()
    lines.push(...rows.map((row) => `${table} ${JSON.stringify(row, rounded)}`).toSorted())
  }
  return lines
}
