import { sql } from 'kysely'
import type { Database, Queries } from '../database/database.ts'

interface Found {
  readonly table_name: string
  readonly column_name: string
  readonly data_type: string
}

/** A column, and what its values are to JavaScript where they are not null. */
export interface Column {
  readonly name: string
  readonly kind: 'string' | 'number'
}

const COLUMNS = {
  sqlite: sql<Found>`
    SELECT tables.name AS table_name, columns.name AS column_name, columns.type AS data_type
    FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
    WHERE tables.type = 'table' ORDER BY columns.cid`,
  postgres: sql<Found>`
    SELECT table_name, column_name, data_type FROM information_schema.columns
    WHERE table_schema = current_schema() ORDER BY ordinal_position`,
}

/** The columns of every table that there is, in order. */
export async function columnsByTable(
  engine: Database['engine'],
  db: Queries,
): Promise<ReadonlyMap<string, readonly Column[]>> {
  const { rows } = await COLUMNS[engine].execute(db)
  const tables = Map.groupBy(rows, ({ table_name }) => table_name)
  return new Map(
    [...tables].map(([table, columns]) => [
      table,
      columns.map(({ column_name, data_type }) => ({
        name: column_name,
        kind: data_type.toUpperCase() === 'TEXT' ? 'string' : 'number',
      })),
    ]),
  )
}
