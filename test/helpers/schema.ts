import { sql } from 'kysely'
import type { Database } from '../../src/storage/database/database.ts'

/** A line for each table, column, index and constraint; not those of the migrations' runner. */
export async function schemaOf({ engine, write }: Database): Promise<string[]> {
  const queries = engine === 'sqlite' ? [SQLITE] : [COLUMNS, INDEXES, CONSTRAINTS]
  const answers = await Promise.all(queries.map((query) => query.execute(write)))
  return answers.flatMap(({ rows }) => rows.map((row) => JSON.stringify(row)))
}

const SQLITE = sql`
  SELECT type, name, tbl_name, sql FROM sqlite_master
  WHERE tbl_name NOT LIKE 'kysely%' ORDER BY type, name`

const COLUMNS = sql`
  SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default
  FROM information_schema.columns
  WHERE table_schema = 'public' AND table_name NOT LIKE 'kysely%'
  ORDER BY table_name, ordinal_position`

const INDEXES = sql`
  SELECT indexdef FROM pg_indexes
  WHERE schemaname = 'public' AND tablename NOT LIKE 'kysely%' ORDER BY indexname`

const CONSTRAINTS = sql`
  SELECT conrelid::regclass::text AS table_name, conname, pg_get_constraintdef(oid) AS definition
  FROM pg_constraint
  WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE 'kysely%'
  ORDER BY 1, 2`
