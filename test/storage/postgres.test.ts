import { EventEmitter, once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { Secret } from '../../src/secret.ts'
import { openDatabase } from '../../src/storage/database/database.ts'
import { databaseFault } from '../../src/storage/database/faults.ts'
import { newFolder, postgresPlace } from '../helpers/databases.ts'
import { execute, newDatabase, noPostgres, startPostgres } from '../helpers/postgres.ts'

t.test('a Postgres server', { skip: noPostgres() }, async (t) => {
  const server = await startPostgres()
  t.teardown(() => server.stop())

  t.test('a password that changes in its file is taken with the next connection', async (t) => {
    const url = await newDatabase(server)
    const role = `user${new URL(url).pathname.slice(1)}`
    await execute(url, `CREATE ROLE ${role} LOGIN PASSWORD 'first'`)
    t.teardown(() => execute(url, `DROP ROLE ${role}`))
    const file = join(newFolder(t), 'url')
    const own = new URL(url)
    own.username = role
    const write = (password: string): string => {
      own.password = password
      writeFileSync(file, own.href)
      return own.href
    }
    const place = { ...postgresPlace(url), url: Secret.fromFile(file, write('first')) }
    const broken = new EventEmitter()
    const database = await openDatabase(place, (error) => broken.emit('idle', error))
    t.teardown(() => database.close())
    const whoAmI = async () => {
      const { rows } = await sql<{ user: string }>`SELECT user`.execute(database.read)
      return rows[0]?.user
    }
    t.equal(await whoAmI(), role)
    await execute(url, `ALTER ROLE ${role} PASSWORD 'second, and longer'`)
    write('second, and longer')
    const brokenIdle = once(broken, 'idle')
    await execute(
      url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`,
    )
    const [error] = await brokenIdle
    t.ok(databaseFault(error), 'an idle connection that breaks is told, and ends nothing')
    t.equal(await whoAmI(), role)
  })

  t.test('whole numbers of 64 bits come as numbers', async (t) => {
    const database = await openDatabase(postgresPlace(server.url), () => {})
    t.teardown(() => database.close())
    const { rows } = await sql`SELECT 1763737200000::bigint AS at, 'a' AS b`.execute(database.read)
    t.strictSame(rows, [{ at: 1_763_737_200_000, b: 'a' }])
  })
})
