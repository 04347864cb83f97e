import { CompiledQuery, sql } from 'kysely'
import type { Database, Queries } from '../database/database.ts'
import { migrate, migrateTo, migrationNames } from '../database/migrations.ts'
import { SqliteError } from '../database/sqlite-driver.ts'
import { ArchiveFault, DAMAGED, type Head, readRow } from './archive.ts'
import { type Column, columnsByTable } from './columns.ts'
import { KEPT_TABLES } from './kept-tables.ts'
import { type Part, readArchive } from './read-archive.ts'

/** There is something where the backup was to go; the message says in which tables. */
export class NotEmpty extends Error {
  override readonly name = 'NotEmpty'
}

/**
 * Puts what an archive has into an empty database, whatever its schema, and leaves it with the
 * schema of this version. All of it is one transaction: what fails, or is killed, changed nothing.
 * @param head of the archive, which was read to its end before
 * @param dir folder of the migrations
 * @throws NotEmpty, ArchiveFault, DatabaseAway, the database's error
 */
export const restoreArchive = (
  { engine, write }: Database,
  file: string,
  head: Head,
  dir: string,
): Promise<void> =>
  write.transaction().execute(async (db) => {
    await checkEmpty(engine, db)
    await migrateTo(db, head.schema, dir)
    const columns = await columnsByTable(engine, db)
    await readArchive(file, migrationNames(dir), async (part) => {
      const here = columns.get(part.table)
      if (
        !here ||
        !isKept(part.table) ||
        here.map(({ name }) => name).join() !== part.columns.join()
      )
        throw new ArchiveFault(DAMAGED)
      await insert(engine, db, part, here)
    })
    await migrate(db, 'up', dir)
  })

const isKept = (name: string): boolean => KEPT_TABLES.some(({ table }) => table === name)

/** Nobody else writes from here on: the embedded engine has one writer anyway. */
async function checkEmpty(engine: Database['engine'], db: Queries): Promise<void> {
  const columns = await columnsByTable(engine, db)
  const tables = KEPT_TABLES.map(({ table }) => table).filter((table) => columns.has(table))
  if (engine === 'postgres' && tables.length > 0)
    await sql`LOCK TABLE ${sql.join(tables.map((table) => sql.table(table)))} IN EXCLUSIVE MODE`.execute(
      db,
    )
  const full: string[] = []
  for (const table of tables) {
    const { rows } = await sql`SELECT 1 FROM ${sql.table(table)} LIMIT 1`.execute(db)
    if (rows.length > 0) full.push(table)
  }
  if (full.length > 0) throw new NotEmpty(full.join(', '))
}

/** Postgres' codes for a character that its text cannot hold. */
const NO_CHARACTER = ['22021', '22P05']

/** Not by the query builder, which takes longer to put such a statement together than to run it. */
async function insert(
  engine: Database['engine'],
  db: Queries,
  { table, lines }: Part,
  columns: readonly Column[],
): Promise<void> {
  const rows = lines.map((line) => readRow(line, columns))
  let number = 0
  const place = engine === 'sqlite' ? () => '?' : () => `$${++number}`
  const values = rows.map((row) => `(${row.map(place).join()})`).join()
  const names = columns.map(({ name }) => `"${name}"`).join()
  const text = `INSERT INTO "${table}" (${names}) VALUES ${values}`
  try {
    await db.executeQuery(CompiledQuery.raw(text, rows.flat()))
  } catch (error) {
    throw rowFault(error, table) ?? error
  }
}

/** SQLite's primary codes for a row that breaks a rule of its table, and for a wrong type. */
const SQLITE_ROW_FAULTS = [19, 20]
/** Postgres' classes for the same: a wrong value, and a rule that is broken. */
const POSTGRES_ROW_FAULTS = ['22', '23']

/** Why the archive is to blame for what the database says of a row of it; null where it is not. */
function rowFault(error: unknown, table: string): ArchiveFault | null {
  const code = String(Object(error).code)
  const isOfRow =
    error instanceof SqliteError
      ? SQLITE_ROW_FAULTS.includes(error.errcode & 0xff)
      : POSTGRES_ROW_FAULTS.includes(code.slice(0, 2))
  if (!isOfRow) return null
  return new ArchiveFault(
    NO_CHARACTER.includes(code)
      ? `has a character in ${table} that the server's database cannot keep`
      : DAMAGED,
  )
}
