import { deflateSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createUpstream, type UpstreamAnswer } from '../../src/providers/upstream/client.ts'
import { type Answer, standIn } from '../helpers/stand-in.ts'
import { HOUR, never, rejectionOf, SECOND, START, timeIsOver } from './fixtures/calls.ts'
import { failureOf } from './fixtures/failure-of.ts'

const JSON_BODY = '{"results":[],"name":"שדרות"}'

/** A client of a server that gives one answer for ever. */
async function asked(
  t: Test,
  answer: Answer,
  limits: { timeoutMs?: number; maxBytes?: number } = {},
) {
  const provider = await standIn(t, answer)
  const { timeoutMs = 10_000, maxBytes = 10_000 } = limits
  const upstream = createUpstream({ timeoutMs, maxBytes, now: () => START })
  let closed: Promise<void> | null = null
  const close = (): Promise<void> => {
    closed ??= upstream.close()
    return closed
  }
  t.teardown(close)
  const get = (signal: AbortSignal = never): Promise<UpstreamAnswer> =>
    upstream.get(provider.baseUrl, signal)
  return { get, requests: provider.requests, close }
}

/** An answer with a body of bytes. */
const packed =
  (coding: string, body: Buffer | string, status = 200): Answer =>
  (response) =>
    void response.writeHead(status, { 'content-encoding': coding }).end(body)

/** An answer whose headers may be repeated. */
const withHeaders =
  (headers: readonly string[], status = 200): Answer =>
  (response) =>
    void response.writeHead(status, [...headers]).end('{}')

t.test('it asks for JSON, packed with gzip or not at all', async (t) => {
  const { get, requests } = await asked(t, { body: JSON_BODY })
  t.strictSame(await get(), { status: 200, body: JSON_BODY, retryAfterMs: null })
  t.match(requests, [
    { method: 'GET', headers: { accept: 'application/json', 'accept-encoding': 'gzip' } },
  ])
})

t.test('an answer that is packed as asked for is unpacked', async (t) => {
  for (const [coding, body] of [
    ['gzip', gzipSync(JSON_BODY)],
    ['GZip', gzipSync(JSON_BODY)],
    ['gzip', Buffer.concat([gzipSync(JSON_BODY.slice(0, 9)), gzipSync(JSON_BODY.slice(9))])],
    ['identity', Buffer.from(JSON_BODY)],
    ['Identity', Buffer.from(JSON_BODY)],
  ] as const) {
    const { get } = await asked(t, packed(coding, body))
    t.equal((await get()).body, JSON_BODY, coding)
  }
})

t.test('the names of headers may be written in any way', async (t) => {
  const headers = [
    'CONTENT-ENCODING',
    'gzip',
    'Content-TYPE',
    'Application/JSON',
    'RETRY-after',
    '7',
  ]
  const { get } = await asked(
    t,
    (response) => void response.writeHead(200, headers).end(gzipSync(JSON_BODY)),
  )
  t.strictSame(await get(), { status: 200, body: JSON_BODY, retryAfterMs: 7 * SECOND })
})

t.test('an answer that is packed in another way is refused', async (t) => {
  for (const [coding, body] of [
    ['br', gzipSync(JSON_BODY)],
    ['deflate', deflateSync(JSON_BODY)],
    ['gzip, gzip', gzipSync(gzipSync(JSON_BODY))],
    ['zstd', JSON_BODY],
  ] as const) {
    const { get } = await asked(t, packed(coding, body))
    t.match(await failureOf(get), { outcome: 'badAnswer', message: /not asked for/ }, coding)
  }
})

t.test('a packed answer that is cut short or is none is refused', async (t) => {
  for (const body of [
    gzipSync(JSON_BODY).subarray(0, -9),
    JSON_BODY,
    '',
    gzipSync('').subarray(1),
  ]) {
    const { get } = await asked(t, packed('gzip', body))
    t.match(await failureOf(get), { outcome: 'badAnswer', message: /cut short or is none/ })
  }
})

t.test('a small answer cannot unpack to more than the limit; one at it is read', async (t) => {
  const bomb = gzipSync(Buffer.alloc(10_001, ' '))
  t.ok(bomb.length < 100)
  const tooLarge = await asked(t, packed('gzip', bomb))
  t.match(await failureOf(tooLarge.get), {
    outcome: 'badAnswer',
    message: /larger than 10000 bytes/,
  })
  const justRight = await asked(t, packed('gzip', gzipSync(Buffer.alloc(10_000, ' '))))
  t.equal((await justRight.get()).body.length, 10_000)
})

t.test('what is JSON by its content type is read, and what tells none', async (t) => {
  for (const type of [
    'application/json',
    'application/json;charset=utf-8',
    'application/json ; charset=UTF-8',
    'APPLICATION/JSON',
    'application/geo+json',
    'application/problem+json; charset=utf-8',
  ]) {
    const { get } = await asked(t, { headers: { 'content-type': type }, body: JSON_BODY })
    t.equal((await get()).body, JSON_BODY, type)
  }
  const { get } = await asked(t, { body: JSON_BODY })
  t.equal((await get()).body, JSON_BODY)
})

t.test('what is something else by its content type is refused', async (t) => {
  for (const type of [
    'text/html',
    'text/html; charset=utf-8',
    'text/plain',
    'application/xml',
    'application/jsonp',
    'application/json-seq',
    'application/x; a=application/json',
    'multipart/form-data',
    '',
  ]) {
    const { get } = await asked(t, { headers: { 'content-type': type }, body: JSON_BODY })
    t.match(await failureOf(get), { outcome: 'badAnswer', message: /content type/ }, type)
  }
})

t.test('a failure is known by its status, whatever its body is', async (t) => {
  for (const answer of [
    packed('br', 'x', 503),
    packed('gzip', 'not gzip', 503),
    packed('gzip', gzipSync(Buffer.alloc(10_001)), 503),
  ]) {
    const { get } = await asked(t, answer)
    t.match(await get(), { status: 503, body: '' })
  }
  const page = '<h1>No</h1>'
  const html = await asked(t, { status: 503, headers: { 'content-type': 'text/html' }, body: page })
  t.match(await html.get(), { status: 503, body: page })
  const small = await asked(t, packed('gzip', gzipSync('why'), 400))
  t.match(await small.get(), { status: 400, body: 'why' })
})

t.test('how long the provider asks to wait is told, however it says it', async (t) => {
  const inHttp = (ms: number): string => new Date(ms).toUTCString()
  for (const [header, expected] of [
    ['0', 0],
    ['120', 120 * SECOND],
    ['00030', 30 * SECOND],
    ['9999999999', 9_999_999_999 * SECOND],
    [inHttp(START + 90 * SECOND), 90 * SECOND],
    [inHttp(START), 0],
    [inHttp(START - HOUR), 0],
    ['Wednesday, 18-Nov-26 06:00:30 GMT', 30 * SECOND],
  ] as const)
    for (const status of [200, 429, 503]) {
      const { get } = await asked(t, withHeaders(['retry-after', header], status))
      t.equal((await get()).retryAfterMs, expected, `${status}: ${header}`)
    }
})

t.test('what makes no sense as a wait is none', async (t) => {
  for (const headers of [
    [],
    ['retry-after', ''],
    ['retry-after', 'soon'],
    ['retry-after', '10s'],
    ['retry-after', '1e3'],
    ['retry-after', '-5'],
    ['retry-after', '1.5'],
    ['retry-after', '5, 10'],
    ['retry-after', '2026-11-18'],
    ['retry-after', '10', 'retry-after', '10'],
  ]) {
    const { get } = await asked(t, withHeaders(headers, 429))
    t.equal((await get()).retryAfterMs, null, headers.join(': '))
  }
})

t.test(
  'time of the caller that runs out is a timeout of the refresh, not of the call',
  async (t) => {
    const { get } = await asked(t, () => time.abort(timeIsOver))
    const time = new AbortController()
    t.match(await failureOf(() => get(time.signal)), {
      outcome: 'timeout',
      message: 'the time for this refresh is over',
    })
  },
)

t.test('a stop that comes while a bad answer is read is a stop', async (t) => {
  const reason = new Error('the service stops')
  const stop = new AbortController()
  const { get } = await asked(t, (response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.write('<h1>', () => stop.abort(reason))
  })
  t.equal(await rejectionOf(get(stop.signal)), reason)
})

t.test(
  'a failure is known by its status, also when its body is too large or breaks off',
  async (t) => {
    for (const answer of [
      { status: 503, headers: { 'retry-after': '7' }, body: 'x'.repeat(10_001) },
      (response) => {
        response.writeHead(503, { 'retry-after': '7', 'content-length': 1000 })
        response.write('why', () => response.socket?.destroy())
      },
    ] satisfies Answer[]) {
      const { get } = await asked(t, answer)
      t.match(await get(), { status: 503, retryAfterMs: 7 * SECOND, body: '' })
    }
  },
)

t.test('a page that is refused by its type does not hold up the end', async (t) => {
  const page = 'x'.repeat(1_000_000)
  const { get, close } = await asked(
    t,
    { headers: { 'content-type': 'text/html' }, body: page },
    { timeoutMs: 60_000, maxBytes: 2_000_000 },
  )
  t.match(await failureOf(get), { outcome: 'badAnswer' })
  await close()
})
