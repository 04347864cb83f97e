import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import {
  type Database,
  type DatabasePlace,
  openDatabase,
  SQLITE_FILE,
} from '../../src/storage/database/database.ts'
import { databaseFault } from '../../src/storage/database/faults.ts'
import { newFolder, onBothEngines, postgresPlace } from '../helpers/databases.ts'
import { closedPort } from '../helpers/ports.ts'
import { execute, newDatabase } from '../helpers/postgres.ts'

/** Runs a statement on a database; the fault that comes of it, or null when it is not the database's. */
async function faultOf(
  place: DatabasePlace,
  statement = 'SELECT 1',
  access: 'read' | 'write' = 'write',
): Promise<string | null> {
  let database: Database | null = null
  try {
    database = await openDatabase(place, () => {})
    await sql.raw(statement).execute(database[access])
  } catch (error) {
    return databaseFault(error)
  } finally {
    await database?.close()
  }
  throw new Error('nothing failed')
}

await onBothEngines(t, async (t, engine) => {
  t.test('a mistake in a statement is no fault of the database', async (t) => {
    const place = await engine.newPlace(t)
    t.equal(await faultOf(place, 'SELEKT 1'), null)
    t.equal(await faultOf(place, 'SELECT * FROM nowhere'), null)
    const database = await openDatabase(place, () => {})
    t.teardown(() => database.close())
    await sql`CREATE TABLE once (a BIGINT NOT NULL PRIMARY KEY)`.execute(database.write)
    await sql`INSERT INTO once VALUES (1)`.execute(database.write)
    t.equal(await faultOf(place, 'INSERT INTO once VALUES (1)'), null)
  })

  const { server } = engine
  if (server === null) return

  /** The server's URL with one part of it changed. */
  const changed = (part: 'username' | 'password' | 'pathname', value: string): string => {
    const url = new URL(server.url)
    url[part] = value
    return url.href
  }

  t.test('a missing password and a server without TLS are told', async (t) => {
    t.equal(
      await faultOf(postgresPlace(changed('password', ''))),
      'the database server wants another password',
    )
    t.equal(
      await faultOf({ ...postgresPlace(server.url), tls: 'require' }),
      'the database server has no TLS',
    )
  })

  t.test('a database that is not there is told as such', async (t) => {
    t.equal(
      await faultOf(postgresPlace(changed('pathname', '/nowhere'))),
      'the database does not exist on the server',
    )
  })

  t.test('a user that is not let in is told as such', async (t) => {
    t.equal(
      await faultOf(postgresPlace(changed('username', 'nobody_known'))),
      'the database server refuses the user or the password',
    )
  })

  t.test('a user without the right to do it is told as such', async (t) => {
    const url = await newDatabase(server)
    const role = `reader${new URL(url).pathname.slice(1)}`
    await execute(url, `CREATE ROLE ${role} LOGIN PASSWORD 'word'`)
    t.teardown(() => execute(url, `DROP ROLE ${role}`))
    const own = new URL(url)
    own.username = role
    own.password = 'word'
    t.equal(
      await faultOf(postgresPlace(own.href), 'SELECT * FROM pg_authid'),
      'the database user lacks a permission',
    )
  })

  t.test('a statement that takes too long is cancelled', async (t) => {
    t.equal(
      await faultOf({ ...postgresPlace(server.url), queryTimeoutMs: 100 }, 'SELECT pg_sleep(3600)'),
      'the database server stopped or cancelled the work',
    )
  })

  t.test('a server that takes no writes is told as such', async (t) => {
    const url = await newDatabase(server)
    const name = new URL(url).pathname.slice(1)
    await execute(url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    t.equal(
      await faultOf(postgresPlace(url), 'CREATE TABLE a (b INTEGER)'),
      'the database server takes no writes',
    )
  })
})

t.test('a server that does not listen cannot be reached, by address or name', async (t) => {
  const port = await closedPort()
  for (const host of ['127.0.0.1', 'localhost'])
    t.equal(
      await faultOf(postgresPlace(`postgres://user:canary@${host}:${port}/d`)),
      'the database server cannot be reached',
    )
})

t.test('a name that nobody knows is told from one that nobody can be asked about', async (t) => {
  // Two dots make it no name at all: whatever name server there is, none knows it.
  t.equal(
    await faultOf(postgresPlace('postgres://user:canary@no..where/d')),
    'the name of the database server is not known',
  )
  // As the runtime says it where no name server answers.
  const error = Object.assign(new Error('getaddrinfo EAI_AGAIN db'), { code: 'EAI_AGAIN' })
  t.equal(databaseFault(error), 'the name of the database server cannot be looked up now')
})

t.test('a server that takes the connection and then says nothing is given up', async (t) => {
  const sockets: Socket[] = []
  const hung = createServer((socket) => void sockets.push(socket))
  hung.listen(0, '127.0.0.1')
  await once(hung, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    hung.close()
  })
  const address = hung.address()
  const port = typeof address === 'object' ? address?.port : 0
  for (const tls of ['disable', 'require'] as const)
    t.equal(
      await faultOf({
        ...postgresPlace(`postgres://user:canary@127.0.0.1:${port}/d`),
        connectTimeoutMs: 50,
        tls,
      }),
      'the connection to the database failed',
    )
})

t.test('a database file that is none is damaged', async (t) => {
  const dataDir = newFolder(t)
  writeFileSync(
    join(dataDir, SQLITE_FILE),
    'not a database, but longer than a header of one'.repeat(9),
  )
  t.match(await faultOf({ dataDir }), /^the database file is damaged: /)
})

/** A folder whose database has one table with many rows. */
async function filledFolder(t: Test): Promise<string> {
  const dataDir = newFolder(t)
  const database = await openDatabase({ dataDir }, () => {})
  for (const statement of [
    'CREATE TABLE a (b INTEGER NOT NULL PRIMARY KEY, c TEXT NOT NULL)',
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
     INSERT INTO a SELECT i, 'some text in row ' || i FROM n`,
  ])
    await sql.raw(statement).execute(database.write)
  await database.close()
  return dataDir
}

t.test('a database file with garbage in the middle is damaged', async (t) => {
  const dataDir = await filledFolder(t)
  const file = join(dataDir, SQLITE_FILE)
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.fill(0xa5, 4096))
  t.match(
    await faultOf({ dataDir }, 'SELECT sum(length(c)) FROM a'),
    /^the database file is damaged: /,
  )
})

t.test('a database that is open for reading alone cannot be written', async (t) => {
  const dataDir = await filledFolder(t)
  t.equal(
    await faultOf({ dataDir }, 'DELETE FROM a', 'read'),
    'the database file cannot be written',
  )
})

t.test('a database file that is a folder cannot be opened', async (t) => {
  const dataDir = newFolder(t)
  mkdirSync(join(dataDir, SQLITE_FILE))
  t.equal(await faultOf({ dataDir }), 'the database file cannot be opened')
})

t.test('a data folder that is a file, or in one, is none', async (t) => {
  const file = join(newFolder(t), 'file')
  writeFileSync(file, '')
  for (const dataDir of [file, join(file, 'data')])
    t.equal(await faultOf({ dataDir }), 'the data folder is not a folder')
})

t.test('what has nothing to do with a database is no fault of one', async (t) => {
  for (const error of [new TypeError('not a function'), 'text', null, undefined, 7])
    t.equal(databaseFault(error), null)
})
