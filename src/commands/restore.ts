import type { Variables } from '../config/config.ts'
import { databasePlace } from '../config/database.ts'
import { loadConfig } from '../config/setup.ts'
import { ArchiveFault } from '../storage/backup/archive.ts'
import { type Archive, readArchive } from '../storage/backup/read-archive.ts'
import { NotEmpty, restoreArchive } from '../storage/backup/restore-archive.ts'
import { MIGRATIONS_DIR, migrationNames } from '../storage/database/migrations.ts'
import { EX_CANTCREAT, EX_DATAERR, EX_NOINPUT, EX_USAGE } from './exit-codes.ts'
import { withDatabase } from './with-database.ts'

const USAGE = 'usage: npm run restore -- FILE (of npm run backup)'

/**
 * Puts a backup into an empty database, all of it or nothing, and makes the schema.
 * @param dir folder of the migrations
 * @returns the exit code: 0 done, 64 wrong usage, 65 not a whole backup that this version can use,
 * 66 no such file, 69 the database cannot be used, 73 it is not empty
 * @throws ConfigError when the environment is wrong
 */
export async function restoreBackup(
  args: readonly string[],
  environment: Variables,
  print: (line: string) => void,
  dir = MIGRATIONS_DIR,
): Promise<number> {
  const [file = '-'] = args
  if (args.length > 1 || file.startsWith('-')) {
    print(USAGE)
    return EX_USAGE
  }
  const place = databasePlace(loadConfig(environment))
  try {
    const archive = await lookAt(file, dir)
    if (archive === null) {
      print(`${file}: cannot be read`)
      return EX_NOINPUT
    }
    const { head, tail } = archive
    const { madeAt, engine, service, schema } = head
    print(`${file}: made ${madeAt} by version ${service} from ${engine}, schema ${schema}`)
    return await withDatabase(place, print, async (database) => {
      await restoreArchive(database, file, head, dir)
      for (const [table, rows] of Object.entries(tail.rows)) print(`${table} ${rows}`)
      return 0
    })
  } catch (error) {
    if (error instanceof NotEmpty) {
      print(`The database is not empty, and nothing was changed: ${error.message} have rows.`)
      return EX_CANTCREAT
    }
    if (!(error instanceof ArchiveFault)) throw error
    print(`${file}: ${error.message}`)
    return EX_DATAERR
  }
}

/** Reads the archive to its end, before anything is written; null where the file cannot be read. */
async function lookAt(file: string, dir: string): Promise<Archive | null> {
  try {
    return await readArchive(file, migrationNames(dir), async () => {})
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error
    return null
  }
}
