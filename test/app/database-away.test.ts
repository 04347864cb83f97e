import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { openDatabase, SQLITE_FILE } from '../../src/storage/database/database.ts'
import { migrate } from '../../src/storage/database/migrations.ts'
import { MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { buildApp, type TestApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { newFolder, postgresPlace } from '../helpers/databases.ts'
import {
  execute,
  newDatabase,
  noOwnPostgres,
  noPostgres,
  startPostgres,
} from '../helpers/postgres.ts'
import {
  faultsOf,
  HISTORY,
  healthOf,
  heldFor,
  historyOf,
  measuredHours,
  POLL_MS,
  poll,
  rounded,
  SNAPSHOT,
  silent,
  snapshotOf,
  steady,
  steadyRoad,
  sumOf,
} from './fixtures/memory.ts'

const RETRY_MS = 10_000
const HOUR = 3_600_000

/** What every test asks of a service whose database is away. */
async function servesWithout(t: Test, app: TestApp, detail: RegExp): Promise<void> {
  const { server } = app
  const snapshot = await server.inject(SNAPSHOT)
  t.equal(snapshot.statusCode, 200, 'the snapshot is served')
  t.match(snapshot.json().snapshot, { freshness: 'fresh', tier: 'live' })
  for (const query of ['', '?format=csv']) {
    const history = await server.inject(`${HISTORY}${query}`)
    t.equal(history.statusCode, 503)
    t.equal(history.headers['retry-after'], '60')
    t.match(history.headers['content-type'], /^application\/problem\+json/)
    t.match(history.json(), { code: 'source_unavailable', detail, retryAfterSeconds: 60 })
    t.equal(history.headers['content-disposition'], undefined, 'a problem is no download')
  }
  t.equal((await server.inject('/health')).statusCode, 200)
  t.match(await healthOf(app), {
    status: 'degraded',
    checks: { database: { status: 'error', detail } },
  })
  t.equal((await server.inject('/health/ready')).statusCode, 200)
}

t.test('a damaged database file is told, and the service goes on without a past', async (t) => {
  const dir = newFolder(t)
  writeFileSync(join(dir, SQLITE_FILE), 'not a database '.repeat(1000))
  const app = await buildApp(t, { ...steadyRoad(), config: { DATA_DIR: dir } })
  await poll(app, 1)
  await servesWithout(t, app, /damaged: move it away, or put a backup in its place/)
  t.equal((await healthOf(app)).checks.database.queued, 2, 'what it sees waits on disk')
  rmSync(join(dir, SQLITE_FILE))
  await app.clock.advance(RETRY_MS)
  t.match((await healthOf(app)).checks.database, { status: 'ok', detail: null, queued: 0 })
  const day = await historyOf(app, { from: '2026-11-18', interval: '1d' })
  const [bucket] = day.buckets
  t.equal(bucket && measuredHours(bucket).toFixed(4), (5 / 60).toFixed(4), 'and is kept')
})

t.test('a data folder that is none is told, and the service goes on', async (t) => {
  const dir = join(newFolder(t), 'data')
  writeFileSync(dir, 'a file')
  const app = await buildApp(t, { ...steadyRoad(), config: { DATA_DIR: dir } })
  await app.storage.recorder.settled()
  await servesWithout(t, app, /the data folder is not a folder/)
})

t.test('a statement that breaks is an internal error that tells nothing of it', async (t) => {
  const app = await buildApp(t, steadyRoad())
  await poll(app, 1)
  // A view that cannot be computed in the place of the table.
  await app.storage.connection.use(async ({ write }) => {
    await sql`ALTER TABLE totals RENAME TO moved`.execute(write)
    await sql`CREATE VIEW totals AS SELECT *, abs(-9223372036854775808) AS more FROM moved`.execute(
      write,
    )
  })
  const response = await app.server.inject(HISTORY)
  t.match(response.json(), { status: 500, code: 'internal_error' })
  t.notMatch(response.body, /overflow|SQL|totals/i)
  t.equal((await app.server.inject(SNAPSHOT)).statusCode, 200)
  t.strictSame(await faultsOf(app), [], 'the database is not away')
})

t.test('what comes back with the database shows in the totals of today at once', async (t) => {
  const dir = newFolder(t)
  const config = { DATA_DIR: dir }
  const before = await buildApp(t, { ...steadyRoad(), config })
  await poll(before, 6)
  await before.server.close()
  const file = join(dir, SQLITE_FILE)
  const away = join(newFolder(t), 'backup.db')
  copyFileSync(file, away)
  rmSync(file)
  mkdirSync(file)
  const app = await buildApp(t, { ...steadyRoad(), config, nowMs: WEDNESDAY_8H + 7 * POLL_MS })
  const alone = await snapshotOf(app)
  t.equal(measuredHours(alone.today), 0)
  const etag = (await app.server.inject(SNAPSHOT)).headers.etag
  rmSync(file, { recursive: true })
  copyFileSync(away, file)
  await app.clock.advance(RETRY_MS)
  const joined = await snapshotOf(app)
  t.equal(joined.snapshot.id, alone.snapshot.id, 'the same snapshot')
  t.strictSame(rounded(sumOf([joined.today])), rounded(heldFor((7 * 5) / 60, joined.rates)))
  t.not((await app.server.inject(SNAPSHOT)).headers.etag, etag, 'which has a new tag')
})

t.test('a Postgres server', { skip: noPostgres() }, async (t) => {
  const server = await startPostgres()
  t.teardown(() => server.stop())

  t.test('a schema that is behind keeps a replica from being ready, and says why', async (t) => {
    const place = postgresPlace(await newDatabase(server))
    const app = await buildApp(t, { ...steadyRoad(), place })
    await app.storage.recorder.settled()
    const ready = await app.server.inject('/health/ready')
    t.equal(ready.statusCode, 503)
    t.match(ready.json(), {
      code: 'source_unavailable',
      detail: /behind: run npm run migrate -- up\.$/,
      retryAfterSeconds: 5,
    })
    t.equal((await app.server.inject(SNAPSHOT)).statusCode, 200, 'whoever asks is answered')
    t.equal((await app.server.inject('/health/live')).statusCode, 200)
    t.match(await healthOf(app), {
      status: 'degraded',
      checks: { database: { status: 'error', detail: /behind/, queued: 1 } },
    })
    const database = await openDatabase(place, () => {})
    t.teardown(() => database.close())
    t.strictSame(
      (await database.write.introspection.getTables()).map(({ name }) => name),
      [],
      'it did not change the schema by itself',
    )
    await migrate(database.write, 'up')
    await app.clock.advance(RETRY_MS)
    t.equal((await app.server.inject('/health/ready')).statusCode, 200)
    t.strictSame(await faultsOf(app), [])
  })
})

t.test(
  'a server that takes no writes still gives the last snapshot',
  { skip: noPostgres() },
  async (t) => {
    const server = await startPostgres()
    t.teardown(() => server.stop())
    const url = await newDatabase(server)
    const place = postgresPlace(url)
    const database = await openDatabase(place, () => {})
    await migrate(database.write, 'up')
    await database.close()
    const before = await buildApp(t, { ...steadyRoad(), place })
    await poll(before, 2)
    await before.server.close()
    const name = new URL(url).pathname.slice(1)
    await execute(url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    const app = await buildApp(t, {
      corridors: [MILL_ROAD],
      providers: [silent()],
      place,
      nowMs: WEDNESDAY_8H + 3 * POLL_MS,
      starting: true,
    })
    const { snapshot, today } = await snapshotOf(app)
    t.match(snapshot, { ageSeconds: 300, tier: 'live' })
    t.equal(measuredHours(today).toFixed(4), (10 / 60).toFixed(4))
  },
)

t.test('a server that dies and comes back', { skip: noOwnPostgres() }, async (t) => {
  const server = await startPostgres({})
  t.teardown(() => server.stop())
  const { restart } = server
  if (restart === null) throw new Error('a server of our own can be killed')
  const place = postgresPlace(await newDatabase(server))
  const database = await openDatabase(place, () => {})
  await migrate(database.write, 'up')
  await database.close()
  const provider = steady()
  const app = await buildApp(t, { corridors: [MILL_ROAD], providers: [provider], place })
  await poll(app, 3)
  t.strictSame(await faultsOf(app), [])

  await restart.kill()
  await poll(app, 3)
  await servesWithout(t, app, /database/)
  t.equal((await healthOf(app)).checks.database.queued, 3, 'what it cannot write waits on disk')
  t.equal(measuredHours((await snapshotOf(app)).today).toFixed(4), '0.5000', 'today goes on')

  await restart.start()
  await app.clock.advance(RETRY_MS)
  t.match((await healthOf(app)).checks.database, { status: 'ok', detail: null, queued: 0 })
  const from = new Date(WEDNESDAY_8H).toISOString()
  const to = new Date(WEDNESDAY_8H + HOUR / 2).toISOString()
  const { buckets } = await historyOf(app, { from, to, interval: '5m' })
  t.strictSame(
    buckets.map(({ coverage }) => coverage),
    [1, 1, 1, 1, 1, 1],
    'and is in the history without a gap',
  )
  t.equal(provider.calls, 7, 'no provider was asked again for it')
})
