import { once } from 'node:events'
import { METHODS } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { ProblemCode } from '../../src/problems/problem.ts'
import { buildApp } from '../helpers/build-app.ts'
import { isProblem } from '../helpers/problem.ts'
import { parseAnswer, sendRaw } from '../helpers/raw-http.ts'

async function listening(t: Test) {
  const { server, lines } = await buildApp(t, {
    server: { HEADERS_TIMEOUT_SECONDS: 1, REQUEST_TIMEOUT_SECONDS: 2 },
  })
  const port = Number(new URL(await server.listen({ port: 0, host: '127.0.0.1' })).port)
  return { server, lines, port }
}

/** A request with these header lines beside those that every request has, and a body. */
const request = (line: string, headers: readonly string[] = [], body = ''): string =>
  [line, 'Host: a', 'Connection: close', ...headers, '', body].join('\r\n')

const post = (headers: readonly string[], body = ''): string =>
  request('POST /v1/impact HTTP/1.1', headers, body)

const JSON_TYPE = 'Content-Type: application/json'
const CHUNKED = 'Transfer-Encoding: chunked'

const json = (body: string): string =>
  post([JSON_TYPE, `Content-Length: ${Buffer.byteLength(body)}`], body)

const long = 'x'.repeat(20_000)
const MIB = 2 ** 20

/** Every way in which the framework and the HTTP parser refuse, by what is sent. */
const WALK: Readonly<Partial<Record<ProblemCode, Readonly<Record<string, string>>>>> = {
  invalid_input: {
    'no HTTP': 'NONSENSE\r\n\r\n',
    'a TLS greeting': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'HTTP/9.9': 'GET / HTTP/9.9\r\nHost: a\r\n\r\n',
    'an unknown method': request('FOO / HTTP/1.1'),
    'a method in lower case': request('get / HTTP/1.1'),
    'a space in the path': request('GET /v1 /traffic HTTP/1.1'),
    'a space before the colon': request('GET / HTTP/1.1', ['X : 1']),
    'a folded header': request('GET / HTTP/1.1', ['X: 1', ' 2']),
    'a NUL in a header': request('GET / HTTP/1.1', ['X: \x00']),
    'a bare line feed in a header': request('GET / HTTP/1.1', ['X: 1\nY: 2']),
    'a bare carriage return in a header': request('GET / HTTP/1.1', ['X: 1\rY: 2']),
    'no Host': 'GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n',
    'two Hosts': request('GET /health/live HTTP/1.1', ['host: b']),
    'two Hosts, the same': request('GET /health/live HTTP/1.1', ['HOST: a']),
    'an unknown Expect': request('GET /health/live HTTP/1.1', ['Expect: tea']),
    'a bad percent-encoding': request('GET /v1/traffic/%zz HTTP/1.1'),
    'a bad percent-encoding of UTF-8': request('GET /v1/traffic/%E0%A4%A HTTP/1.1'),
    'a bad percent-encoding with a wrong method': request('PUT /v1/traffic/%zz HTTP/1.1'),
    'a bad percent-encoding in the query': request('GET /v1/traffic?x=%zz HTTP/1.1'),
    'too long a part of the path': request(`GET /v1/traffic/${'x'.repeat(101)} HTTP/1.1`),
    'too long a URL': request(`GET /v1/traffic?x=${'x'.repeat(2048)} HTTP/1.1`),
    'an unknown key of the query': request('GET /v1/traffic?x=1 HTTP/1.1'),
    'a key of the query twice': request(
      'GET /v1/traffic/ayalon?model=physical&model=physical HTTP/1.1',
    ),
    'a length that is no number': post([JSON_TYPE, 'Content-Length: x'], '{}'),
    'a negative length': post([JSON_TYPE, 'Content-Length: -1'], '{}'),
    'two lengths': post([JSON_TYPE, 'Content-Length: 2', 'Content-Length: 3'], '{}x'),
    'a list of lengths': post([JSON_TYPE, 'Content-Length: 2, 3'], '{}x'),
    'a length and chunks': post([JSON_TYPE, 'Content-Length: 2', CHUNKED], '2\r\n{}\r\n0\r\n\r\n'),
    'chunks and a length': post([JSON_TYPE, CHUNKED, 'Content-Length: 2'], '2\r\n{}\r\n0\r\n\r\n'),
    'chunks that are not the last encoding': post(
      [JSON_TYPE, 'Transfer-Encoding: chunked, identity'],
      '2\r\n{}\r\n0\r\n\r\n',
    ),
    'garbage for a chunk': post([JSON_TYPE, CHUNKED], 'zz\r\n'),
    'a chunk of absurd size': post([JSON_TYPE, CHUNKED], 'fffffffffffffffff\r\n'),
    'a chunk that is longer than it says': post([JSON_TYPE, CHUNKED], '1\r\n{}\r\n0\r\n\r\n'),
    'no body': post([JSON_TYPE, 'Content-Length: 0']),
    'no body by chunks': post([JSON_TYPE, CHUNKED], '0\r\n\r\n'),
    'a body that does not come': post([JSON_TYPE, 'Content-Length: 9'], '{'),
    'half a JSON': json('{"sections":'),
    'a JSON with more behind it': json('{} {}'),
    'a JSON that is no object': json('[]'),
    'a JSON that changes prototypes': json('{"sections":[],"__proto__":{"a":1}}'),
    'a JSON that changes constructors': json('{"constructor":{"prototype":{"a":1}}}'),
    'a key in the URL': request('GET /v1/traffic?api_key=canary-secret HTTP/1.1'),
  },
  not_found: {
    'an unknown path': request('GET /no HTTP/1.1'),
    'one with a slash more': request('GET /v1/traffic/ HTTP/1.1'),
    'one of HTTP/0.9, which has no headers': 'GET /no\r\n\r\n',
    'one of HTTP/1.0, which needs no Host': 'GET /no HTTP/1.0\r\n\r\n',
    'one by its whole address': request('GET http://a/no?x=1 HTTP/1.1'),
    'one with an upgrade': request('GET /no HTTP/1.1', ['Connection: upgrade', 'Upgrade: h2c']),
    'one with a body that nobody reads': request(
      'POST /no HTTP/1.1',
      ['Content-Type: image/png', 'Content-Length: 2'],
      'ab',
    ),
    'the server itself': request('OPTIONS * HTTP/1.1'),
  },
  method_not_allowed: {
    CONNECT: 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    QUERY: request('QUERY /v1/traffic HTTP/1.1'),
    'QUERY with a body': request(
      'QUERY /v1/traffic HTTP/1.1',
      [JSON_TYPE, 'Content-Length: 2'],
      '{}',
    ),
    'a whole address': request('PUT http://a/v1/traffic?x=1 HTTP/1.1'),
    'a body that nobody reads': request(
      'PUT /v1/traffic HTTP/1.1',
      ['Content-Type: image/png', 'Content-Length: 2'],
      'ab',
    ),
  },
  payload_too_large: {
    'headers of 20 kB': request('GET / HTTP/1.1', [`X: ${long}`]),
    'a URL of 20 kB': request(`GET /${long} HTTP/1.1`),
    'more than 100 headers': request('GET /health/live HTTP/1.1', Array(99).fill('X: 1')),
    'more headers than Node keeps': request('GET /health/live HTTP/1.1', Array(2500).fill('a:')),
    'chunk extensions of 20 kB': post([JSON_TYPE, CHUNKED], `2;x=${long}\r\n{}\r\n0\r\n\r\n`),
    'a body that says it is too large': post([JSON_TYPE, `Content-Length: ${MIB + 1}`]),
    'a body that is, by chunks': post(
      [JSON_TYPE, CHUNKED],
      `${(MIB + 2).toString(16)}\r\n"${'x'.repeat(MIB)}"\r\n0\r\n\r\n`,
    ),
  },
  unsupported_media_type: {
    'plain text': post(['Content-Type: text/plain', 'Content-Length: 2'], '{}'),
    'a form': post(['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 1'], 'a'),
    'a media type that is none': post(['Content-Type: json', 'Content-Length: 2'], '{}'),
    'no media type': post(['Content-Length: 2'], '{}'),
    'a compressed body': post([JSON_TYPE, 'Content-Encoding: gzip', 'Content-Length: 2'], '{}'),
  },
}

for (const code of [
  'invalid_input',
  'not_found',
  'method_not_allowed',
  'payload_too_large',
  'unsupported_media_type',
] as const)
  t.test(`whatever is refused as ${code} before its route is a problem`, async (t) => {
    const { port, lines } = await listening(t)
    for (const [name, bytes] of Object.entries(WALK[code] ?? {})) {
      const answer = parseAnswer(await sendRaw(t, port, bytes))
      isProblem(t, answer, code, name)
      t.ok(answer.headers.get('date'), name)
      const id = answer.headers.get('x-request-id')
      while (!lines.some(({ reqId }) => reqId === id)) await wait(5)
    }
    t.notMatch(JSON.stringify(lines), /canary-secret/)
    const live = request('GET /health/live HTTP/1.1')
    t.equal(parseAnswer(await sendRaw(t, port, live)).status, 200, 'and the service lives on')
  })

t.test('a known path says what it is for, whatever else Node can parse', async (t) => {
  const { port } = await listening(t)
  const unknown = METHODS.filter((method) => !['GET', 'HEAD', 'CONNECT'].includes(method))
  for (const method of unknown) {
    const answer = parseAnswer(await sendRaw(t, port, request(`${method} /v1/traffic HTTP/1.1`)))
    isProblem(t, answer, 'method_not_allowed', method)
    t.equal(answer.headers.get('allow'), 'GET, HEAD', method)
  }
  const answer = parseAnswer(await sendRaw(t, port, request('GET /v1/impact HTTP/1.1')))
  t.equal(answer.headers.get('allow'), 'POST')
})

t.test('a problem in answer to HEAD has all but the body', async (t) => {
  const { port } = await listening(t)
  const answer = parseAnswer(await sendRaw(t, port, request('HEAD /no HTTP/1.1')))
  t.equal(answer.status, 404)
  t.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
  t.equal(answer.body, '')
})

t.test('what looks odd but is right is served', async (t) => {
  const { port } = await listening(t)
  for (const bytes of [
    request('GET http://a/health/live HTTP/1.1'),
    request('GET /health/live HTTP/1.1', ['Upgrade: websocket', 'Connection: upgrade']),
    request('GET /health/live HTTP/1.1', ['Content-Length: 2'], '{}'),
    request('HEAD /health/live HTTP/1.1', ['Content-Length: 2'], '{}'),
    request('GET /health/live HTTP/1.1', Array(98).fill('X: 1')),
    'GET /health/live HTTP/1.0\r\n\r\n',
  ]) {
    const answer = parseAnswer(await sendRaw(t, port, bytes))
    t.equal(answer.status, 200, bytes.slice(0, 60))
  }
})

t.test('whoever asks to be connected and resets the connection ends nothing', async (t) => {
  const { server, port } = await listening(t)
  const asked = once(server.server, 'connect')
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.write('GET /v1/traffic HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n')
  await asked
  socket.resetAndDestroy()
  const live = request('GET /health/live HTTP/1.1')
  t.equal(parseAnswer(await sendRaw(t, port, live)).status, 200)
})

t.test('while the process drains, what still comes is answered and told to go', async (t) => {
  const { server, port } = await listening(t)
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  let received = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    received += chunk
  })
  socket.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\nGET /health/ready HTTP/1.1\r\n')
  await once(socket, 'data')
  const closed = server.close()
  while (!server.lifecycle.draining) await wait(1)
  received = ''
  socket.write('Host: a\r\n\r\n')
  await once(socket, 'end')
  const answer = parseAnswer(received)
  isProblem(t, answer, 'overloaded', 'not ready')
  t.equal(answer.headers.get('retry-after'), '5')
  t.equal(answer.headers.get('connection'), 'close')
  await closed
})
