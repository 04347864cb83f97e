import type { DayCount } from '../../statistics/day-counts.ts'
import type { Queries } from '../database/database.ts'
import { chunksOf } from '../totals/chunks.ts'

/** What one process counted since its last batch. */
export interface Batch {
  /** Names the process as no other is named. */
  readonly process: string
  /** Greater than that of any batch of the process before. */
  readonly number: number
  /** Epoch ms. */
  readonly atMs: number
  /** In one order for all processes, so that no two wait for each other. */
  readonly counts: readonly DayCount[]
}

/**
 * Adds a batch to what all processes counted. One that was added before, without its process having
 * learned of it, is not added again: its number is written in the same transaction.
 */
export async function addCounts(db: Queries, batch: Batch): Promise<void> {
  const { process, number, atMs, counts } = batch
  const last = { batch: number, at_ms: atMs }
  const rows = counts.map(({ dayMs, name, count }) => ({ day_ms: dayMs, name, count }))
  await db.transaction().execute(async (transaction) => {
    const isNew = await transaction
      .insertInto('analytics_batches')
      .values({ process, ...last })
      .onConflict((conflict) =>
        conflict.column('process').doUpdateSet(last).where('analytics_batches.batch', '<', number),
      )
      .returning('batch')
      .executeTakeFirst()
    if (isNew === undefined) return
    for (const chunk of chunksOf(rows))
      await transaction
        .insertInto('analytics_counts')
        .values(chunk)
        .onConflict((conflict) =>
          conflict.columns(['day_ms', 'name']).doUpdateSet((row) => ({
            count: row('analytics_counts.count', '+', row.ref('excluded.count')),
          })),
        )
        .execute()
  })
}

/** What all processes counted on one day. */
export interface CountedDay {
  /** Start of the day in UTC, epoch ms. */
  readonly dayMs: number
  readonly counts: ReadonlyMap<string, number>
}

/** The days from a time on of which anything is known, in order. */
export async function readCounts(db: Queries, fromMs: number): Promise<CountedDay[]> {
  const rows = await db
    .selectFrom('analytics_counts')
    .selectAll()
    .where('day_ms', '>=', fromMs)
    .orderBy('day_ms')
    .orderBy('name')
    .execute()
  const days = Map.groupBy(rows, ({ day_ms }) => day_ms)
  return [...days].map(([dayMs, counts]) => ({
    dayMs,
    counts: new Map(counts.map(({ name, count }) => [name, count])),
  }))
}
