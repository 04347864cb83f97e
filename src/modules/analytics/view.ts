import { figuresOf } from '../../statistics/figures.ts'
import type { RequestStatistics } from '../../statistics/request-statistics.ts'
import type { CountedDay } from '../../storage/analytics/counts.ts'
import { isoTime } from '../../views/json.ts'
import { type Freshness, statusOf } from './freshness.ts'
import type { AnalyticsView, SummaryView } from './schemas.ts'

const MINUTE_SECONDS = 60

/** A clock that was set back makes no time negative. */
const uptimeSeconds = ({ startedAtMs }: RequestStatistics, nowMs: number): number =>
  Math.max(0, Math.floor((nowMs - startedAtMs) / 1000))

/** @param days null where they were not asked for */
export function analyticsView(
  statistics: RequestStatistics,
  freshness: Freshness[],
  days: readonly CountedDay[] | null,
  nowMs: number,
): AnalyticsView {
  const { requests, cache, errors, upstream } = statistics.figures
  const seconds = uptimeSeconds(statistics, nowMs)
  const minutes = Math.max(1, seconds / MINUTE_SECONDS)
  return {
    since: isoTime(statistics.startedAtMs),
    uptimeSeconds: seconds,
    requests: { ...requests, perMinute: requests.total / minutes },
    cache,
    errors,
    upstream: { ...upstream, latencyMs: statistics.latencyMs },
    byRoute: statistics.byRoute,
    freshness,
    days: days?.map(dayView) ?? null,
  }
}

export function summaryView(
  statistics: RequestStatistics,
  freshness: readonly Freshness[],
  nowMs: number,
): SummaryView {
  const { requests, cache } = statistics.figures
  const minutes = Math.floor(uptimeSeconds(statistics, nowMs) / MINUTE_SECONDS)
  return {
    status: statusOf(freshness),
    successRate: percent(requests.successRate),
    cacheHitRatio: percent(cache.hitRatio),
    errors: statistics.errorCount,
    uptime: `${Math.floor(minutes / 60)}h ${minutes % 60}m`,
  }
}

const dayView = ({ dayMs, counts }: CountedDay) => ({
  date: isoTime(dayMs).slice(0, 10),
  ...figuresOf(counts),
})

const percent = (share: number | null): string | null =>
  share === null ? null : `${(100 * share).toFixed(1)}%`
