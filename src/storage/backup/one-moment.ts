import { sql } from 'kysely'
import type { Database, Queries } from '../database/database.ts'

/** Whoever takes the rows may be slow: a server must not end what waits for it. */
const NO_HURRY = 'SET LOCAL idle_in_transaction_session_timeout = 0'

const BEGIN = {
  sqlite: ['BEGIN'],
  postgres: ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', NO_HURRY],
}

/**
 * Reads a database as it is at one moment, whatever others write meanwhile. It holds up no writer;
 * what is written meanwhile takes room until it ends.
 */
export const atOneMoment = <T>(
  { engine, read }: Database,
  work: (db: Queries) => Promise<T>,
): Promise<T> =>
  read.connection().execute(async (db) => {
    for (const statement of BEGIN[engine]) await sql.raw(statement).execute(db)
    try {
      return await work(db)
    } finally {
      // On a connection that broke there is nothing to end.
      await sql`ROLLBACK`.execute(db).catch(() => {})
    }
  })
