import fastify from 'fastify'
import t, { type Test } from 'tap'
import { securityHeaders } from '../../src/plugins/security-headers.ts'
import { SECURITY_HEADERS } from '../../src/security-headers.ts'
import { buildApp } from '../helpers/build-app.ts'
import { parseAnswer, sendRaw } from '../helpers/raw-http.ts'

const HSTS = 'max-age=31536000; includeSubDomains'

/** The names and values that an answer lacks. */
const missing = (get: (name: string) => unknown): string[] =>
  Object.keys(SECURITY_HEADERS).filter((name) => get(name) !== SECURITY_HEADERS[name])

t.test('the headers that no hook sets are those that helmet sets by the policy', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(securityHeaders)
  app.get('/', async () => '')
  const { headers } = await app.inject('/')
  const { 'content-type': _type, 'content-length': _length, date: _date, ...others } = headers
  t.strictSame(others, { connection: 'keep-alive', ...SECURITY_HEADERS })
})

t.test('the policy lets nothing run, be framed, or be guessed', async (t) => {
  t.match(SECURITY_HEADERS, {
    'content-security-policy': /^default-src 'none';.*frame-ancestors 'none'/,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })
})

t.test('every answer of the framework has them, whatever it is', async (t) => {
  const { server } = await buildApp(t)
  const etag = String((await server.inject('/v1/traffic/ayalon')).headers.etag)
  const json = { 'content-type': 'application/json' }
  for (const [status, request] of [
    [200, { url: '/v1/traffic/ayalon' }],
    [200, { url: '/v1/traffic/ayalon', headers: { 'accept-encoding': 'br' } }],
    [200, { url: '/v1/traffic/ayalon', method: 'HEAD' }],
    [304, { url: '/v1/traffic/ayalon', headers: { 'if-none-match': etag } }],
    [200, { url: '/health/live' }],
    [
      200,
      {
        url: '/v1/traffic/ayalon/history?from=2026-11-18T00:00:00Z&to=2026-11-18T06:00:00Z&interval=1h&format=csv',
      },
    ],
    [400, { url: '/v1/traffic?no=1' }],
    [400, { url: '/v1/traffic/%zz' }],
    [400, { url: `/v1/traffic/${'x'.repeat(101)}` }],
    [401, { url: '/v1/upstream' }],
    [404, { url: '/no' }],
    [405, { url: '/v1/traffic', method: 'POST' }],
    [406, { url: '/v1/traffic', headers: { accept: 'image/png' } }],
    [413, { url: '/v1/impact', method: 'POST', headers: json, body: 'x'.repeat(2 ** 20 + 1) }],
  ] as const) {
    const { statusCode, headers } = await server.inject(request)
    t.equal(statusCode, status, request.url)
    t.strictSame(
      missing((name) => headers[name]),
      [],
      `${status} ${request.url.slice(0, 60)}`,
    )
    t.notOk('x-powered-by' in headers || 'server' in headers, 'nothing says what it runs on')
  }
})

t.test('so has every answer that is written on the bare socket', async (t) => {
  const { server } = await buildApp(t)
  const port = Number(new URL(await server.listen({ port: 0, host: '127.0.0.1' })).port)
  for (const bytes of [
    'NONSENSE\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /v1/traffic/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  ]) {
    const { headers } = parseAnswer(await sendRaw(t, port, bytes))
    t.strictSame(
      missing((name) => headers.get(name)),
      [],
      bytes.slice(0, 30),
    )
  }
})

t.test('only who came by TLS is told to do so always', async (t) => {
  const hsts = async (
    t: Test,
    proxies: number | string[] | undefined,
    proto: string | undefined,
  ) => {
    const { server } = await buildApp(t, { server: { TRUST_PROXY: proxies } })
    const headers = proto === undefined ? {} : { 'x-forwarded-proto': proto }
    return (await server.inject({ url: '/v1/traffic', headers })).headers[
      'strict-transport-security'
    ]
  }
  t.equal(await hsts(t, 1, 'https'), HSTS)
  t.equal(await hsts(t, ['127.0.0.0/8'], 'https'), HSTS)
  t.equal(await hsts(t, 1, 'http'), undefined)
  t.equal(await hsts(t, 1, 'https, http'), undefined, 'what the nearest proxy says counts')
  t.equal(await hsts(t, 1, undefined), undefined)
  t.equal(await hsts(t, undefined, 'https'), undefined, 'a client cannot claim it')
  t.equal(await hsts(t, ['10.0.0.0/8'], 'https'), undefined, 'nor can an unknown proxy')
})

t.test('a route for people may have a policy of its own', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(securityHeaders)
  const helmet = { contentSecurityPolicy: { directives: { 'script-src': ["'self'"] } } }
  app.get('/docs', { helmet }, async () => '')
  const { headers } = await app.inject('/docs')
  t.match(headers['content-security-policy'], /script-src 'self'/)
  const { 'content-security-policy': _policy, ...others } = SECURITY_HEADERS
  t.match(headers, others)
})
