import Fastify, { type InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { cors } from '../../src/plugins/cors.ts'
import { SECURITY_HEADERS } from '../../src/security-headers.ts'
import { buildApp } from '../helpers/build-app.ts'
import { parseAnswer, sendRaw } from '../helpers/raw-http.ts'

const PAGE = 'https://page.example'

const app = async (t: Test, origins: string[], config = {}) =>
  (await buildApp(t, { config: { CORS_ORIGINS: origins, ...config } })).server

const preflight = (origin: string, url = '/v1/traffic/ayalon'): InjectOptions => ({
  method: 'OPTIONS',
  url,
  headers: {
    origin,
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'x-api-key',
  },
})

t.test('without a list of origins there is no CORS, and OPTIONS is no method', async (t) => {
  const server = await app(t, [])
  const answer = await server.inject({ url: '/v1/traffic', headers: { origin: PAGE } })
  t.equal(answer.statusCode, 200)
  t.notOk('access-control-allow-origin' in answer.headers)
  t.notMatch(answer.headers, { vary: /Origin/ })
  const asked = await server.inject(preflight(PAGE))
  t.match(asked.json(), { status: 405, code: 'method_not_allowed' })
  t.equal(asked.headers.allow, 'GET, HEAD')
})

t.test('a page of a listed origin may read the answer and the headers that matter', async (t) => {
  const server = await app(t, ['https://other.example', PAGE])
  const { headers } = await server.inject({ url: '/v1/traffic/ayalon', headers: { origin: PAGE } })
  t.equal(headers['access-control-allow-origin'], PAGE)
  t.notOk('access-control-allow-credentials' in headers)
  const exposed = String(headers['access-control-expose-headers']).toLowerCase().split(', ')
  for (const name of [
    'x-request-id',
    'ratelimit',
    'ratelimit-policy',
    'x-ratelimit-limit',
    'x-ratelimit-remaining',
    'x-ratelimit-reset',
    'etag',
    'age',
    'cache-status',
  ]) {
    t.ok(name in headers, `${name} is sent`)
    t.ok(exposed.includes(name), `${name} is exposed`)
  }
})

t.test('any other page may not, nor may one that looks alike', async (t) => {
  const server = await app(t, [PAGE])
  for (const origin of [
    'https://evil.example',
    'http://page.example',
    'https://page.example.evil.example',
    'https://page.example:444',
    'null',
  ]) {
    const { headers } = await server.inject({ url: '/v1/traffic', headers: { origin } })
    t.notOk('access-control-allow-origin' in headers, origin)
    const asked = await server.inject(preflight(origin))
    t.notOk('access-control-allow-origin' in asked.headers, origin)
  }
})

t.test('with * all pages may', async (t) => {
  const server = await app(t, ['*'])
  const { headers } = await server.inject({ url: '/v1/traffic', headers: { origin: PAGE } })
  t.equal(headers['access-control-allow-origin'], '*')
})

t.test('caches keep answers to different origins, encodings and types apart', async (t) => {
  const server = await app(t, [PAGE])
  const history = '/v1/traffic/ayalon/history?from=2026-11-18T00:00:00Z&interval=1h'
  for (const [url, vary] of [
    ['/v1/traffic/ayalon', 'Accept-Encoding, Origin'],
    ['/v1/traffic/ayalon/geojson', 'Accept-Encoding, Origin'],
    [history, 'Accept, Origin'],
    ['/v1/traffic', 'Origin'],
    ['/no', 'Origin'],
  ] as const)
    for (const headers of [{}, { origin: PAGE }])
      t.equal((await server.inject({ url, headers })).headers.vary, vary, url)
  const { etag } = (await server.inject('/v1/traffic/ayalon')).headers
  const headers = { origin: PAGE, 'if-none-match': String(etag) }
  const unchanged = await server.inject({ url: '/v1/traffic/ayalon', headers })
  t.equal(unchanged.statusCode, 304)
  t.equal(unchanged.headers.vary, 'Accept-Encoding, Origin')
  t.equal(unchanged.headers['access-control-allow-origin'], PAGE)
})

t.test('a preflight is answered without a key, also where reading needs one', async (t) => {
  const server = await app(t, [PAGE], { AUTH_READS: 'key' })
  for (const url of ['/v1/traffic/ayalon', '/v1/upstream', '/v1/impact']) {
    const { statusCode, headers, body } = await server.inject(preflight(PAGE, url))
    t.equal(statusCode, 200)
    t.equal(body, '')
    t.match(headers, {
      ...SECURITY_HEADERS,
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
      'access-control-allow-headers': /X-API-Key/,
      'access-control-max-age': '86400',
      'content-length': '0',
    })
    t.ok(headers['x-request-id'])
  }
})

t.test('a refusal can be read by the page, and preflights are limited as all else', async (t) => {
  const server = await app(t, [PAGE], { RATE_LIMIT_PER_MINUTE: 2 })
  const headers = { origin: PAGE }
  const refused = await server.inject({ url: '/v1/upstream', headers })
  t.equal(refused.statusCode, 401)
  t.equal(refused.headers['access-control-allow-origin'], PAGE)
  t.equal((await server.inject(preflight(PAGE))).statusCode, 200)
  for (const request of [preflight(PAGE), { url: '/v1/traffic', headers }]) {
    const limited = await server.inject(request)
    t.match(limited.json(), { status: 429, code: 'rate_limited' })
    t.match(limited.headers['content-type'], /^application\/problem\+json/)
    t.equal(limited.headers['access-control-allow-origin'], PAGE)
    t.match(limited.headers['access-control-expose-headers'], /Retry-After/)
  }
})

t.test('an OPTIONS request that is no preflight is as any unknown method', async (t) => {
  const server = await app(t, [PAGE])
  for (const headers of [{}, { origin: PAGE }, { 'access-control-request-method': 'GET' }]) {
    const known = await server.inject({ method: 'OPTIONS', url: '/v1/traffic/ayalon', headers })
    t.match(known.json(), { status: 405, code: 'method_not_allowed' })
    t.equal(known.headers.allow, 'GET, HEAD')
    t.equal(known.headers['content-type'], 'application/problem+json; charset=utf-8')
    const unknown = await server.inject({ method: 'OPTIONS', url: '/no', headers })
    t.match(unknown.json(), { status: 404, code: 'not_found' })
  }
  const port = Number(new URL(await server.listen({ port: 0, host: '127.0.0.1' })).port)
  const itself = 'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  t.equal(parseAnswer(await sendRaw(t, port, itself)).status, 404, 'the server itself has none')
})

t.test('a route for every path keeps what it asks of its callers', async (t) => {
  const server = Fastify()
  t.teardown(() => server.close())
  await server.register(cors, { origins: [PAGE] })
  const asked: unknown[] = []
  server.addHook('onRoute', ({ method, config }) => {
    if (method === 'GET') asked.push(config?.access)
  })
  server.get('*', { config: { access: 'admin' } }, async () => '')
  await server.ready()
  t.strictSame(asked, ['admin'])
})
