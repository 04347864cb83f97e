import type { CorridorState } from '../../storage/current-state.ts'
import { type Served, servedNow } from '../../storage/freshness.ts'
import type { AnalyticsView, SummaryView } from './schemas.ts'

export type Freshness = AnalyticsView['freshness'][number]

/** How a corridor would be served now. */
export function freshnessOf(
  corridor: string,
  state: CorridorState,
  nowMs: number,
  maxStaleSeconds: number,
): Freshness {
  const served = servedNow(state, nowMs, maxStaleSeconds)
  const ageSeconds = served.kind === 'missing' ? null : served.ageSeconds
  return { corridor, state: STATES[served.kind], ageSeconds }
}

const STATES = {
  fresh: 'fresh',
  stale: 'stale',
  expired: 'unavailable',
  missing: 'unavailable',
} as const satisfies Record<Served['kind'], Freshness['state']>

/** How the data is as a whole. */
export function statusOf(corridors: readonly Freshness[]): SummaryView['status'] {
  if (corridors.every(({ state }) => state === 'fresh')) return 'operational'
  return corridors.every(({ state }) => state === 'unavailable') ? 'down' : 'degraded'
}
