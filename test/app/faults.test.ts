import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { MAX_BODY_BYTES } from '../../src/providers/upstream/client.ts'
import { closedPort } from '../helpers/ports.ts'
import { type Answer, reset, silence } from '../helpers/stand-in.ts'
import { type Fault, NETWORK, SOURCE, testFaults } from './fixtures/fault-row.ts'
import { hereBody } from './fixtures/live-app.ts'

const GOOD = hereBody()
const CLOSED = await closedPort()

/** Sends a little at a time, for ever. */
function drip(response: ServerResponse, piece: string): void {
  const timer = setInterval(() => response.socket?.write(piece), 10)
  response.on('close', () => clearInterval(timer))
}

const slowHeaders: Answer = (response) => {
  response.socket?.write('HTTP/1.1 200 OK\r\n')
  drip(response, 'x-slow: 1\r\n')
}
const slowBody: Answer = (response) => {
  response.socket?.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n')
  drip(response, ' ')
}
const stalledBody: Answer = (response) => {
  response.writeHead(200).write(GOOD.slice(0, 500))
}
/** Says that more is to come than comes. */
const tornBody: Answer = (response) => {
  response.writeHead(200, { 'content-length': GOOD.length })
  response.write(GOOD.slice(0, 500), () => response.socket?.end())
}
const packed =
  (bytes: Buffer): Answer =>
  (response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes)

const slow = { outcome: 'timeout', calls: 4, reachable: false, cold: NETWORK } as const
const away = { outcome: 'unreachable', calls: 4, reachable: false, cold: NETWORK } as const
const status = (code: number) =>
  ({
    what: `status ${code}`,
    answer: { status: code, body: '<h1>No</h1>' },
    words: new RegExp(`answered with status ${code}`),
    reachable: true,
    cold: SOURCE,
  }) as const
const wrong = { outcome: 'badAnswer', calls: 1, reachable: true, cold: SOURCE } as const

const FAULTS: readonly Fault[] = [
  // The way to it.
  {
    ...away,
    what: 'a refused connection',
    aim: (address) => {
      address.port = String(CLOSED)
    },
    words: /the connection failed/,
  },
  {
    ...away,
    what: 'a name that nobody knows',
    aim: (address) => {
      address.hostname = 'provider.invalid'
    },
    words: /the connection failed/,
  },
  { ...away, what: 'a reset connection', answer: reset, words: /failed or broke off/ },
  { ...away, what: 'a body that breaks off', answer: tornBody, words: /failed or broke off/ },
  ...[
    { what: 'headers that never come', answer: silence },
    { what: 'headers that drip', answer: slowHeaders },
    { what: 'a body that drips', answer: slowBody },
    { what: 'a body that stalls', answer: stalledBody },
  ].map((fault) => ({ ...slow, ...fault, words: /no answer within 300 ms/, timeoutMs: 300 })),

  // What it says of itself.
  { ...status(302), outcome: 'badAnswer', calls: 1 },
  { ...status(400), outcome: 'badAnswer', calls: 1 },
  { ...status(401), outcome: 'unauthorized', calls: 1 },
  { ...status(403), outcome: 'unauthorized', calls: 1 },
  { ...status(404), outcome: 'badAnswer', calls: 1 },
  { ...status(429), outcome: 'throttled', calls: 4 },
  {
    ...status(429),
    what: 'status 429 with a wait of 0',
    answer: { status: 429, headers: { 'retry-after': '0' } },
    outcome: 'throttled',
    calls: 4,
  },
  { ...status(500), outcome: 'serverError', calls: 4 },
  { ...status(502), outcome: 'serverError', calls: 4 },
  { ...status(503), outcome: 'serverError', calls: 4 },

  // What cannot be read.
  { ...wrong, what: 'HTML', answer: { body: '<html>No</html>' }, words: /HTML/ },
  { ...wrong, what: 'an empty body', answer: { body: '' }, words: /the answer is empty/ },
  {
    ...wrong,
    what: 'half a body',
    answer: { body: GOOD.slice(0, 500) },
    words: /not JSON, or was cut short/,
  },
  {
    ...wrong,
    what: 'a body longer than it says',
    answer: { headers: { 'content-length': '500' }, body: GOOD },
    words: /not JSON, or was cut short/,
  },
  {
    ...wrong,
    what: 'half a compressed body',
    answer: packed(gzipSync(GOOD).subarray(0, 100)),
    words: /compressed answer was cut short/,
  },
  {
    ...wrong,
    what: 'a small body that unpacks to a huge one',
    answer: packed(gzipSync(Buffer.alloc(MAX_BODY_BYTES + 1, ' '))),
    words: /larger than 16777216 bytes/,
  },
  {
    ...wrong,
    what: 'a huge body',
    answer: (response) => void response.end(Buffer.alloc(50 * 1024 * 1024, ' ')),
    words: /larger than 16777216 bytes/,
  },
  {
    ...wrong,
    what: 'another content type',
    answer: { headers: { 'content-type': 'text/html' }, body: GOOD },
    words: /not JSON by its content type/,
  },
]

testFaults(FAULTS)
