import { pino } from 'pino'
import { databasePlace } from '../config/database.ts'
import type { Setup } from '../config/setup.ts'
import { Connection } from '../storage/connection.ts'
import { DatabaseAway } from '../storage/database-away.ts'
import { EX_UNAVAILABLE } from './exit-codes.ts'

/**
 * Does a command's work on the configured database and closes it.
 * @returns the work's exit code, or 69 after saying why the database cannot be used
 */
export async function withConnection(
  { config }: Setup,
  print: (line: string) => void,
  work: (connection: Connection) => Promise<number>,
): Promise<number> {
  // What is told in a line need not be logged; only what nobody foresaw is.
  const log = pino({ level: 'error' }, pino.destination(2))
  const connection = new Connection(databasePlace(config), log)
  try {
    try {
      return await work(connection)
    } finally {
      await connection.close()
    }
  } catch (error) {
    if (!(error instanceof DatabaseAway)) throw error
    print(`The database cannot be used: ${error.message}.`)
    return EX_UNAVAILABLE
  }
}
