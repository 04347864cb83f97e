import type { QuotaWindow } from '../../storage/shared/shared-store.ts'

/** The most calls that may be made in a period of the calendar; null: any number. */
export interface QuotaLimits {
  readonly hour: number | null
  readonly day: number | null
  readonly month: number | null
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** The hour, the day and the month (UTC) that a moment lies in, with their limits. */
export function windowsAt(nowMs: number, limits: QuotaLimits): readonly QuotaWindow[] {
  const now = new Date(nowMs)
  const monthStart = (later: number): number =>
    Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + later)
  const hourMs = nowMs - (nowMs % HOUR_MS)
  const dayMs = nowMs - (nowMs % DAY_MS)
  return [
    { period: 'hour', fromMs: hourMs, toMs: hourMs + HOUR_MS, limit: limits.hour },
    { period: 'day', fromMs: dayMs, toMs: dayMs + DAY_MS, limit: limits.day },
    { period: 'month', fromMs: monthStart(0), toMs: monthStart(1), limit: limits.month },
  ]
}
