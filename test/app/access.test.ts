import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import t from 'tap'
import { newKey } from '../../src/access/issued-key.ts'
import { allows, SCOPES } from '../../src/access/scopes.ts'
import { access } from '../../src/plugins/access.ts'
import { Secret } from '../../src/secret.ts'
import { buildApp, type TestApp } from '../helpers/build-app.ts'
import { parseAnswer, sendRaw } from '../helpers/raw-http.ts'
import { keyOf, keysOf, openDoor } from './fixtures/door.ts'

const SECRETS = {
  read: 'canary-reader-0123',
  write: 'canary-writer-0123',
  admin: 'canary-keeper-0123',
} as const
const LIST = SCOPES.map((scope) => `${scope}er:${scope}:${SECRETS[scope]}`).join(',')
const API_KEYS = Secret.of(LIST)
const WRONG = 'canary-nobody-0123'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/** One path for each route and method that was registered, with what it asks. */
const waysIn = ({ routes }: TestApp) =>
  routes.flatMap(({ method, url, config }) =>
    METHODS.filter((one) => [method].flat().includes(one)).map((one) => ({
      method: one,
      url: url.replaceAll(/:\w+/g, 'ayalon').replace('*', 'anything'),
      needed: config?.access,
    })),
  )

const DENIED = [401, 403]

for (const reads of ['open', 'key'] as const)
  t.test(`every route denies by default, AUTH_READS=${reads}`, async (t) => {
    const app = await buildApp(t, { config: { API_KEYS, AUTH_READS: reads } })
    const ways = waysIn(app)
    t.ok(ways.length >= 20, `${ways.length} routes and methods`)
    for (const needed of ['open', 'read', 'admin']) t.ok(ways.some((way) => way.needed === needed))
    for (const { method, url, needed } of ways) {
      const way = `${method} ${url}, ${needed}`
      const status = async (key?: string): Promise<number> => {
        const headers = key === undefined ? {} : { 'x-api-key': key }
        // Its head says it all; the body of a stream has no end.
        const answer = await app.server.inject({ method, url, headers, payloadAsStream: true })
        answer.stream().destroy()
        if (DENIED.includes(answer.statusCode) && method !== 'HEAD')
          t.match(answer.headers['content-type'], /^application\/problem\+json/, way)
        return answer.statusCode
      }
      if (needed === undefined) {
        t.fail(`${way}: for whom?`)
        continue
      }
      const isFree = needed === 'open' || (needed === 'read' && reads === 'open')
      if (isFree) t.notOk(DENIED.includes(await status()), `${way}: without a key`)
      else t.equal(await status(), 401, `${way}: without a key`)
      if (needed === 'open') t.notOk(DENIED.includes(await status(WRONG)), `${way}: a wrong key`)
      else t.equal(await status(WRONG), 401, `${way}: a wrong key`)
      for (const scope of SCOPES) {
        const isAllowed = needed === 'open' || allows(scope, needed)
        const got = await status(SECRETS[scope])
        if (isAllowed) t.notOk(DENIED.includes(got), `${way}: with ${scope} ${got}`)
        else t.equal(got, 403, `${way}: with ${scope}`)
      }
    }
    const said = JSON.stringify(app.lines)
    for (const secret of [...Object.values(SECRETS), WRONG]) t.notOk(said.includes(secret))
  })

t.test('with no key configured, what needs one answers 401 to any', async (t) => {
  const app = await buildApp(t)
  for (const { method, url, needed } of waysIn(app)) {
    if (needed !== 'write' && needed !== 'admin') continue
    for (const headers of [{}, { 'x-api-key': '' }, { authorization: 'Bearer ' }]) {
      const answer = await app.server.inject({ method, url, headers })
      t.equal(answer.statusCode, 401, `${method} ${url}`)
      t.equal(answer.headers['www-authenticate'], 'Bearer')
    }
  }
})

t.test('a route that does not say for whom it is keeps the app from starting', async (t) => {
  const server = Fastify()
  t.teardown(() => server.close())
  await server.register(access, { reads: 'open' })
  server.get('/said', { config: { access: 'open' } }, async () => '')
  server.get('/silent/:id', async () => '')
  server.post('/odd', { config: Object({ access: undefined }) }, async () => '')
  // As a plugin that is not typed could.
  server.get('/unknown', { config: Object({ access: 'anybody' }) }, async () => '')
  await t.rejects(server.listen({ port: 0 }), {
    message:
      'routes that do not say who may call them: /silent/:id, /silent/:id, /odd, /unknown, /unknown',
  })
})

t.test('a route for OPTIONS is no exception', async (t) => {
  const server = Fastify()
  t.teardown(() => server.close())
  await server.register(access, { reads: 'open' })
  server.options('*', async () => '')
  await t.rejects(server.listen({ port: 0 }), { message: /: \*$/ })
})

t.test('a key comes as X-API-Key or as Bearer', async (t) => {
  const { server } = await openDoor(t, {
    sources: [keysOf({ right: keyOf('one', 'admin'), 'a right one': keyOf('two', 'admin') })],
    wrongKeysPerMinute: 100,
  })
  for (const [headers, status] of [
    [{ 'x-api-key': 'right' }, 200],
    [{ 'X-API-KEY': 'right' }, 200],
    [{ authorization: 'Bearer right' }, 200],
    [{ authorization: 'bearer right' }, 200],
    [{ authorization: 'BEARER   right' }, 200],
    [{ authorization: 'Bearer a right one' }, 200],
    [{ 'x-api-key': 'a right one' }, 200],
    [{ 'x-api-key': 'Right' }, 401],
    [{ 'x-api-key': 'right,right' }, 401],
    [{ 'x-api-key': '' }, 401],
    [{ authorization: '' }, 401],
    [{ authorization: 'Bearer' }, 401],
    [{ authorization: 'Bearer ' }, 401],
    [{ authorization: 'right' }, 401],
    [{ authorization: 'Basic right' }, 401],
    [{ authorization: 'Bearerright' }, 401],
    [{ authorization: 'xBearer right' }, 401],
    [{ 'x-api-key': 'right', authorization: 'Bearer wrong' }, 200],
    [{ 'x-api-key': 'wrong', authorization: 'Bearer right' }, 401],
    [{ 'x-api-key': '', authorization: 'Bearer right' }, 200],
    [{ 'x-api-key': 'x'.repeat(12_000) }, 401],
    [{ 'x-api-key': `right${'\u00e9'.repeat(500)}` }, 401],
    [{ 'api-key': 'right' }, 401],
    [{ cookie: 'x-api-key=right' }, 401],
  ] as const) {
    const { statusCode } = await server.inject({ url: '/admin', headers })
    t.equal(statusCode, status, JSON.stringify(headers).slice(0, 60))
  }
})

t.test('a key that nobody knows is refused also where none is needed', async (t) => {
  const { server } = await openDoor(t, {
    sources: [keysOf({ right: keyOf('one') })],
    wrongKeysPerMinute: 100,
  })
  for (const [headers, status] of [
    [{}, 200],
    [{ 'x-api-key': 'right' }, 200],
    [{ 'x-api-key': 'wrong' }, 401],
    [{ authorization: 'Bearer wrong' }, 401],
    [{ authorization: 'Bearer two words' }, 401],
    // Nothing that could be a key of ours was shown.
    [{ authorization: 'Basic dXNlcjpwYXNz' }, 200],
    [{ 'x-api-key': '' }, 200],
  ] as const) {
    const { statusCode } = await server.inject({ url: '/read', headers })
    t.equal(statusCode, status, JSON.stringify(headers))
  }
})

t.test('on a real socket: two keys at once are none, and one too long is refused', async (t) => {
  const { server, lines } = await openDoor(t, {
    sources: [keysOf({ right: keyOf('one', 'admin'), other: keyOf('two', 'admin') })],
  })
  const port = Number(new URL(await server.listen({ port: 0, host: '127.0.0.1' })).port)
  const ask = async (headers: string) => {
    const request = `GET /admin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n\r\n`
    return parseAnswer(await sendRaw(t, port, request))
  }
  t.equal((await ask('X-API-Key: right')).status, 200)
  const behindHash = 'GET /read#key=canary HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  t.equal(parseAnswer(await sendRaw(t, port, behindHash)).status, 400)
  t.equal((await ask('X-API-Key: right\r\nX-API-Key: other')).status, 401)
  t.equal((await ask('X-API-Key: right\r\nX-API-Key: right')).status, 401)
  t.equal((await ask('X-API-Key:    right  ')).status, 200, 'HTTP takes the spaces away')
  t.equal((await ask('x-api-key: \xe9\xe9')).status, 401)
  const long = await ask(`X-API-Key: ${'canary'.repeat(4000)}`)
  t.equal(long.status, 413)
  t.notMatch(`${JSON.stringify(lines)}${long.body}`, 'canary')
})

t.test('each key has its own scope', async (t) => {
  const { server } = await openDoor(t, {
    sources: [keysOf({ r: keyOf('r'), w: keyOf('w', 'write'), a: keyOf('a', 'admin') })],
    reads: 'key',
  })
  const status = async (key: string, method: 'GET' | 'POST', url: string) =>
    (await server.inject({ method, url, headers: { 'x-api-key': key } })).statusCode
  for (const [key, read, write, admin] of [
    ['r', 200, 403, 403],
    ['w', 200, 200, 403],
    ['a', 200, 200, 200],
  ] as const) {
    t.equal(await status(key, 'GET', '/read'), read)
    t.equal(await status(key, 'POST', '/write'), write)
    t.equal(await status(key, 'GET', '/admin'), admin)
  }
  const refused = await server.inject({ url: '/admin', headers: { 'x-api-key': 'r' } })
  t.match(refused.json(), { code: 'forbidden', detail: 'This needs the scope admin.' })
  t.equal(refused.headers['www-authenticate'], undefined)
})

t.test('a key is looked for in one source after the other', async (t) => {
  const { server } = await openDoor(t, {
    sources: [
      keysOf({ one: keyOf('first'), both: keyOf('first') }),
      keysOf({ two: keyOf('second'), both: keyOf('second') }),
    ],
  })
  const idOf = async (key: string) =>
    (await server.inject({ url: '/read', headers: { 'x-api-key': key } })).json().key
  t.equal(await idOf('one'), 'first')
  t.equal(await idOf('two'), 'second')
  t.equal(await idOf('both'), 'first')
})

t.test('a key in the URL is refused, and not repeated anywhere', async (t) => {
  const { id, key } = newKey()
  const app = await buildApp(t, { config: { API_KEYS } })
  const { server, lines } = app
  const escaped = [...key].map((sign) => `%${sign.charCodeAt(0).toString(16)}`).join('')
  const secret = SECRETS.admin
  for (const url of [
    `/v1/traffic?api_key=${secret}`,
    `/v1/traffic?apiKey=${secret}`,
    `/v1/traffic?APIKEY=${secret}`,
    `/v1/traffic?api-key=${secret}`,
    `/v1/traffic?api.key=${secret}`,
    `/v1/traffic?key=${secret}`,
    `/v1/traffic?Key=${secret}`,
    `/v1/traffic?key[]=${secret}`,
    `/v1/traffic?token=${secret}`,
    `/v1/traffic?access_token=${secret}`,
    `/v1/traffic?accessToken=${secret}`,
    `/v1/traffic?X-API-Key=${secret}`,
    `/v1/traffic?x-api-key=${secret}`,
    `/v1/traffic?Authorization=Bearer%20${secret}`,
    `/v1/traffic?bearer=${secret}`,
    `/v1/traffic?%61pi%5Fkey=${secret}`,
    `/v1/traffic?%6B%65%79=${secret}`,
    `/v1/traffic?+key=${secret}`,
    `/v1/traffic?key`,
    `/v1/traffic?x=%zz&key=${secret}`,
    `/v1/traffic/ayalon?reference=phed&key=${secret}`,
    `/v1/traffic/ayalon?key=1&key=${secret}`,
    `/v1/upstream?key=${secret}`,
    `/health?key=${secret}`,
    `/nowhere?key=${secret}`,
    `/v1/traffic?${key}`,
    `/v1/traffic?${key}=1`,
    `/v1/traffic?${escaped}`,
    `/v1/traffic/ayalon?reference=${key}`,
    `/v1/traffic/ayalon?reference=${escaped}`,
    `/v1/traffic/ayalon?reference=a%zz${key}`,
    `/v1/traffic/ayalon?reference=${key.slice(0, 40)}`,
    `/v1/traffic/${key}`,
    `/v1/traffic/${escaped}`,
    `/${key}/history`,
    `/health/live?note=${key}`,
  ])
    for (const headers of [{}, { 'x-api-key': SECRETS.admin }]) {
      const answer = await server.inject({ url, headers })
      t.equal(answer.statusCode, 400, url)
      t.match(answer.json(), { code: 'invalid_input', detail: /must never be in the URL/ })
      const repeated = `${answer.body}${JSON.stringify(answer.headers)}`
      for (const part of [secret, key, id, key.slice(-20), escaped])
        t.notOk(repeated.includes(part), url)
    }
  const said = JSON.stringify(lines)
  for (const part of [secret, key, id, key.slice(-20), escaped]) t.notOk(said.includes(part))
})

t.test('what only sounds like a key in a query is none', async (t) => {
  const { server } = await buildApp(t)
  for (const url of ['/health?keyboard=1', '/health?monkey=1', '/health?note=key', '/health?'])
    t.equal((await server.inject(url)).statusCode, 200, url)
  const unknown = await server.inject('/v1/traffic/ayalon?keys=1')
  t.match(unknown.json(), { errors: [{ pointer: '/query/keys' }] }, 'refused as anything unknown')
})

t.test('keys can be rotated without a restart, and a bad list changes nothing', async (t) => {
  const file = join(t.testdir({ keys: `old:admin:${SECRETS.read}` }), 'keys')
  const { server, lines } = await buildApp(t, {
    config: { API_KEYS: Secret.fromFile(file, `old:admin:${SECRETS.read}`) },
  })
  const status = async (key: string): Promise<number> =>
    (await server.inject({ url: '/v1/upstream', headers: { 'x-api-key': key } })).statusCode
  const write = (list: string): void => {
    writeFileSync(`${file}.new`, list)
    renameSync(`${file}.new`, file)
  }
  t.equal(await status(SECRETS.read), 200)
  t.equal(await status(SECRETS.write), 401)
  write(`old:admin:${SECRETS.read},new:admin:${SECRETS.write}\n`)
  t.equal(await status(SECRETS.read), 200, 'both are good for a while')
  t.equal(await status(SECRETS.write), 200)
  write(`new:admin:${SECRETS.write}\nreader:read:${SECRETS.admin}\n`)
  t.equal(await status(SECRETS.read), 401, 'the old one is gone')
  t.equal(await status(SECRETS.write), 200)
  t.equal(await status(SECRETS.admin), 403)
  write(`new:admin:${SECRETS.write},odd:root:${SECRETS.read}`)
  t.equal(await status(SECRETS.write), 200, 'the last good list stands')
  t.equal(await status(SECRETS.read), 401)
  const told = lines.filter(({ msg }) => String(msg).startsWith('the list of keys is wrong'))
  t.equal(told.length, 1, 'told once')
  t.match(told[0], { level: 40, fault: /must be a list of name:scope:secret/ })
  write(`last:admin:${SECRETS.read}`)
  t.equal(await status(SECRETS.read), 200, 'and a good one counts again')
  t.equal(await status(SECRETS.write), 401)
  t.notMatch(JSON.stringify(lines), 'canary-')
})
