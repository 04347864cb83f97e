import { type Database, type DatabasePlace, openDatabase } from '../storage/database/database.ts'
import { databaseFault } from '../storage/database/faults.ts'
import { EX_UNAVAILABLE } from './exit-codes.ts'

/**
 * Does a command's work on a database whose schema nobody has looked at, and closes it.
 * @returns the work's exit code, or 69 after saying why the database cannot be used
 */
export async function withDatabase(
  place: DatabasePlace,
  print: (line: string) => void,
  work: (database: Database) => Promise<number>,
): Promise<number> {
  try {
    // A connection that breaks while idle needs no word here: the next statement tells.
    const database = await openDatabase(place, () => {})
    try {
      return await work(database)
    } finally {
      await database.close()
    }
  } catch (error) {
    const fault = databaseFault(error)
    if (fault === null) throw error
    print(`The database cannot be used: ${fault}.`)
    return EX_UNAVAILABLE
  }
}
