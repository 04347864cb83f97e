import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a migration may be called, after its number. */
export const MIGRATION_NAME = /^[a-z0-9][a-z0-9-]*$/

const FORMAT =
  'Statements that SQLite and Postgres both speak, each with a semicolon at the end of its line.'

const CONTENTS = {
  up: `-- What changes in the schema. ${FORMAT}\n`,
  down: `-- What takes the change back, in the opposite order. ${FORMAT}\n`,
}

/**
 * Makes the two files of a new migration, with the next number.
 * @param name as MIGRATION_NAME wants it
 * @returns their paths
 * @throws the file system's error when the folder cannot be used, or a file is there already
 */
export function createMigration(dir: string, name: string): string[] {
  const numbers = readdirSync(dir).map((file) => Number(/^(\d{4})_/.exec(file)?.[1] ?? 0))
  const number = String(Math.max(0, ...numbers) + 1).padStart(4, '0')
  return Object.entries(CONTENTS).map(([direction, content]) => {
    const file = join(dir, `${number}_${name}.${direction}.sql`)
    writeFileSync(file, content, { flag: 'wx' })
    return file
  })
}
