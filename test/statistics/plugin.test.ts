import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { problems } from '../../src/plugins/problems.ts'
import { statistics } from '../../src/plugins/statistics.ts'
import { Problem } from '../../src/problems/problem.ts'
import { createServer } from '../../src/server.ts'
import { RequestStatistics } from '../../src/statistics/request-statistics.ts'
import { SERVER } from '../helpers/build-app.ts'
import { listenedLog } from '../helpers/log.ts'
import { sendRaw } from '../helpers/raw-http.ts'

/** A server that counts, with routes that take their time. */
async function counting(t: Test) {
  const server = createServer(listenedLog().log, SERVER)
  const counted = new RequestStatistics(Date.now)
  await server.register(statistics, { statistics: counted })
  await server.register(problems)
  const slow = Promise.withResolvers<string>()
  server.get('/slow', () => slow.promise)
  server.post('/body', async () => 'read')
  const endless = () =>
    Readable.from(
      (async function* () {
        while (true) {
          yield 'more'
          await setImmediate()
        }
      })(),
    )
  server.get('/endless', async (_request, reply) => reply.send(endless()))
  server.get('/stream', { config: { stream: true } }, async ({ headers }, reply) => {
    if (headers.slow !== undefined) await slow.promise
    if (headers.wrong !== undefined) throw new Problem('rate_limited', 'Not now.')
    return reply.send(endless())
  })
  server.get(
    '/refused',
    {
      onRequest: async () => {
        throw new Problem('forbidden', 'Not you.')
      },
    },
    async () => 'never',
  )
  server.get('/probe', { config: { probe: true } }, async () => 'well')
  t.teardown(() => server.close())
  const port = Number(new URL(await server.listen({ port: 0, host: '127.0.0.1' })).port)

  /** Sends bytes and leaves when the server has begun with the request, or has sent something. */
  const leave = async (bytes: string, when: 'begun' | 'answered'): Promise<void> => {
    const begun = once(server.server, 'request')
    const closed = begun.then(([, response]) => once(response, 'close'))
    const socket = connect(port, '127.0.0.1')
    socket.write(bytes)
    await (when === 'begun' ? begun : once(socket, 'data'))
    socket.destroy()
    await closed
    await setImmediate()
  }
  return { server, counted, slow, leave, send: (bytes: string) => sendRaw(t, port, bytes) }
}

t.test('who leaves before the answer is counted once, as aborted', async (t) => {
  const { counted, slow, leave } = await counting(t)
  await leave('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n', 'begun')
  const aborted = { errors: { aborted: 1 }, requests: { total: 1, failed: 1 } }
  t.match(counted.figures, aborted)
  slow.resolve('too late')
  await setImmediate()
  t.match(counted.figures, aborted)
  t.match(counted.byRoute, [{ route: 'GET /slow', total: 1, failed: 1 }])
  t.equal(counted.errorCount, 0)
})

t.test('who leaves in the middle of the body is counted once', async (t) => {
  const { counted, leave } = await counting(t)
  const head = 'POST /body HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
  await leave(`${head}Content-Length: 9\r\n\r\n{"a`, 'begun')
  t.match(counted.figures, { errors: { aborted: 1 }, requests: { total: 1, failed: 1 } })
})

t.test('who leaves in the middle of the answer is counted as aborted too', async (t) => {
  const { counted, leave } = await counting(t)
  await leave('GET /endless HTTP/1.1\r\nHost: a\r\n\r\n', 'answered')
  t.strictSame(counted.figures.errors, { aborted: 1 })
  t.match(counted.figures.requests, { total: 1, failed: 1 })
})

t.test('who leaves a stream was answered, once it began', async (t) => {
  const { counted, leave, server } = await counting(t)
  await leave('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n', 'answered')
  t.match(counted.figures, { errors: {}, requests: { total: 1, successful: 1 } })
  await leave('GET /stream HTTP/1.1\r\nHost: a\r\nSlow: yes\r\n\r\n', 'begun')
  t.match(counted.figures, { errors: { aborted: 1 }, requests: { total: 2, successful: 1 } })
  await server.inject({ url: '/stream', headers: { wrong: 'yes' } })
  t.match(counted.figures, { errors: { rate_limited: 1 }, requests: { total: 3, successful: 1 } })
})

t.test('probes are not counted, whether they end or not', async (t) => {
  const { counted, server, leave } = await counting(t)
  await server.inject('/probe')
  await leave('GET /probe HTTP/1.1\r\nHost: a\r\n\r\n', 'begun')
  t.equal(counted.totalRequests, 0)
})

t.test('what is refused before any route is counted once, without a route', async (t) => {
  const { counted, send, server } = await counting(t)
  await send('NONSENSE\r\n\r\n')
  await send('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n')
  await send('GET /slow/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  t.strictSame(counted.figures.errors, { invalid_input: 2, method_not_allowed: 1 })
  t.match(counted.figures.requests, { total: 3, failed: 3 })
  t.strictSame(counted.byRoute, [])
  t.equal((await server.inject('/refused')).statusCode, 403)
  t.match(counted.figures.errors, { forbidden: 1 })
  t.match(counted.byRoute, [{ route: 'GET /refused', total: 1 }], 'a hook knows the route')
})

t.test('garbage after an answered request is one more request', async (t) => {
  const { counted, slow, send } = await counting(t)
  const sent = send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\nNONSENSE\r\n\r\n')
  slow.resolve('here')
  t.match(await sent, /200 OK.*400 Bad Request/s)
  t.match(counted.figures.requests, { total: 2, successful: 1, failed: 1 })
  t.strictSame(counted.figures.errors, { invalid_input: 1 })
})

t.test('a body that breaks off into garbage is still one request', async (t) => {
  const { counted, send, server } = await counting(t)
  const ended = once(server.server, 'request').then(([, response]) => once(response, 'close'))
  const head = 'POST /body HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
  t.match(await send(`${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`), /400 Bad Request/)
  await ended
  t.match(counted.figures.requests, { total: 1, failed: 1 })
})
