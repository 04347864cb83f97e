import { INTERVAL_SECONDS, type Span } from '../../corridors/buckets.ts'
import type { SectionSamples } from '../../corridors/observed.ts'
import { amountsBySlot } from '../../impact/amounts.ts'
import type { Queries } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { toColumns } from './amount-columns.ts'
import { chunksOf } from './chunks.ts'

/** Length of the shortest bucket, of which all longer ones are the sums, ms. */
export const SLOT_MS = INTERVAL_SECONDS['5m'] * 1000

/**
 * Replaces the computed slots of a span.
 * @param series the ids of the series by section
 * @returns the starts of the slots that were there or are there now
 */
export async function writeSlots(
  db: Queries,
  series: ReadonlyMap<string, number>,
  sections: readonly SectionSamples[],
  { fromMs, toMs }: Span,
): Promise<ReadonlySet<number>> {
  if (series.size === 0) return new Set()
  const removed = await db
    .deleteFrom('totals')
    .where('series', 'in', [...series.values()])
    .where('bucket_seconds', '=', INTERVAL_SECONDS['5m'])
    .where('start_ms', '>=', fromMs)
    .where('start_ms', '<', toMs)
    .where('origin', '=', 'computed')
    .returning('start_ms')
    .execute()
  const samples = new Map(sections.map((one) => [one.section, one.samples]))
  const rows = [...series].flatMap(([section, id]) =>
    slotRows(id, samples.get(section) ?? [], { fromMs, toMs }),
  )
  await insertTotals(db, rows)
  return new Set([...removed, ...rows].map(({ start_ms }) => start_ms))
}

function slotRows(
  series: number,
  samples: SectionSamples['samples'],
  { fromMs, toMs }: Span,
): Tables['totals'][] {
  const slots = amountsBySlot(samples, fromMs, toMs, SLOT_MS)
  const key = { series, bucket_seconds: INTERVAL_SECONDS['5m'], origin: 'computed' } as const
  return [...slots].map(([start_ms, { amounts, measuredHours }]) => ({
    ...key,
    start_ms,
    measured_km_h: measuredHours,
    ...toColumns(amounts),
  }))
}

/** Adds rows that are not there yet. */
async function insertTotals(db: Queries, rows: readonly Tables['totals'][]): Promise<void> {
  for (const chunk of chunksOf(rows))
    await db
      .insertInto('totals')
      .values(chunk)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
}
