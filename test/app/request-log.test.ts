import t from 'tap'
import { Secret } from '../../src/secret.ts'
import { buildApp } from '../helpers/build-app.ts'
import { goAway, loggedServer, SECRETS } from './fixtures/logged.ts'

const PATH = '/v1/traffic/ayalon'

t.test('a request is one line that says who asked what and how it went', async (t) => {
  const { server, lines } = await buildApp(t, {
    config: { API_KEYS: Secret.of('screen:read:secret-0123456789') },
  })
  lines.length = 0
  await server.inject({
    url: `${PATH}?reference=freeFlow`,
    headers: { 'x-api-key': 'secret-0123456789', 'x-request-id': 'mine' },
  })
  const [line, ...others] = lines.filter(({ msg }) => msg !== 'the list of keys was read')
  t.strictSame(others, [])
  const { durationMs, time: _time, pid: _pid, hostname: _hostname, ...rest } = line ?? {}
  t.type(durationMs, 'number')
  t.strictSame(rest, {
    level: 30,
    reqId: 'mine',
    method: 'GET',
    route: '/v1/traffic/:corridor',
    status: 200,
    keyId: 'screen',
    cache: 'hit',
    code: null,
    msg: 'request',
  })
})

t.test(
  'a refused request has its problem, an unknown path no route, a probe little to say',
  async (t) => {
    const { server, lines } = await buildApp(t)
    const lineOf = async (url: string, method: 'GET' | 'POST' = 'GET') => {
      lines.length = 0
      await server.inject({ url, method })
      t.equal(lines.filter(({ msg }) => msg === 'request').length, 1)
      const { level, route, status, keyId, cache, code } = lines.at(-1) ?? {}
      return { level, route, status, keyId, cache, code }
    }
    const none = { keyId: null, cache: null }
    t.strictSame(await lineOf('/v1/upstream'), {
      level: 30,
      route: '/v1/upstream',
      status: 401,
      ...none,
      code: 'unauthorized',
    })
    t.strictSame(await lineOf('/secret/path?canary=1'), {
      level: 30,
      route: null,
      status: 404,
      ...none,
      code: 'not_found',
    })
    t.strictSame(await lineOf('/health/live'), {
      level: 20,
      route: '/health/live',
      status: 200,
      ...none,
      code: null,
    })
  },
)

t.test('a request that breaks is a warning beside the error', async (t) => {
  const { url, lines, said } = await loggedServer(t, {
    routes: (server) =>
      server.get('/broken', { config: { access: 'open' } }, async () => {
        throw new Error('at https://x.test/?apiKey=canary', { cause: new Error('Bearer canary') })
      }),
  })
  await fetch(`${url}/broken?canary=1`)
  await said('request')
  const [broke, request] = lines.slice(-2)
  t.match(broke, { level: 50, msg: 'request broke', err: { cause: { type: 'Error' } } })
  t.match(request, { level: 40, msg: 'request', status: 500, code: 'internal_error' })
  t.equal(broke?.reqId, request?.reqId)
})

t.test(
  'a client that goes away leaves one line, whatever its answer would have been',
  async (t) => {
    const answering = Promise.withResolvers<void>()
    const { server, url, said, lines } = await loggedServer(t, {
      routes: (server) =>
        server.get('/slow', { config: { access: 'open' } }, async () => {
          server.server.emit('working')
          await answering.promise
          return {}
        }),
    })
    await goAway(server, `${url}/slow?x=canary`, {})
    await said('request aborted')
    answering.resolve()
    await server.close()
    const told = lines.filter(({ msg }) => String(msg).startsWith('request'))
    t.equal(told.length, 1)
    t.match(told[0], { level: 30, method: 'GET', route: '/slow' })
    t.equal(told[0]?.status, null)
  },
)

t.test('no secret of a request is in the log, wherever the client put it', async (t) => {
  const { url, lines, said } = await loggedServer(t, {
    routes: (server) => {
      server.post('/echo/:part', { config: { access: 'write' } }, async (request, reply) => {
        const { headers, body, params, url } = request
        const error = Object.assign(new Error(`failed for ${url}`), { headers, body, params })
        request.log.error({ req: request, res: reply, error }, 'told by the route')
        throw error
      })
    },
  })
  const post = (path: string, headers: Record<string, string>, body = '{"secret":"canary"}') =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie: 'session=canary', ...headers },
      body,
    })
  const answers = [
    await post('/echo/part?x=canary', { 'x-api-key': SECRETS.writer }),
    await post('/echo/part', { authorization: `Bearer ${SECRETS.writer}` }),
    await post('/echo/part?api_key=canary-key', { 'x-api-key': SECRETS.writer }),
    await post('/echo/part', { 'x-api-key': 'canary-wrong' }),
    await post('/echo/part', { authorization: 'Basic canary' }),
    await post('/echo/part', { 'x-api-key': SECRETS.writer }, 'canary{'),
    await post('/echo/%zz-canary', { 'x-api-key': SECRETS.writer }),
    await post(`/echo/${'canary'.repeat(99)}`, { 'x-api-key': SECRETS.writer }),
    await post('/canary', { 'x-api-key': 'canary-wrong', 'x-request-id': '{canary}' }),
  ]
  t.strictSame(
    answers.map(({ status }) => status),
    [500, 500, 400, 401, 401, 400, 400, 400, 404],
  )
  await said('request refused')
  const told = lines.map((line) => JSON.stringify(line)).join('\n')
  t.match(told, /told by the route.*\n.*request broke/)
  const [byRoute] = lines.filter(({ msg }) => msg === 'told by the route')
  t.strictSame(byRoute?.req, { method: 'POST', route: '/echo/:part' })
  t.strictSame(byRoute?.res, { status: 200 })
  t.notMatch(told, /canary/)
})
