import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Secret } from '../../src/secret.ts'
import {
  type Database,
  type DatabasePlace,
  openDatabase,
} from '../../src/storage/database/database.ts'
import { migrate } from '../../src/storage/database/migrations.ts'
import { newDatabase, noPostgres, type PostgresServer, startPostgres } from './postgres.ts'

/** Where an engine keeps an empty database of its own for one test. */
export interface Engine {
  readonly name: 'sqlite' | 'postgres'
  /** A new, empty database. */
  newPlace(t: Test): Promise<DatabasePlace>
  /** The server, to be killed and started again; null for the embedded engine. */
  readonly server: PostgresServer | null
}

/** The options of a Postgres server with short waits. */
export const postgresPlace = (url: string): Extract<DatabasePlace, { url: Secret }> => ({
  url: Secret.of(url),
  tls: null,
  caFile: null,
  poolSize: 4,
  connectTimeoutMs: 2000,
  queryTimeoutMs: 10_000,
  keepAliveMs: 1000,
})

/** The variables that lead a process to a database. */
export const environmentOf = async (place: DatabasePlace): Promise<Record<string, string>> =>
  'url' in place ? { DATABASE_URL: await place.url.reveal() } : { DATA_DIR: place.dataDir }

/** A new folder, removed after the test. */
export function newFolder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'ayalon-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true, maxRetries: 10 }))
  return dir
}

/**
 * Runs the same tests on the embedded engine and on a real Postgres server, each as a subtest named
 * after its engine. Where there can be no server, that half is skipped and says so; in CI it fails.
 */
export async function onBothEngines(
  t: Test,
  tests: (t: Test, engine: Engine) => Promise<void>,
): Promise<void> {
  await t.test('sqlite', (t) =>
    tests(t, {
      name: 'sqlite',
      server: null,
      newPlace: async (t) => ({ dataDir: newFolder(t) }),
    }),
  )
  await t.test('postgres', { skip: noPostgres() }, async (t) => {
    const server = await startPostgres()
    t.teardown(() => server.stop())
    await tests(t, {
      name: 'postgres',
      server,
      newPlace: async () => postgresPlace(await newDatabase(server)),
    })
  })
}

/** A new database with every migration applied. */
export async function migratedPlace(t: Test, engine: Engine): Promise<DatabasePlace> {
  const place = await engine.newPlace(t)
  const database = await openDatabase(place, () => {})
  await migrate(database.write, 'up')
  await database.close()
  return place
}

/** An open database with every migration applied; closed after the test. */
export async function migrated(t: Test, engine: Engine): Promise<Database> {
  const database = await openDatabase(await engine.newPlace(t), () => {})
  t.teardown(() => database.close())
  await migrate(database.write, 'up')
  return database
}
