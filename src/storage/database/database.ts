import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Kysely } from 'kysely'
import { type PostgresOptions, postgresDialect } from './postgres.ts'
import { sqliteDialect } from './sqlite.ts'
import type { Tables } from './tables.ts'

export type Queries = Kysely<Tables>

/** An open database: the same queries whichever engine it is. */
export interface Database {
  readonly engine: 'sqlite' | 'postgres'
  readonly write: Queries
  /** For long reads, which must not hold up a write. */
  readonly read: Queries
  close(): Promise<void>
}

/** Name of the embedded database in the data folder. */
export const SQLITE_FILE = 'ayalon.db'

/** Where the database is: a folder for the embedded one, or a Postgres server. */
export type DatabasePlace = { readonly dataDir: string } | PostgresOptions

/**
 * Opens the database; connections are made at the first query.
 * @param onIdleError told when a connection breaks that nobody uses
 * @throws the file system's error when the data folder cannot be made
 */
export async function openDatabase(
  place: DatabasePlace,
  onIdleError: (error: Error) => void,
): Promise<Database> {
  if ('url' in place) {
    const pool = new Kysely<Tables>({ dialect: await postgresDialect(place, onIdleError) })
    return { engine: 'postgres', write: pool, read: pool, close: () => pool.destroy() }
  }
  await mkdir(place.dataDir, { recursive: true })
  const file = join(place.dataDir, SQLITE_FILE)
  const write = new Kysely<Tables>({ dialect: sqliteDialect(file, 'write') })
  const read = new Kysely<Tables>({ dialect: sqliteDialect(file, 'read') })
  return {
    engine: 'sqlite',
    write,
    read,
    async close() {
      await Promise.all([write.destroy(), read.destroy()])
    },
  }
}
