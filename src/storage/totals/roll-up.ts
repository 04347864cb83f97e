import { sql } from 'kysely'
import {
  bucketOf,
  INTERVAL_SECONDS,
  INTERVALS,
  type Interval,
  type Span,
} from '../../corridors/buckets.ts'
import type { Queries } from '../database/database.ts'
import { SUMMED_COLUMNS } from './amount-columns.ts'

/**
 * Computes anew every longer bucket that some shorter ones lie in: each interval from the one
 * below it.
 * @param moments a moment in each of the shorter buckets that changed
 * @param changed their interval
 */
export async function rollUp(
  db: Queries,
  series: readonly number[],
  moments: Iterable<number>,
  changed: Interval,
  timeZone: string,
): Promise<void> {
  const starts = [...moments]
  if (series.length === 0) return
  const [, ...longer] = INTERVALS.slice(INTERVALS.indexOf(changed))
  let from = changed
  for (const to of longer) {
    const buckets = new Map(
      starts.map((atMs) => bucketOf(atMs, to, timeZone)).map((bucket) => [bucket.fromMs, bucket]),
    )
    for (const bucket of buckets.values()) await sumInto(db, series, bucket, from, to)
    from = to
  }
}

/** One bucket of each series from the shorter ones in it; where there is none, it is taken away. */
async function sumInto(
  db: Queries,
  series: readonly number[],
  bucket: Span,
  from: Interval,
  to: Interval,
): Promise<void> {
  await db
    .deleteFrom('totals')
    .where('series', 'in', series)
    .where('bucket_seconds', '=', INTERVAL_SECONDS[to])
    .where('start_ms', '=', bucket.fromMs)
    .where('origin', '=', 'computed')
    .execute()
  const parts = bestTotals(db, series, INTERVAL_SECONDS[from], bucket)
  await db
    .insertInto('totals')
    .columns(['series', 'bucket_seconds', 'start_ms', 'origin', ...SUMMED_COLUMNS])
    .expression(
      db
        .selectFrom(parts.as('parts'))
        .select('series')
        .select([
          sql.lit(INTERVAL_SECONDS[to]).as('bucket_seconds'),
          sql.lit(bucket.fromMs).as('start_ms'),
          sql.lit('computed').as('origin'),
        ])
        .select((row) => SUMMED_COLUMNS.map((column) => row.fn.sum<number>(column).as(column)))
        .where('place', '=', 1)
        .groupBy('series'),
    )
    .execute()
}

/**
 * The rows of a span, numbered by `place`: where a bucket was both computed and imported, the one
 * that measured more comes first.
 */
const bestTotals = (
  db: Queries,
  series: readonly number[],
  bucketSeconds: number,
  { fromMs, toMs }: Span,
) =>
  db
    .selectFrom('totals')
    .selectAll()
    .select((row) =>
      row.fn
        .agg<number>('row_number')
        .over((over) =>
          over
            .partitionBy(['series', 'start_ms'])
            .orderBy('measured_km_h', 'desc')
            .orderBy('origin'),
        )
        .as('place'),
    )
    .where('series', 'in', series)
    .where('bucket_seconds', '=', bucketSeconds)
    .where('start_ms', '>=', fromMs)
    .where('start_ms', '<', toMs)
