import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createServer } from '../../src/server.ts'
import { buildApp, SERVER } from '../helpers/build-app.ts'
import { parseAnswer, type RawAnswer } from '../helpers/raw-http.ts'

const SHORT = { HEADERS_TIMEOUT_SECONDS: 1, REQUEST_TIMEOUT_SECONDS: 2 }

const HEADERS = 'GET /v1/traffic HTTP/1.1\r\nHost: a\r\nX-Slow: '
const BODY =
  'POST /v1/impact HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{"'

interface Slow {
  readonly socket: Socket
  /** What came until the server ended the connection. */
  readonly ended: Promise<string>
}

/** A client that sends the start of a request and then a byte now and then, for ever. */
function slowly(t: Test, port: number, start: string): Slow {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  let received = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    received += chunk
  })
  // It is reset where it does not stop.
  socket.on('error', () => {})
  if (start !== '') {
    socket.write(start)
    const dribble = setInterval(() => socket.write('x'), 50)
    socket.once('close', () => clearInterval(dribble))
  }
  return { socket, ended: new Promise((resolve) => socket.once('end', () => resolve(received))) }
}

async function listening(t: Test) {
  const { server, lines } = await buildApp(t, { server: SHORT })
  const origin = await server.listen({ port: 0, host: '127.0.0.1' })
  const open = () =>
    new Promise<number>((resolve) => server.server.getConnections((_error, n) => resolve(n)))
  return { server, lines, origin, port: Number(new URL(origin).port), open }
}

function isLate(t: Test, answer: RawAnswer): void {
  t.equal(answer.status, 400)
  t.match(JSON.parse(answer.body), {
    code: 'invalid_input',
    detail: 'The request did not arrive in time.',
    requestId: answer.headers.get('x-request-id'),
  })
  t.equal(answer.headers.get('connection'), 'close')
}

t.test('slow headers and bodies end by their timeouts and hold nobody up', async (t) => {
  const { server, lines, origin, port, open } = await listening(t)
  const slow = [HEADERS, BODY].flatMap((start) =>
    Array.from({ length: 20 }, () => slowly(t, port, start)),
  )
  let atWork = slow.length
  const ended = slow.map(async (one) => {
    const received = await one.ended
    atWork -= 1
    return received
  })
  while ((await open()) < slow.length) await wait(5)
  const first = await fetch(`${origin}/v1/traffic/ayalon`)
  t.equal(first.status, 200)
  t.equal(atWork, 40, 'a quick client is served while all the slow ones are at work')
  const statuses = new Set<number>()
  while (atWork > 0) {
    const answer = await fetch(`${origin}/v1/traffic/ayalon`)
    statuses.add(answer.status)
    await answer.body?.cancel()
  }
  t.strictSame([...statuses], [200], 'and at any time until they have ended')
  for (const received of await Promise.all(ended)) isLate(t, parseAnswer(received))
  const refused = lines.filter(({ msg }) => msg === 'request refused')
  t.equal(refused.length, 40, 'each is in the log once')
  await server.close()
})

t.test('a client that never stops sending is cut off', async (t) => {
  const { port, open } = await listening(t)
  const { socket, ended } = slowly(t, port, 'GARBAGE\r\n\r\n')
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const warnings: Error[] = []
  const warn = (warning: Error) => void warnings.push(warning)
  process.on('warning', warn)
  t.teardown(() => process.off('warning', warn))
  t.match(JSON.parse(parseAnswer(await ended).body), { code: 'invalid_input' })
  t.equal(socket.writable, true, 'it goes on')
  await closed
  while ((await open()) > 0) await wait(5)
  t.strictSame(warnings, [], 'no listener is left for each byte')
})

t.test('a connection on which nothing is sent ends without an answer', async (t) => {
  const { port, lines } = await listening(t)
  t.equal(await slowly(t, port, '').ended, '')
  t.notOk(
    lines.some(({ msg }) => msg === 'request refused'),
    'nothing was refused',
  )
})

t.test('who is answered before the whole body is there is not answered twice', async (t) => {
  const { port } = await listening(t)
  const start = BODY.replace('/v1/impact', '/v1/traffic')
  const received = await slowly(t, port, start).ended
  t.strictSame(received.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 405'])
})

t.test('the second request of a connection has its timeout too', async (t) => {
  const { port } = await listening(t)
  const start = `GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n${HEADERS}`
  const received = await slowly(t, port, start).ended
  const [, live, late] = received.split('HTTP/1.1 ')
  t.match(live, /^200/)
  isLate(t, parseAnswer(`HTTP/1.1 ${late}`))
})

t.test('a client that does not read its answer is cut off', async (t) => {
  const server = createServer(pino({ level: 'silent' }), SERVER)
  t.teardown(() => server.close())
  let produced = 0
  const endless = () =>
    new Readable({
      read() {
        produced += 1
        this.push(Buffer.alloc(65_536))
      },
    })
  const left = new Promise<void>((resolve) => {
    server.get('/endless', async (_request, reply) => {
      const body = endless()
      body.once('close', resolve)
      return reply.send(body)
    })
  })
  t.equal(server.server.timeout, 120_000)
  server.server.timeout = 300
  const port = Number(new URL(await server.listen({ port: 0, host: '127.0.0.1' })).port)
  const socket = connect(port, '127.0.0.1').pause()
  t.teardown(() => socket.destroy())
  socket.write('GET /endless HTTP/1.1\r\nHost: a\r\n\r\n')
  await left
  t.ok(produced > 0)
})

t.test('connections wait longer for their next request than proxies keep them', async (t) => {
  const { server } = await buildApp(t)
  t.ok(server.server.keepAliveTimeout > 60_000)
})

t.test('an idle connection does not hold up the end', async (t) => {
  const { server, port } = await listening(t)
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'data')
  const end = once(socket, 'close')
  socket.resume()
  await Promise.all([server.close(), end])
})
