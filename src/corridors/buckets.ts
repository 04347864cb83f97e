import { localTime } from './local-time.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** The lengths of a bucket of time, seconds; a day is a calendar day, which may be longer or shorter. */
export const INTERVAL_SECONDS = { '5m': 300, '15m': 900, '1h': 3600, '1d': 86_400 } as const
export type Interval = keyof typeof INTERVAL_SECONDS
export const INTERVALS = ['5m', '15m', '1h', '1d'] as const satisfies readonly Interval[]

/** A span of time, epoch milliseconds; from below to. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** How far the clocks of a zone are ahead of UTC at a moment, ms. */
function offsetMs(atMs: number, timeZone: string): number {
  const { year, month, day, hour, minute } = localTime(atMs, timeZone)
  return Date.UTC(year, month - 1, day, hour, minute) - (atMs - mod(atMs, MINUTE_MS))
}

/**
 * The first moment of a calendar date in a zone; not always 00:00, where clocks jump at midnight.
 * Of a date that a zone left out, when it moved across the date line, that of the next.
 */
export function startOfDate(year: number, month: number, day: number, timeZone: string): number {
  const utc = Date.UTC(year, month - 1, day)
  // Whatever the offset at midnight is, it is the one of the day before or of the day after.
  const offsets = [utc - DAY_MS, utc + DAY_MS].map((near) => offsetMs(near, timeZone))
  const first = utc - Math.max(...offsets)
  const local = localTime(first, timeZone)
  const hasBegun = Date.UTC(local.year, local.month - 1, local.day) >= utc
  return hasBegun ? first : utc - Math.min(...offsets)
}

/** The calendar day in a zone that a moment lies in: 24 hours, or 23 or 25 when clocks change. */
export function dayOf(atMs: number, timeZone: string): Span {
  const { year, month, day } = localTime(atMs, timeZone)
  const startOf = (date: number): number => startOfDate(year, month, date, timeZone)
  const nextMs = startOf(day + 1)
  // Clocks that go back over midnight show the date before once more: the day that began goes on.
  if (atMs >= nextMs) return { fromMs: nextMs, toMs: startOf(day + 2) }
  return { fromMs: startOf(day), toMs: nextMs }
}

/**
 * The bucket that a moment lies in. Hours and their parts count from the start of the calendar
 * day, so that they are whole in zones that are half an hour off as well.
 */
export function bucketOf(atMs: number, interval: Interval, timeZone: string): Span {
  const day = dayOf(atMs, timeZone)
  return interval === '1d' ? day : partOf(day, atMs, INTERVAL_SECONDS[interval] * 1000)
}

function partOf(day: Span, atMs: number, stepMs: number): Span {
  const fromMs = atMs - ((atMs - day.fromMs) % stepMs)
  return { fromMs, toMs: Math.min(fromMs + stepMs, day.toMs) }
}

/** The buckets of a span in order, the ones that it only touches included. */
export function* bucketsOf(span: Span, interval: Interval, timeZone: string): Generator<Span> {
  const stepMs = INTERVAL_SECONDS[interval] * 1000
  let day = dayOf(span.fromMs, timeZone)
  for (let at = span.fromMs; at < span.toMs; ) {
    if (at >= day.toMs) day = dayOf(at, timeZone)
    const bucket = interval === '1d' ? day : partOf(day, at, stepMs)
    yield bucket
    at = bucket.toMs
  }
}

/** How many buckets a span of whole ones has, without walking through them. */
export const countBuckets = ({ fromMs, toMs }: Span, interval: Interval): number =>
  // Rounded, because calendar days that are longer or shorter add up to no whole number of days.
  Math.round((toMs - fromMs) / (INTERVAL_SECONDS[interval] * 1000))

/** The remainder that is never negative. */
const mod = (value: number, by: number): number => ((value % by) + by) % by
