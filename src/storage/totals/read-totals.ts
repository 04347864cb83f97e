import { sql } from 'kysely'
import { INTERVAL_SECONDS, type Interval, type Span } from '../../corridors/buckets.ts'
import type { Source } from '../../corridors/snapshot.ts'
import type { Amounts } from '../../impact/amounts.ts'
import { MODELS, type ModelId } from '../../impact/models.ts'
import type { Queries } from '../database/database.ts'
import { AMOUNT_COLUMNS, fromColumns } from './amount-columns.ts'

/** What the sums are made for: the whole corridor, each direction, or each section. */
export const GROUPINGS = ['corridor', 'direction', 'section'] as const
export type Grouping = (typeof GROUPINGS)[number]

export interface TotalsQuery {
  readonly corridorId: string
  readonly source: Source
  readonly model: ModelId
  readonly interval: Interval
  /** From and to the start of a bucket. */
  readonly span: Span
  readonly by: Grouping
  readonly direction?: string | undefined
  readonly section?: string | undefined
}

/** The totals of one bucket of one group. */
export interface BucketTotals {
  readonly startMs: number
  /** Null where the sum is over all of them. */
  readonly direction: string | null
  readonly section: string | null
  /** The versions of the model that computed its parts; one, as a rule. */
  readonly modelVersions: readonly string[]
  readonly measuredKmH: number
  readonly amounts: Amounts
}

/** Groups as columns; what a grouping does not tell apart is empty. */
const GROUP_COLUMNS = {
  corridor: [],
  direction: ['direction'],
  section: ['direction', 'section'],
} as const satisfies Readonly<Record<Grouping, readonly string[]>>

/**
 * The kept totals of a span, in order of time; buckets without any are left out. Of several results
 * for one section and bucket the one counts that measured the most; among equals that of the
 * model's present version, and what was computed here before what was imported.
 */
export async function readTotals(db: Queries, query: TotalsQuery): Promise<BucketTotals[]> {
  const { model, interval, span, by } = query
  const series = await seriesIds(db, query)
  if (series.length === 0) return []
  const columns: readonly ('direction' | 'section')[] = GROUP_COLUMNS[by]
  const isPresent = sql`CASE WHEN series.model_version = ${MODELS[model].version} THEN 0 ELSE 1 END`
  // To the millionth: sums of the same parts may differ in the last digits.
  const mostMeasured = sql`ROUND(totals.measured_km_h * 1000000)`
  const ranked = db
    .selectFrom('totals')
    .innerJoin('series', 'series.id', 'totals.series')
    .selectAll('totals')
    .select(['series.direction', 'series.section', 'series.model_version'])
    .select((row) =>
      row.fn
        .agg<number>('row_number')
        .over((over) =>
          over
            .partitionBy(['series.section', 'totals.start_ms'])
            .orderBy(mostMeasured, 'desc')
            .orderBy(isPresent)
            .orderBy('totals.origin'),
        )
        .as('place'),
    )
    .where('totals.series', 'in', series)
    .where('totals.bucket_seconds', '=', INTERVAL_SECONDS[interval])
    .where('totals.start_ms', '>=', span.fromMs)
    .where('totals.start_ms', '<', span.toMs)
  const rows = await db
    .selectFrom(ranked.as('ranked'))
    .select(['start_ms', ...columns])
    .select((row) => [
      row.fn.min('model_version').as('oldest'),
      row.fn.max('model_version').as('newest'),
      row.fn.sum<number>('measured_km_h').as('measured_km_h'),
      ...AMOUNT_COLUMNS.map((column) => row.fn.sum<number>(column).as(column)),
    ])
    .where('place', '=', 1)
    .groupBy(['start_ms', ...columns])
    .orderBy('start_ms')
    .execute()
  return rows.map((row) => ({
    startMs: row.start_ms,
    direction: row.direction ?? null,
    section: row.section ?? null,
    modelVersions: [...new Set([row.oldest, row.newest])],
    measuredKmH: row.measured_km_h,
    amounts: fromColumns(row),
  }))
}

async function seriesIds(db: Queries, query: TotalsQuery): Promise<number[]> {
  const { corridorId: corridor, source, model, direction, section } = query
  const wanted = {
    ...{ corridor, source, model },
    ...(direction !== undefined && { direction }),
    ...(section !== undefined && { section }),
  }
  const rows = await db
    .selectFrom('series')
    .select('id')
    .where((row) => row.and(wanted))
    .execute()
  return rows.map(({ id }) => id)
}
