import { databasePlace } from '../config/database.ts'
import { loadConfig } from '../config/setup.ts'
import type { Queries } from '../storage/database/database.ts'
import { MIGRATIONS_DIR, migrate, migrationStatus } from '../storage/database/migrations.ts'
import { createMigration, MIGRATION_NAME } from './create-migration.ts'
import { EX_USAGE } from './exit-codes.ts'
import { withDatabase } from './with-database.ts'

const USAGE = 'usage: npm run migrate -- up | down | status | create NAME (of a-z, 0-9 and -)'

/** What is done on the database, by the word that asks for it; its lines for the user. */
const ACTIONS = new Map<string, (db: Queries, dir: string) => Promise<string[]>>([
  ['up', (db, dir) => change(db, 'up', 'applied', dir)],
  ['down', (db, dir) => change(db, 'down', 'taken back', dir)],
  ['status', status],
])

/**
 * Applies every migration that is missing, takes the last one back, tells which are applied, or
 * makes the files of a new one.
 * @param dir folder of the migrations
 * @returns the exit code: 0 done, 64 wrong usage, 69 the database cannot be used
 * @throws ConfigError when the environment is wrong
 * @throws the error of a migration, which then changed nothing, or of a folder without write access
 */
export async function migrateDatabase(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  print: (line: string) => void,
  dir = MIGRATIONS_DIR,
): Promise<number> {
  const [word = '', name = ''] = args
  if (word === 'create' && args.length === 2 && MIGRATION_NAME.test(name)) {
    for (const file of createMigration(dir, name)) print(file)
    return 0
  }
  const action = ACTIONS.get(word)
  if (action === undefined || args.length > 1) {
    print(USAGE)
    return EX_USAGE
  }
  const place = databasePlace(loadConfig(environment))
  return withDatabase(place, print, async ({ write }) => {
    for (const line of await action(write, dir)) print(line)
    return 0
  })
}

async function change(
  db: Queries,
  direction: 'up' | 'down',
  done: string,
  dir: string,
): Promise<string[]> {
  const results = await migrate(db, direction, dir)
  if (results.length === 0) return ['nothing to do']
  return results.map(({ migrationName }) => `${migrationName} ${done}`)
}

async function status(db: Queries, dir: string): Promise<string[]> {
  const all = await migrationStatus(db, dir)
  return all.map(({ name, appliedAt }) => `${name} ${appliedAt?.toISOString() ?? 'pending'}`)
}
