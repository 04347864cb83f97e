import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { Connection } from '../../src/storage/connection.ts'
import { openDatabase } from '../../src/storage/database/database.ts'
import { migrate } from '../../src/storage/database/migrations.ts'
import { DatabaseAway } from '../../src/storage/database-away.ts'
import { newFolder, onBothEngines, postgresPlace } from '../helpers/databases.ts'
import { listenedLog } from '../helpers/log.ts'
import { fragile } from '../helpers/outage.ts'
import { execute, newDatabase, PASSWORD } from '../helpers/postgres.ts'

const one = sql<{ one: number }>`SELECT 1 AS one`

await onBothEngines(t, async (t, engine) => {
  t.test('a database is opened by the first that uses it, not by one that reads', async (t) => {
    const { place } = await fragile(t, engine)
    const { log } = listenedLog()
    const connection = new Connection(place, log)
    t.teardown(() => connection.close())
    t.equal(connection.fault, 'the database is not open yet')
    await t.rejects(
      connection.useOpen(({ read }) => one.execute(read)),
      { name: 'DatabaseAway', message: 'the database is not open yet' },
    )
    t.strictSame(await connection.use(async () => 'done'), 'done')
    t.equal(connection.fault, null)
    const { rows } = await connection.useOpen(({ read }) => one.execute(read))
    t.strictSame(rows, [{ one: 1 }])
  })

  t.test('while it is away all fail at once and say why, until it is back', async (t) => {
    const database = await fragile(t, engine)
    const { log, lines, withMessage } = listenedLog()
    const connection = new Connection(database.place, log)
    t.teardown(() => connection.close())
    await connection.use(({ write }) => one.execute(write))
    await database.goAway(connection)
    await t.rejects(
      connection.use(({ write }) => one.execute(write)),
      { name: 'DatabaseAway', message: database.fault },
    )
    t.match(connection.fault, database.fault)
    t.notOk(connection.schemaIsBehind)
    await t.rejects(
      connection.use(({ write }) => one.execute(write)),
      DatabaseAway,
    )
    await database.comeBack(connection)
    const ask = () => connection.useOpen(({ read }) => one.execute(read))
    await t.rejects(ask(), { message: database.fault }, 'a reader does not try')
    await connection.use(({ write }) => one.execute(write))
    t.equal(connection.fault, null)
    t.strictSame((await ask()).rows, [{ one: 1 }])
    t.match(
      withMessage('the database cannot be used').map(({ detail }) => detail),
      [database.fault],
      'it is logged once',
    )
    t.equal(withMessage('the database can be used').length, 2)
    t.notMatch(JSON.stringify(lines), PASSWORD)
    t.notMatch(JSON.stringify(lines), 'postgres:')
  })

  t.test('a read that the database breaks off fails alone', async (t) => {
    const { place } = await fragile(t, engine)
    const { log, lines } = listenedLog()
    const connection = new Connection(place, log)
    t.teardown(() => connection.close())
    await connection.use(({ write }) => one.execute(write))
    const told = lines.length
    const breaksOff =
      engine.name === 'sqlite'
        ? sql`DELETE FROM totals`
        : sql`SELECT pg_terminate_backend(pg_backend_pid())`
    await t.rejects(
      connection.useOpen(({ read }) => breaksOff.execute(read)),
      DatabaseAway,
    )
    t.equal(connection.fault, null, 'the next one may well do')
    t.equal(lines.length, told)
  })

  t.test('a mistake in what is done says nothing of the database', async (t) => {
    const { place } = await fragile(t, engine)
    const connection = new Connection(place, listenedLog().log)
    t.teardown(() => connection.close())
    await t.rejects(
      connection.use(async () => {
        throw new TypeError('a mistake')
      }),
      { name: 'TypeError', message: 'a mistake' },
    )
    await connection.use(({ write }) => one.execute(write))
    await t.rejects(
      connection.use(({ write }) => sql`SELEKT 1`.execute(write)),
      /SELEKT/,
    )
    t.equal(connection.fault, null)
  })

  t.test('a schema that somebody changed is told of until it is mended', async (t) => {
    const { place } = await fragile(t, engine)
    const connection = new Connection(place, listenedLog().log)
    t.teardown(() => connection.close())
    const count = () =>
      connection.use(({ write }) => write.selectFrom('series').selectAll().execute())
    t.strictSame(await count(), [])
    const rename = async (statement: string) => {
      const database = await openDatabase(place, () => {})
      await sql.raw(statement).execute(database.write)
      await database.close()
    }
    await rename('ALTER TABLE series RENAME TO elsewhere')
    const fault = 'the schema of the database is not the one of this version'
    await t.rejects(count(), { name: 'DatabaseAway', message: fault })
    t.equal(connection.fault, fault)
    await rename('ALTER TABLE elsewhere RENAME TO series')
    t.strictSame(await count(), [])
    t.equal(connection.fault, null)
  })

  t.test('what is closed is opened again by the next use', async (t) => {
    const { place } = await fragile(t, engine)
    const connection = new Connection(place, listenedLog().log)
    t.teardown(() => connection.close())
    await connection.close()
    await connection.use(({ write }) => one.execute(write))
    await connection.close()
    await connection.close()
    await t.rejects(
      connection.useOpen(({ read }) => one.execute(read)),
      DatabaseAway,
    )
    await connection.use(({ write }) => one.execute(write))
    t.equal(connection.fault, null)
  })

  t.test('a statement on a closed database fails rather than hangs', async (t) => {
    const { place } = await fragile(t, engine)
    const database = await openDatabase(place, () => {})
    for (const access of [database.write, database.read]) await one.execute(access)
    await database.close()
    await t.rejects(one.execute(database.write))
    await t.rejects(one.execute(database.read))
  })

  t.test('whose schema is made: that of a file, not that of a server', async (t) => {
    const place = await engine.newPlace(t)
    const connection = new Connection(place, listenedLog().log)
    t.teardown(() => connection.close())
    const count = () =>
      connection.use(({ write }) => write.selectFrom('series').selectAll().execute())
    if (engine.name === 'postgres') {
      await t.rejects(count(), {
        name: 'DatabaseAway',
        message: 'the schema of the database is behind: run npm run migrate -- up',
      })
      t.ok(connection.schemaIsBehind)
      const database = await openDatabase(place, () => {})
      await migrate(database.write, 'up')
      await database.close()
    }
    t.strictSame(await count(), [])
    t.notOk(connection.schemaIsBehind)
    t.equal(connection.fault, null)
  })

  const { server } = engine
  if (server === null) return

  t.test('a connection that breaks while nobody uses it is no trouble', async (t) => {
    const url = await newDatabase(server)
    const { log, lines, said } = listenedLog()
    const connection = new Connection(postgresPlace(url), log)
    t.teardown(() => connection.close())
    await t.rejects(
      connection.use(({ write }) => one.execute(write)),
      /behind/,
    )
    const database = await openDatabase(postgresPlace(url), () => {})
    await migrate(database.write, 'up')
    await database.close()
    await connection.use(({ write }) => one.execute(write))
    const name = new URL(url).pathname.slice(1)
    await execute(
      server.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
    )
    await said('an idle database connection broke')
    t.equal(connection.fault, null)
    await connection.use(({ write }) => one.execute(write))
    t.notMatch(JSON.stringify(lines), PASSWORD)
  })

  t.test('a password that is refused shows in no message and no log', async (t) => {
    const url = new URL(server.url)
    url.password = 'canary-of-a-wrong-password'
    const { log, lines } = listenedLog()
    const connection = new Connection(postgresPlace(url.href), log)
    t.teardown(() => connection.close())
    const error = await connection
      .use(({ write }) => one.execute(write))
      .catch((reason: unknown) => reason)
    t.match(error, { message: 'the database server refuses the user or the password' })
    for (const said of [lines, connection.fault, Object(error).stack])
      t.notMatch(JSON.stringify(said), 'canary')
  })
})

/** Neither a text nor a number can be made of it: the thread that tries dies of it. */
const POISON = { toString: null, valueOf: null }

t.test('a statement for a thread of SQLite that died fails rather than hangs', async (t) => {
  const { write, close } = await openDatabase({ dataDir: newFolder(t) }, () => {})
  t.teardown(close)
  for (const statement of [sql`SELECT ${POISON} AS one`, one, one])
    await t.rejects(statement.execute(write), /the connection was closed/)
})

t.test(
  'a database that cannot be opened for an unknown reason is away, and the log says why',
  async (t) => {
    const { log, withMessage } = listenedLog()
    const caFile = join(newFolder(t), 'nowhere.pem')
    const place = postgresPlace('postgres://user:canary@127.0.0.1/d')
    const connection = new Connection({ ...place, caFile, tls: 'require' }, log)
    t.teardown(() => connection.close())
    const fault = 'the database cannot be opened; the log says why'
    await t.rejects(
      connection.use(({ write }) => one.execute(write)),
      { name: 'DatabaseAway', message: fault },
    )
    t.equal(connection.fault, fault)
    t.match(withMessage(fault), [{ err: { code: 'ENOENT' } }])
    t.notMatch(JSON.stringify(withMessage(/./)), 'canary')
  },
)

t.test('a thread of SQLite that dies takes no statement with it', async (t) => {
  const connection = new Connection({ dataDir: newFolder(t) }, listenedLog().log)
  t.teardown(() => connection.close())
  await connection.use(({ write }) => one.execute(write))
  await t.rejects(
    connection.use(({ write }) => sql`SELECT ${POISON} AS one`.execute(write)),
    { name: 'DatabaseAway', message: 'the connection to the database failed' },
  )
  t.strictSame((await connection.use(({ write }) => one.execute(write))).rows, [{ one: 1 }])
  t.equal(connection.fault, null)
})
