import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { type DatabasePlace, openDatabase } from '../../src/storage/database/database.ts'
import { databaseFault } from '../../src/storage/database/faults.ts'
import { postgresPlace } from '../helpers/databases.ts'
import { noOwnPostgres, startPostgres } from '../helpers/postgres.ts'
import { interceptor } from '../helpers/tls-interceptor.ts'

const NOT_TRUSTED = 'the certificate of the database server is not trusted'

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name)
const contentOf = (name: string): string => readFileSync(fixture(name), 'utf8')

/** A server that speaks TLS with one of the certificates; its URL. */
async function tlsServer(t: Test, certificate: string): Promise<string> {
  const { url, stop } = await startPostgres({
    settings: { ssl: 'on' },
    files: {
      'server.crt': contentOf(`${certificate}.crt`),
      'server.key': contentOf(`${certificate}.key`),
    },
  })
  t.teardown(stop)
  return url
}

/** Connects; whether the connection is encrypted, or what keeps it from being made. */
async function connect(
  url: string,
  options: Partial<ReturnType<typeof postgresPlace>> = {},
): Promise<boolean | string | null | undefined> {
  const place: DatabasePlace = { ...postgresPlace(url), ...options }
  const database = await openDatabase(place, () => {})
  try {
    const { rows } = await sql<{ ssl: boolean }>`
      SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`.execute(database.read)
    return rows[0]?.ssl
  } catch (error) {
    return databaseFault(error)
  } finally {
    await database.close()
  }
}

const withHost = (url: string, host: string): string => url.replace('127.0.0.1', host)

t.test('a server with a certificate for its name', { skip: noOwnPostgres() }, async (t) => {
  const url = await tlsServer(t, 'localhost')
  const caFile = fixture('localhost.crt')

  t.test('disable does not encrypt, require does, whoever made the certificate', async (t) => {
    t.equal(await connect(url, { tls: 'disable' }), false)
    t.equal(await connect(url, { tls: 'require' }), true)
  })

  t.test('the URL decides where the setting says nothing', async (t) => {
    t.equal(await connect(url), false)
    t.equal(await connect(`${url}?sslmode=require`), true)
    t.equal(await connect(`${url}?sslmode=verify-full`), NOT_TRUSTED)
    t.equal(await connect(`${url}?sslmode=require`, { tls: 'disable' }), false)
  })

  t.test('verify-full takes it from the authority that is named, by name or address', async (t) => {
    t.equal(await connect(url, { tls: 'verify-full', caFile }), true)
    t.equal(await connect(withHost(url, 'localhost'), { tls: 'verify-full', caFile }), true)
  })

  t.test('verify-full does not take it from any other', async (t) => {
    t.equal(await connect(url, { tls: 'verify-full' }), NOT_TRUSTED)
    const other = fixture('elsewhere.crt')
    t.equal(await connect(url, { tls: 'verify-full', caFile: other }), NOT_TRUSTED)
  })

  t.test('an interceptor with a certificate of its own gets nobody logged in', async (t) => {
    const port = await interceptor(t, Number(new URL(url).port), {
      cert: contentOf('elsewhere.crt'),
      key: contentOf('elsewhere.key'),
    })
    const intercepted = new URL(url)
    intercepted.port = String(port)
    t.equal(
      await connect(intercepted.href, { tls: 'require' }),
      'the database server refuses the user or the password',
    )
  })
})

t.test(
  'a certificate for another name is trusted only where nobody looks',
  { skip: noOwnPostgres() },
  async (t) => {
    const url = await tlsServer(t, 'elsewhere')
    const caFile = fixture('elsewhere.crt')
    for (const host of ['127.0.0.1', 'localhost'])
      t.equal(await connect(withHost(url, host), { tls: 'verify-full', caFile }), NOT_TRUSTED, host)
    t.equal(await connect(url, { tls: 'require' }), true)
  },
)

t.test(
  'a server without TLS is refused where encryption is asked for',
  { skip: noOwnPostgres() },
  async (t) => {
    const { url, stop } = await startPostgres({})
    t.teardown(stop)
    for (const tls of ['require', 'verify-full'] as const)
      t.equal(await connect(url, { tls }), 'the database server has no TLS', tls)
    t.equal(await connect(url, { tls: 'disable' }), false)
  },
)
