import { sql } from 'kysely'
import type { Database, Queries } from '../database/database.ts'

interface Column {
  readonly table_name: string
  readonly column_name: string
}

const COLUMNS = {
  sqlite: sql<Column>`
    SELECT tables.name AS table_name, columns.name AS column_name
    FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
    WHERE tables.type = 'table' ORDER BY columns.cid`,
  postgres: sql<Column>`
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = current_schema() ORDER BY ordinal_position`,
}

/** The columns of every table that there is, in order. */
export async function columnsByTable(
  engine: Database['engine'],
  db: Queries,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await COLUMNS[engine].execute(db)
  const tables = Map.groupBy(rows, ({ table_name }) => table_name)
  return new Map(
    [...tables].map(([table, columns]) => [table, columns.map(({ column_name }) => column_name)]),
  )
}
