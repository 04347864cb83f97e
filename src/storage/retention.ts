import { sql } from 'kysely'
import { INTERVAL_SECONDS } from '../corridors/buckets.ts'
import { SOURCES } from '../corridors/snapshot.ts'
import type { Queries } from './database/database.ts'

const DAY_MS = 86_400_000
/** One step deletes at most this much time of a part of a table, ms. */
const STEP_MS = DAY_MS / 4

/** How long things are kept, days. */
export interface RetentionDays {
  /** Observations and all that belongs to them, totals of less than an hour, and analytics. */
  readonly observations: number
  /** Raw answers of the providers. */
  readonly raw: number
}

/** Rows of a table that an index finds in order of time: those with these values in these columns. */
interface Part {
  readonly table: string
  readonly time: string
  readonly where: Readonly<Record<string, string | number>>
}

/**
 * Deletes a little of what is too old: nobody has to wait for it.
 * @returns true where more may be left to delete
 */
export async function retentionStep(
  db: Queries,
  days: RetentionDays,
  nowMs: number,
): Promise<boolean> {
  const raw: Part = { table: 'raw_bodies', time: 'at_ms', where: {} }
  const others = [
    { table: 'provider_calls', time: 'at_ms', where: {} },
    { table: 'analytics_counts', time: 'day_ms', where: {} },
    { table: 'analytics_batches', time: 'at_ms', where: {} },
    ...(await partsOfCorridors(db)),
    ...(await partsOfVersions(db)),
    ...(await partsOfSeries(db)),
  ]
  let more = await sweep(db, raw, nowMs - days.raw * DAY_MS)
  for (const part of others)
    more = (await sweep(db, part, nowMs - days.observations * DAY_MS)) || more
  return more
}

/** Deletes the oldest rows of a part; false where none was too old. */
async function sweep(db: Queries, { table, time, where }: Part, boundMs: number): Promise<boolean> {
  const conditions = Object.entries(where).map(
    ([column, value]) => sql`${sql.ref(column)} = ${value}`,
  )
  const condition = conditions.length > 0 ? sql.join(conditions, sql` AND `) : sql`1 = 1`
  const { rows } = await sql<{ ms: number | null }>`
    SELECT MIN(${sql.ref(time)}) AS ms FROM ${sql.table(table)} WHERE ${condition}`.execute(db)
  const oldestMs = rows[0]?.ms ?? boundMs
  if (oldestMs >= boundMs) return false
  const belowMs = Math.min(boundMs, oldestMs + STEP_MS)
  await sql`DELETE FROM ${sql.table(table)} WHERE ${condition} AND ${sql.ref(time)} < ${belowMs}`.execute(
    db,
  )
  return true
}

async function partsOfCorridors(db: Queries): Promise<Part[]> {
  const rows = await db.selectFrom('corridor_versions').select('corridor').distinct().execute()
  const wheres = rows.flatMap(({ corridor }) => SOURCES.map((source) => ({ corridor, source })))
  return wheres.flatMap((where) => [
    { table: 'refreshes', time: 'ended_ms', where },
    { table: 'snapshots', time: 'fetched_ms', where },
    { table: 'gaps', time: 'to_ms', where },
  ])
}

async function partsOfVersions(db: Queries): Promise<Part[]> {
  const rows = await db.selectFrom('corridor_versions').select('version').execute()
  return rows.map((where) => ({ table: 'observations', time: 'observed_ms', where }))
}

/** Of the totals only the short buckets go; hours and days are kept for ever. */
async function partsOfSeries(db: Queries): Promise<Part[]> {
  const rows = await db.selectFrom('series').select('id').execute()
  const short = [INTERVAL_SECONDS['5m'], INTERVAL_SECONDS['15m']]
  return rows.flatMap(({ id }) =>
    short.map((seconds) => ({
      table: 'totals',
      time: 'start_ms',
      where: { series: id, bucket_seconds: seconds },
    })),
  )
}
