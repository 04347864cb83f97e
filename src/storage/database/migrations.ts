import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { sql } from 'kysely'
import {
  type Migration,
  type MigrationResult,
  type MigrationResultSet,
  Migrator,
} from 'kysely/migration'
import { DatabaseAway } from '../database-away.ts'
import type { Queries } from './database.ts'

/** The folder of the project's migrations. */
export const MIGRATIONS_DIR = resolve(import.meta.dirname, '../../../migrations')

const UP = /^(\d{4}_[a-z0-9-]+)\.up\.sql$/

/** Names of the migrations in a folder, in order. */
export const migrationNames = (dir: string): string[] =>
  readdirSync(dir)
    .flatMap((file) => UP.exec(file)?.[1] ?? [])
    .toSorted()

/** Statements end with a semicolon at the end of a line. */
const statementsOf = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .replaceAll(/^--.*$/gm, '')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')

const runFile = (file: string) => async (db: Queries) => {
  for (const statement of statementsOf(file)) await sql.raw(statement).execute(db)
}

function migratorOf(db: Queries, dir: string): Migrator {
  const migrations = migrationNames(dir).map((name): [string, Migration] => [
    name,
    { up: runFile(join(dir, `${name}.up.sql`)), down: runFile(join(dir, `${name}.down.sql`)) },
  ])
  return new Migrator({
    db,
    provider: { getMigrations: async () => Object.fromEntries(migrations) },
  })
}

/** What the migrator's error begins with where the database knows a migration that we do not. */
const UNKNOWN_MIGRATION = /^corrupted migrations: previously executed migration .* is missing$/
/** What is told of a database that a newer version migrated. */
export const NEWER = 'the schema of the database is that of a newer version of this service'

/**
 * Applies every migration that is missing, or takes the last one back, in one transaction. Several
 * processes at once wait for each other. Where none is missing, a schema that is newer than this
 * version is left as it is.
 * @returns what was done, in order
 * @throws DatabaseAway when the schema is newer and would have to be changed
 * @throws the database's error; then nothing was changed
 */
export async function migrate(
  db: Queries,
  direction: 'up' | 'down',
  dir = MIGRATIONS_DIR,
): Promise<readonly MigrationResult[]> {
  if (direction === 'up' && !(await isBehind(db, dir))) return []
  const migrator = migratorOf(db, dir)
  return resultsOf(await (direction === 'up' ? migrator.migrateToLatest() : migrator.migrateDown()))
}

/**
 * Takes the schema to what it was after one of the migrations, up or down.
 * @throws as `migrate` does
 */
export async function migrateTo(db: Queries, name: string, dir: string): Promise<void> {
  resultsOf(await migratorOf(db, dir).migrateTo(name))
}

function resultsOf({ error, results = [] }: MigrationResultSet): readonly MigrationResult[] {
  if (error instanceof Error && UNKNOWN_MIGRATION.test(error.message)) throw new DatabaseAway(NEWER)
  if (error !== undefined) throw error
  return results
}

/** True when a migration of this version was not applied. */
export const isBehind = async (db: Queries, dir = MIGRATIONS_DIR): Promise<boolean> =>
  (await migrationStatus(db, dir)).some(({ appliedAt }) => appliedAt === null)

/** Every migration and when it was applied; null where it was not. */
export async function migrationStatus(
  db: Queries,
  dir = MIGRATIONS_DIR,
): Promise<{ readonly name: string; readonly appliedAt: Date | null }[]> {
  const all = await migratorOf(db, dir).getMigrations()
  return all.map(({ name, executedAt }) => ({ name, appliedAt: executedAt ?? null }))
}
