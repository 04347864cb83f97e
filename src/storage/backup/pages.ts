import { sql } from 'kysely'
import type { Queries } from '../database/database.ts'
import type { KeptTable } from './kept-tables.ts'

/** A row as the engine gives it. */
type Found = Readonly<Record<string, unknown>>

/** Rows that are held at once. */
const ROWS = 1000
/** The same of raw answers, of which each may have megabytes. */
const BODIES = 20

/** Every row of a table in the order of its key, a page at a time. */
export async function* pagesOf(
  db: Queries,
  { table, key }: KeptTable,
  columns: readonly string[],
): AsyncGenerator<readonly Found[]> {
  const keys = sql.join(key.map((column) => sql.ref(column)))
  const rowsAtOnce = table === 'raw_bodies' ? BODIES : ROWS
  let after = sql``
  for (;;) {
    const { rows } = await sql<Found>`
      SELECT ${sql.join(columns.map((column) => sql.ref(column)))} FROM ${sql.table(table)}
      ${after} ORDER BY ${keys} LIMIT ${rowsAtOnce}`.execute(db)
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    after = sql`WHERE (${keys}) > (${sql.join(key.map((column) => last[column]))})`
  }
}
