import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Kysely, PostgresDialect } from 'kysely'
import { makeFolder } from '../../make-folder.ts'
import { type PoolUse, type PostgresOptions, postgresPool } from './postgres.ts'
import { sqliteDialect } from './sqlite.ts'
import type { Tables } from './tables.ts'

export type Queries = Kysely<Tables>

/** An open database: the same queries whichever engine it is. */
export interface Database {
  readonly engine: 'sqlite' | 'postgres'
  readonly write: Queries
  /** For long reads, which must not hold up a write. */
  readonly read: Queries
  /** The connections to the server; none for the embedded engine. */
  readonly pool: PoolUse
  close(): Promise<void>
}

/** The hashes of keys and the raw answers are for the service's user alone. SQLite's other files take the mode of this. */
const PRIVATE = 0o600

/** Name of the embedded database in the data folder. */
export const SQLITE_FILE = 'ayalon.db'

/** Where there is no connection. */
export const NO_CONNECTIONS: PoolUse = { totalCount: 0, idleCount: 0, waitingCount: 0 }

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
    const pool = await postgresPool(place, onIdleError)
    const queries = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
    const close = (): Promise<void> => queries.destroy()
    return { engine: 'postgres', write: queries, read: queries, pool, close }
  }
  await makeFolder(place.dataDir)
  const file = join(place.dataDir, SQLITE_FILE)
  // Made here where it is not there yet. What cannot be made or written fails at the first query, which says why.
  await appendFile(file, '', { mode: PRIVATE }).catch(() => {})
  const write = new Kysely<Tables>({ dialect: sqliteDialect(file, 'write') })
  const read = new Kysely<Tables>({ dialect: sqliteDialect(file, 'read') })
  return {
    engine: 'sqlite',
    write,
    read,
    pool: NO_CONNECTIONS,
    async close() {
      // SQLite puts its log back into the file when the last connection closes, if that may write.
      await read.destroy().finally(() => write.destroy())
    },
  }
}
