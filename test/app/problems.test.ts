import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { problemOfParser } from '../../src/problems/raw-socket.ts'
import { toJson } from '../../src/views/json.ts'
import { buildApp } from '../helpers/build-app.ts'
import { parseAnswer, sendRaw } from '../helpers/raw-http.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4/

async function listening(t: Test) {
  const { server, lines } = await buildApp(t)
  const port = Number(new URL(await server.listen({ port: 0, host: '127.0.0.1' })).port)
  return { server, lines, port, send: (bytes: string) => sendRaw(t, port, bytes).then(parseAnswer) }
}

t.test('the parser’s own errors each have their words', async (t) => {
  t.match(problemOfParser('ERR_HTTP_REQUEST_TIMEOUT'), {
    code: 'invalid_input',
    message: /in time/,
  })
  t.match(problemOfParser('HPE_HEADER_OVERFLOW'), { code: 'payload_too_large' })
  t.match(problemOfParser(undefined), { code: 'invalid_input', message: /valid HTTP/ })
})

t.test('a client that resets its connection hurts nobody', async (t) => {
  const { server, send } = await listening(t)
  const { PassThrough } = await import('node:stream')
  const gone = new PassThrough()
  gone.destroy()
  server.server.emit('clientError', new Error('ECONNRESET'), gone)
  const answer = await send('GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  t.equal(answer.status, 200)
})

t.test('a request that its client gives up is logged as aborted', async (t) => {
  const { port, lines } = await listening(t)
  const socket = connect(port, '127.0.0.1')
  socket.write(
    'POST /v1/impact?note=canary HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  )
  await once(socket, 'connect')
  while (socket.bytesWritten < 100) await setImmediate()
  socket.destroy()
  const aborted = () => lines.find(({ msg }) => msg === 'request aborted')
  while (aborted() === undefined) await setImmediate()
  t.match(aborted(), { method: 'POST', route: '/v1/impact' })
  t.notMatch(JSON.stringify(lines), /canary/)
})

t.test('a number that is no number never leaves as a silent null', async (t) => {
  t.equal(toJson({ a: [1 / 3, null] }), '{"a":[0.333333,null]}')
  t.throws(() => toJson({ speedKmh: Number.NaN }), /speedKmh is not a finite number/)
  t.throws(() => toJson({ a: Number.POSITIVE_INFINITY }), RangeError)
})

t.test('garbage behind a good request does not take its answer away', async (t) => {
  const { port } = await listening(t)
  const good = 'GET /v1/traffic/ayalon HTTP/1.1\r\nHost: a\r\n\r\n'
  const received = await sendRaw(t, port, `${good}\x00\x01GARBAGE\r\n\r\n`)
  t.strictSame(received.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 400'])
  const later = connect(port, '127.0.0.1')
  const chunks: string[] = []
  later.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
  later.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(later, 'data')
  later.write('GARBAGE\r\n\r\n')
  await once(later, 'end')
  t.strictSame(chunks.join('').match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 400'])
})

t.test('Expect: 100-continue is served', async (t) => {
  const { send } = await listening(t)
  const answer = await send(
    'GET /health/live HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
  )
  t.ok(answer.status === 100 || answer.status === 200)
})

t.test('a known path with a wrong method is 405 with Allow, any other 404', async (t) => {
  const { server } = await buildApp(t)
  for (const [method, url, allow] of [
    ['POST', '/v1/traffic/ayalon', 'GET, HEAD'],
    ['DELETE', '/v1/traffic/ayalon/geojson?x=1', 'GET, HEAD'],
    ['GET', '/v1/impact', 'POST'],
    ['PUT', '/health/live', 'GET, HEAD'],
  ] as const) {
    const response = await server.inject({ method, url })
    t.match(response.json(), { status: 405, code: 'method_not_allowed' }, url)
    t.equal(response.headers.allow, allow)
  }
  for (const url of ['/', '/v1', '/v1/traffic/', '/v2/traffic', '/v1/traffic/a/b/c'])
    t.match((await server.inject(url)).json(), { status: 404, code: 'not_found' }, url)
})

t.test('HEAD answers as GET, without a body', async (t) => {
  const { server } = await buildApp(t)
  const response = await server.inject({ method: 'HEAD', url: '/v1/traffic/ayalon' })
  t.equal(response.statusCode, 200)
  t.ok(response.headers.etag)
  t.equal(response.body, '')
})

t.test('a well-formed request id of the client is kept, any other replaced', async (t) => {
  const { server } = await buildApp(t)
  const ask = async (id: string | string[]) => {
    const response = await server.inject({ url: '/no', headers: { 'x-request-id': id } })
    t.equal(response.json().requestId, response.headers['x-request-id'])
    return response.headers['x-request-id']
  }
  t.equal(await ask('my.Id_1-2'), 'my.Id_1-2')
  t.equal(await ask('x'.repeat(64)), 'x'.repeat(64))
  for (const id of ['x'.repeat(65), '', 'a b', 'a"}', 'ä']) t.match(await ask(id), UUID)
})

t.test(
  'an unforeseen error is a 500 that tells the client nothing but the request id',
  async (t) => {
    const broken = Object.defineProperty({ ...AYALON }, 'attribution', {
      get() {
        throw new TypeError('secret internals')
      },
    })
    const { server, lines } = await buildApp(t, { corridors: [broken] })
    const response = await server.inject('/v1/traffic/ayalon')
    t.match(response.json(), { status: 500, code: 'internal_error' })
    t.notMatch(response.body, /secret internals/)
    const line = lines.find(({ msg }) => msg === 'request broke')
    t.match(line, { reqId: response.json().requestId, err: { message: 'secret internals' } })
  },
)
