import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { InjectOptions } from 'fastify'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { MOST_KEYS } from '../../src/access/kept-keys.ts'
import { PEPPER_FILE } from '../../src/access/pepper.ts'
import { keysSchema, newKeySchema } from '../../src/modules/keys/schemas.ts'
import { Secret } from '../../src/secret.ts'
import { buildApp, SLEEPERS, type TestApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { migratedPlace, newFolder, onBothEngines, postgresPlace } from '../helpers/databases.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { fillKeys } from '../helpers/keys.ts'
import { fragile } from '../helpers/outage.ts'
import { closedPort } from '../helpers/ports.ts'

const ADMIN = 'admin-secret-0123456789'
/** How often the keys are read again, ms. */
const ROUND = 5000
const PEPPER = 'canary-of-a-pepper-0123456789abcdef'
const ORDER = { name: 'dash board', scope: 'read' }
const UNKNOWN = '0123456789abcdef'

/** Keys of the environment, and a pepper. */
const CONFIG = {
  API_KEYS: Secret.of(`ops:admin:${ADMIN},feed:write:feed-secret-0123456789`),
  KEY_PEPPER: Secret.of(PEPPER),
}

/** Asks as the admin, or with another key. */
const ask = ({ server }: TestApp, request: InjectOptions, key = ADMIN) =>
  server.inject({ ...request, headers: { 'x-api-key': key, ...request.headers } })

/** Makes a key. */
async function make(app: TestApp, order: object = {}) {
  const body = { ...ORDER, ...order }
  const response = await ask(app, { method: 'POST', url: '/v1/keys', body })
  return newKeySchema.strict().parse(response.json())
}

const list = async (app: TestApp) =>
  keysSchema.parse((await ask(app, { url: '/v1/keys' })).json()).keys

const revoke = (app: TestApp, id: string) => ask(app, { method: 'DELETE', url: `/v1/keys/${id}` })

/** The status that a key gets where reading needs one. */
const readsWith = async (app: TestApp, key: string) =>
  (await ask(app, { url: '/v1/traffic' }, key)).statusCode

/** Every file of a folder, with its bytes. */
const filesIn = (dir: string) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'))

await onBothEngines(t, async (t, engine) => {
  const start = async (t: Test, config: Parameters<typeof buildApp>[1] = {}) =>
    buildApp(t, {
      place: await migratedPlace(t, engine),
      ...config,
      config: { AUTH_READS: 'key', ...CONFIG, ...config.config },
    })

  t.test('a key is shown once, when it is made, and then listed without', async (t) => {
    const app = await start(t)
    const limits = { requestsPerMinute: 5, requestsPerHour: 50 }
    const response = await ask(app, {
      method: 'POST',
      url: '/v1/keys',
      body: { ...ORDER, expiresAt: '2027-01-01T02:00:00+02:00', ...limits },
    })
    t.equal(response.statusCode, 201)
    t.equal(response.headers['cache-control'], 'no-store')
    const { key, ...view } = newKeySchema.strict().parse(response.json())
    t.equal(response.headers.location, `/v1/keys/${view.id}`)
    t.match(key, new RegExp(`^ayalon_${view.id}_[A-Za-z0-9_-]{43}$`))
    const expected = {
      id: view.id,
      ...ORDER,
      source: 'database',
      createdAt: '2026-11-18T06:00:00.000Z',
      expiresAt: '2027-01-01T00:00:00.000Z',
      lastUsedAt: null,
      ...limits,
    }
    t.strictSame(view, expected)
    const listed = await ask(app, { url: '/v1/keys' })
    t.equal(listed.headers['cache-control'], 'no-store')
    const none = { createdAt: null, expiresAt: null, lastUsedAt: null }
    const usual = { source: 'environment', ...none, requestsPerMinute: null, requestsPerHour: null }
    t.strictSame(listed.json(), {
      keys: [
        { id: 'ops', name: 'ops', scope: 'admin', ...usual },
        { id: 'feed', name: 'feed', scope: 'write', ...usual },
        expected,
      ],
    })
  })

  t.test('a key works for its scope and those before it', async (t) => {
    const app = await start(t)
    const read = await make(app)
    const admin = await make(app, { scope: 'admin' })
    t.equal(await readsWith(app, read.key), 200)
    t.equal(await readsWith(app, admin.key), 200)
    t.equal((await ask(app, { url: '/v1/keys' }, read.key)).statusCode, 403)
    t.equal((await ask(app, { url: '/v1/keys' }, admin.key)).statusCode, 200)
    const authorization = `Bearer ${read.key}`
    const bearer = { url: '/v1/traffic', headers: { authorization } }
    t.equal((await app.server.inject(bearer)).statusCode, 200)
    t.equal(await readsWith(app, `${read.key.slice(0, -1)}-`), 401)
    t.equal(await readsWith(app, read.key.replace(read.id, UNKNOWN)), 401)
  })

  t.test('a key that is ended fails here at once, elsewhere within a round', async (t) => {
    const place = await migratedPlace(t, engine)
    const clock = new FakeClock(WEDNESDAY_8H)
    const here = await start(t, { place, clock })
    const there = await start(t, { place, clock })
    await clock.asleep(2 * SLEEPERS)
    const { id, key } = await make(here)
    t.equal(await readsWith(here, key), 200)
    t.equal(await readsWith(there, key), 401)
    await clock.advance(ROUND)
    t.equal(await readsWith(there, key), 200)
    const ended = await revoke(here, id)
    t.equal(ended.statusCode, 204)
    t.equal(ended.body, '')
    t.equal(await readsWith(here, key), 401)
    t.equal(await readsWith(there, key), 200)
    await clock.advance(ROUND)
    t.equal(await readsWith(there, key), 401)
    t.equal((await revoke(here, id)).statusCode, 404)
  })

  t.test('what is not there cannot be ended, nor what the environment has', async (t) => {
    const app = await start(t)
    const unknown = await revoke(app, UNKNOWN)
    t.match(unknown.json(), { status: 404, code: 'not_found', detail: 'There is no such key.' })
    const listed = await revoke(app, 'feed')
    t.match(listed.json(), { status: 409, code: 'conflict' })
    t.equal(listed.json().detail, 'This key comes from API_KEYS: take it out there.')
    t.equal(await readsWith(app, 'feed-secret-0123456789'), 200)
  })

  t.test('a key works until it expires', async (t) => {
    const app = await start(t)
    const { key } = await make(app, { expiresAt: '2026-11-18T06:01:00Z' })
    app.clock.set(WEDNESDAY_8H + 59_999)
    t.equal(await readsWith(app, key), 200)
    app.clock.set(WEDNESDAY_8H + 60_000)
    t.equal(await readsWith(app, key), 401)
  })

  t.test('the last use of a key is told', async (t) => {
    const app = await start(t)
    const { id, key } = await make(app)
    app.clock.set(WEDNESDAY_8H + 1234)
    await readsWith(app, key)
    const lastUse = async () => (await list(app)).find((one) => one.id === id)?.lastUsedAt
    t.equal(await lastUse(), '2026-11-18T06:00:01.234Z')
    await app.clock.advance(ROUND)
    t.equal(await lastUse(), '2026-11-18T06:00:01.234Z', 'written, it is the same')
  })

  t.test('the limits of a key hold for it, and for no other', async (t) => {
    const app = await start(t)
    const few = await make(app, { requestsPerMinute: 2 })
    const rare = await make(app, { requestsPerHour: 3 })
    const free = await make(app)
    const statuses = async ({ key }: { key: string }) => {
      const all: number[] = []
      for (let count = 0; count < 4; count += 1) all.push(await readsWith(app, key))
      return all
    }
    t.strictSame(await statuses(few), [200, 200, 429, 429])
    t.strictSame(await statuses(rare), [200, 200, 200, 429])
    t.strictSame(await statuses(free), [200, 200, 200, 200])
    const { headers } = await ask(app, { url: '/v1/traffic' }, few.key)
    t.match(headers['ratelimit-policy'], /"minute";q=2;w=60/)
  })

  t.test('no secret is in the log, the answers or any file', async (t) => {
    const dataDir = newFolder(t)
    // The embedded database is in the same folder as all else.
    const own = engine.name === 'sqlite' ? { place: { dataDir } } : {}
    const app = await start(t, { config: { DATA_DIR: dataDir }, ...own })
    const { id, key } = await make(app)
    const secret = key.slice(`ayalon_${id}_`.length)
    await readsWith(app, key)
    await app.clock.advance(ROUND)
    const answers: string[] = []
    for (const [method, url] of [
      ['GET', '/v1/keys'],
      ['GET', '/v1/traffic'],
      ['GET', `/v1/keys/${key}`],
      ['DELETE', `/v1/keys/${key}`],
      ['DELETE', `/v1/keys/${id}`],
      ['GET', '/v1/traffic'],
    ] as const) {
      const { headers, body } = await ask(app, { method, url }, key)
      const again = await ask(app, { method, url })
      answers.push(JSON.stringify(headers), body, JSON.stringify(again.headers), again.body)
    }
    const rows = await app.storage.connection.use(({ read }) =>
      read.selectFrom('api_keys').selectAll().execute(),
    )
    await app.server.close()
    const all = [answers, app.lines, rows].map((part) => JSON.stringify(part))
    for (const text of [...all, ...filesIn(dataDir)])
      for (const canary of [secret, PEPPER, ADMIN]) t.notOk(text.includes(canary))
    t.match(JSON.stringify(app.lines), id, 'its id is in the log')
  })

  t.test('while the database is away keys are neither made nor ended, but work', async (t) => {
    const database = await fragile(t, engine)
    const app = await start(t, { place: database.place })
    const { connection } = app.storage
    const { id, key } = await make(app)
    await database.goAway(connection)
    await t.rejects(connection.use(({ write }) => sql`SELECT 1`.execute(write)))
    for (const request of [
      { method: 'POST', url: '/v1/keys', body: ORDER },
      { method: 'GET', url: '/v1/keys' },
      { method: 'DELETE', url: `/v1/keys/${id}` },
    ] as const) {
      const response = await ask(app, request)
      t.equal(response.statusCode, 503, request.method)
      t.equal(response.headers['retry-after'], '60')
      t.match(response.json(), { code: 'source_unavailable', detail: /^The keys cannot be used: / })
    }
    t.equal(await readsWith(app, key), 200)
    await database.comeBack(connection)
    await connection.use(({ write }) => sql`SELECT 1`.execute(write))
    t.equal((await revoke(app, id)).statusCode, 204)
  })

  t.test('there may be a thousand keys', async (t) => {
    const app = await start(t)
    await fillKeys(app.storage.connection, MOST_KEYS - 1)
    await make(app)
    const response = await ask(app, { method: 'POST', url: '/v1/keys', body: ORDER })
    t.match(response.json(), { status: 409, code: 'conflict', detail: /^There are 1000 keys/ })
  })

  t.test('a statement that breaks is an internal error that tells nothing of it', async (t) => {
    const app = await start(t)
    await app.storage.connection.use(({ write }) =>
      sql`CREATE UNIQUE INDEX once ON api_keys (name)`.execute(write),
    )
    await make(app)
    const response = await ask(app, { method: 'POST', url: '/v1/keys', body: ORDER })
    t.match(response.json(), { status: 500, code: 'internal_error' })
    t.notMatch(response.body, /unique|constraint|api_keys/i)
  })
})

t.test('every fault of an order is told', async (t) => {
  const app = await buildApp(t, { config: CONFIG })
  const faults = async (body: unknown) => {
    const headers = { 'content-type': 'application/json' }
    const payload = JSON.stringify(body)
    const response = await ask(app, { method: 'POST', url: '/v1/keys', headers, payload })
    t.equal(response.statusCode, 400)
    return response.json().errors
  }
  t.strictSame(await faults({ name: 'a/b', scope: 'root', requestsPerMinute: 0, hash: 'canary' }), [
    { pointer: '/name', detail: 'must be 1 to 64 letters, digits, blanks and ._-' },
    { pointer: '/scope', detail: 'must be one of read, write, admin' },
    { pointer: '/requestsPerMinute', detail: 'must be at least 1' },
    { pointer: '/hash', detail: 'is not known here' },
  ])
  for (const [expiresAt, detail] of [
    ['2026-11-18T06:00:00Z', 'must be in the future'],
    ['2037-01-01T00:00:00Z', 'must be at most ten years ahead'],
  ])
    t.strictSame(await faults({ ...ORDER, expiresAt }), [{ pointer: '/expiresAt', detail }])
  t.equal((await faults([])).length, 1)
  t.equal((await list(app)).length, 2, 'none was made')
})

t.test('no route of keys takes a query or another media type than JSON', async (t) => {
  const app = await buildApp(t, { config: CONFIG })
  for (const [method, url] of [
    ['POST', '/v1/keys?dry=1'],
    ['GET', '/v1/keys?dry=1'],
    ['DELETE', `/v1/keys/${UNKNOWN}?dry=1`],
  ] as const) {
    const body = method === 'POST' ? { body: ORDER } : {}
    const response = await ask(app, { method, url, ...body })
    t.match(response.json(), { status: 400, errors: [{ pointer: '/query/dry' }] }, method)
  }
  for (const method of ['POST', 'GET'] as const) {
    const headers = { accept: 'text/csv' }
    const response = await ask(app, { method, url: '/v1/keys', headers })
    t.equal(response.statusCode, 406, method)
  }
})

t.test('making and ending keys count as writes, looking at them does not', async (t) => {
  const app = await buildApp(t, { config: { ...CONFIG, RATE_LIMIT_WRITES_PER_MINUTE: 2 } })
  const { id } = await make(app)
  t.equal((await revoke(app, id)).statusCode, 204)
  t.equal((await revoke(app, id)).statusCode, 429)
  const post = await ask(app, { method: 'POST', url: '/v1/keys', body: ORDER })
  t.equal(post.statusCode, 429)
  t.equal((await list(app)).length, 2)
})

t.test('who made and ended which key is in the audit log', async (t) => {
  const app = await buildApp(t, { config: CONFIG })
  const { id } = await make(app)
  await revoke(app, id)
  await revoke(app, id)
  const entries = app.lines.filter(({ msg }) => msg === 'audit')
  t.strictSame(
    entries.map(({ event, subject, keyId, status }) => ({ event, subject, keyId, status })),
    [
      { event: 'keyCreated', subject: id, keyId: 'ops', status: 201 },
      { event: 'keyRevoked', subject: id, keyId: 'ops', status: 204 },
      { event: 'write', subject: null, keyId: 'ops', status: 404 },
    ],
  )
})

t.test('a server without a pepper has no keys, and says what is missing', async (t) => {
  const place = postgresPlace(`postgres://a:b@127.0.0.1:${await closedPort()}/ayalon`)
  const config = { ...CONFIG, AUTH_READS: 'key', KEY_PEPPER: null } as const
  const app = await buildApp(t, { place, config, starting: true })
  for (const request of [
    { method: 'POST', url: '/v1/keys', body: ORDER },
    { method: 'DELETE', url: `/v1/keys/${UNKNOWN}` },
  ] as const) {
    const response = await ask(app, request)
    t.equal(response.statusCode, 503, request.method)
    t.match(response.json(), { code: 'source_unavailable', detail: /KEY_PEPPER is not set/ })
  }
  t.equal(await readsWith(app, ADMIN), 200, 'those of the environment work')
  const listed = await ask(app, { method: 'GET', url: '/v1/keys' })
  const sources = new Set(keysSchema.parse(listed.json()).keys.map(({ source }) => source))
  t.strictSame([...sources], ['environment'], 'and are listed')
  t.equal(await readsWith(app, `ayalon_${UNKNOWN}_${'A'.repeat(43)}`), 401)
})

t.test('the embedded database makes its pepper with the first key, and keeps it', async (t) => {
  const dataDir = newFolder(t)
  const config = { ...CONFIG, KEY_PEPPER: null, DATA_DIR: dataDir, AUTH_READS: 'key' } as const
  const before = await buildApp(t, { config })
  const peppers = () => readdirSync(dataDir).filter((name) => name.startsWith(PEPPER_FILE))
  t.strictSame((await list(before)).length, 2)
  t.strictSame(peppers(), [])
  const { key } = await make(before)
  t.strictSame(peppers(), [PEPPER_FILE])
  await before.server.close()
  const app = await buildApp(t, { config })
  t.equal(await readsWith(app, key), 200)
})

t.test('without keys of the environment there are those of the database', async (t) => {
  const dataDir = newFolder(t)
  const before = await buildApp(t, { config: { ...CONFIG, DATA_DIR: dataDir } })
  const { id, key } = await make(before, { scope: 'admin' })
  await before.server.close()
  const app = await buildApp(t, { config: { ...CONFIG, API_KEYS: null, DATA_DIR: dataDir } })
  const { keys } = (await ask(app, { url: '/v1/keys' }, key)).json()
  t.strictSame(
    keys.map((one: { id: string }) => one.id),
    [id],
  )
  t.equal((await ask(app, { method: 'DELETE', url: `/v1/keys/${id}` }, key)).statusCode, 204)
})
