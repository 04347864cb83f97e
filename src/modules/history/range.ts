import { bucketOf, countBuckets, dayOf, type Interval, type Span } from '../../corridors/buckets.ts'
import { type Moment, momentMs } from '../../views/moment.ts'
import { wrongQuery } from './wrong-query.ts'

/** Most buckets of one range. */
const MOST_BUCKETS = 10_000
/** Without `from`, a range begins this long before its end, ms. */
const DEFAULT_MS = 86_400_000

/** What a client asked for, as far as it did. */
interface Asked {
  readonly from?: Moment | undefined
  readonly to?: Moment | undefined
  readonly interval: Interval
}

/**
 * The whole buckets that a range touches. A range ends now at the latest; until the end of today
 * is taken to mean that, later is refused.
 * @throws Problem `invalid_input` for a range that is reversed, in the future or too long
 */
export function rangeOf({ from, to, interval }: Asked, timeZone: string, nowMs: number): Span {
  const moment = (asked: Moment): number => momentMs(asked, timeZone)
  const askedToMs = to === undefined ? nowMs : moment(to)
  const fromMs = from === undefined ? Math.min(askedToMs, nowMs) - DEFAULT_MS : moment(from)
  if (fromMs > nowMs) throw wrongQuery('from', 'lies in the future')
  if (fromMs >= askedToMs)
    throw wrongQuery('from', 'must be before to, which is not part of the range')
  if (askedToMs > dayOf(nowMs, timeZone).toMs) throw wrongQuery('to', 'lies in the future')
  const toMs = Math.min(askedToMs, nowMs)
  const range = {
    fromMs: bucketOf(fromMs, interval, timeZone).fromMs,
    // The last moment of the range, so that a range that ends with a bucket does not touch the next.
    toMs: bucketOf(Math.max(fromMs, toMs - 1), interval, timeZone).toMs,
  }
  const buckets = countBuckets(range, interval)
  if (buckets > MOST_BUCKETS)
    throw wrongQuery(
      'interval',
      `gives ${buckets} buckets in this range, which is more than ${MOST_BUCKETS}`,
    )
  return range
}
