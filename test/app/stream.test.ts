import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { newKeySchema } from '../../src/modules/keys/schemas.ts'
import { type Asked, OpenStreams } from '../../src/modules/traffic/open-streams.ts'
import { snapshotSchema } from '../../src/modules/traffic/schemas.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { Secret } from '../../src/secret.ts'
import { CurrentState } from '../../src/storage/current-state.ts'
import { corridorWith, MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { buildApp, SLEEPERS, type TestApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { type Block, type Following, follow } from '../helpers/event-stream.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { isProblem } from '../helpers/problem.ts'
import { answerOf, failing, scripted } from '../helpers/providers.ts'
import { newRedis, noRedis, startRedis } from '../helpers/redis.ts'
import { scrapeOf, scrapeUntil, seriesOf } from '../helpers/scrape.ts'
import { tickAt } from '../helpers/ticks.ts'
import { POLL_MS, poll, SNAPSHOT, snapshotOf, steadyRoad } from './fixtures/memory.ts'

const STREAM = `${SNAPSHOT}/stream`
const BEAT_MS = 15_000
/** The series that counts streams. */
const COUNTED = '{method="GET",route="/v1/traffic/:corridor/stream",status="200"}'

/** The app on one road, listening. */
async function listening(t: Test, settings: Parameters<typeof buildApp>[1] = {}) {
  const app = await buildApp(t, { ...steadyRoad(), ...settings })
  const url = await app.server.listen({ host: '127.0.0.1', port: 0 })
  /** Opens a stream and reads what it begins with. */
  const open = async (query = '', headers = {}): Promise<Following> => {
    const stream = await follow(t, `${url}${STREAM}${query}`, headers)
    t.match(await stream.block(), { retry: /^[2-4]\d{3}$/ })
    return stream
  }
  return { ...app, url, open }
}

/** Shows a snapshot as if it had just been collected; its id. */
function show(
  { storage }: TestApp,
  fetchedAtMs: number,
  refused: readonly { reason: 'wrongRoad'; pieces: number }[] = [],
): string {
  const { snapshot } = tickAt(fetchedAtMs, { snapshot: { refused } })
  const attempt = { atMs: fetchedAtMs, provider: 'here', outcome: 'ok', durationMs: 0 } as const
  storage.state.note(MILL_ROAD, { ...attempt, detail: '' }, snapshot)
  return `mill-road-${fetchedAtMs}`
}

t.test('a stream begins with the snapshot of now, and tells each new one once', async (t) => {
  const app = await listening(t, { config: { CORS_ORIGINS: ['https://map.example'] } })
  app.clock.move(42_000)
  const stream = await app.open('', {
    origin: 'https://map.example',
    'accept-encoding': 'br, gzip',
    'x-request-id': 'mine',
  })
  const { status, headers } = stream.response
  t.equal(status, 200)
  for (const [name, value] of [
    ['content-type', 'text/event-stream; charset=utf-8'],
    ['cache-control', 'no-store'],
    ['x-accel-buffering', 'no'],
    ['content-encoding', null],
    ['x-request-id', 'mine'],
    ['x-content-type-options', 'nosniff'],
    ['access-control-allow-origin', 'https://map.example'],
    ['x-ratelimit-remaining', '99999'],
  ] as const)
    t.equal(headers.get(name), value, name)
  const first = await stream.event()
  const now = await snapshotOf(app)
  t.equal(now.snapshot.ageSeconds, 42)
  t.match(first, { event: 'snapshot', id: now.snapshot.id })
  t.strictSame(JSON.parse(first?.data ?? ''), now)
  await poll(app, 1)
  const second = await stream.event()
  t.strictSame(JSON.parse(second?.data ?? ''), await snapshotOf(app))
  t.equal(second?.id, `mill-road-${app.clock.now()}`)
  t.not(second?.id, first?.id)
  await app.clock.advance(BEAT_MS)
  t.strictSame(await stream.block(), { '': '' }, 'nothing comes twice')
})

t.test('each stream has the reference and the model that it asked for', async (t) => {
  const app = await listening(t)
  const queries = ['', '?reference=phed', '?reference=62.5', '?model=ayalon-1.0-freeze', '']
  const streams = await Promise.all(queries.map((query) => app.open(query)))
  for (let polls = 0; polls < 2; polls += 1) {
    for (const [at, stream] of streams.entries()) {
      const { data = '' } = (await stream.event()) ?? {}
      t.strictSame(JSON.parse(data), await snapshotOf(app, queries[at]), `${queries[at]}`)
    }
    await poll(app, 1)
  }
})

t.test('a client that comes back is sent only what it does not have', async (t) => {
  const app = await listening(t)
  const { snapshot } = await snapshotOf(app)
  const other = await app.open('', { 'last-event-id': 'mill-road-1' })
  t.equal((await other.event())?.id, snapshot.id)
  const same = await app.open('', { 'last-event-id': snapshot.id })
  await app.clock.advance(BEAT_MS)
  t.strictSame(await same.block(), { '': '' }, 'a heartbeat is the first that comes')
  await poll(app, 1)
  t.equal((await same.event())?.id, (await snapshotOf(app)).snapshot.id)
})

t.test('without a snapshot it opens and waits; a refresh that failed is no event', async (t) => {
  const failure = failing(new ProviderFailure('timeout', 'it took too long'))
  const good = () => answerOf(MILL_ROAD, 30)
  const provider = scripted('here', failure, failure, good, failure, good)
  const app = await listening(t, { providers: [provider] })
  t.equal((await app.server.inject(SNAPSHOT)).statusCode, 503)
  const stream = await app.open()
  await poll(app, 1)
  t.strictSame(await stream.block(), { '': '' })
  await poll(app, 1)
  t.equal((await stream.event())?.id, `mill-road-${WEDNESDAY_8H + 2 * POLL_MS}`)
  await poll(app, 2)
  t.equal((await stream.event())?.id, `mill-road-${WEDNESDAY_8H + 4 * POLL_MS}`)
})

t.test('a stream tells of its own corridor alone', async (t) => {
  const ford = corridorWith({ id: 'ford-road' })
  const app = await listening(t, { corridors: [MILL_ROAD, ford] })
  const streams = await Promise.all(
    ['mill-road', 'ford-road'].map((id) => follow(t, `${app.url}/v1/traffic/${id}/stream`)),
  )
  const corridors = async () =>
    Promise.all(
      streams.map(async (stream) => JSON.parse((await stream.event())?.data ?? '').corridor),
    )
  t.strictSame(await corridors(), ['mill-road', 'ford-road'])
  await poll(app, 1)
  t.strictSame(await corridors(), ['mill-road', 'ford-road'])
})

t.test('what cannot be streamed is a problem, before anything is sent', async (t) => {
  const app = await listening(t)
  const accept = 'text/event-stream'
  for (const [path, headers, code] of [
    ['/v1/traffic/nowhere/stream', { accept }, 'not_found'],
    [`${STREAM}?reference=fast`, { accept }, 'invalid_input'],
    [`${STREAM}?canary=1`, { accept }, 'invalid_input'],
    [STREAM, { accept: 'application/json' }, 'not_acceptable'],
    [STREAM, { accept, 'x-api-key': 'nobody-has-this' }, 'unauthorized'],
  ] as const) {
    const {
      statusCode: status,
      headers: got,
      body,
    } = await app.server.inject({ url: path, headers })
    isProblem(
      t,
      { status, headers: new Headers(JSON.parse(JSON.stringify(got))), body },
      code,
      path,
    )
  }
})

t.test('HEAD says what GET would, and opens no stream', async (t) => {
  const app = await listening(t)
  const head = await fetch(`${app.url}${STREAM}`, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(head.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  t.equal(head.headers.get('content-length'), null)
  t.equal((await scrapeOf(app.url)).get('ayalon_streams_open'), 0)
})

t.test('a stream counts as one request, which was answered when it began', async (t) => {
  const app = await listening(t)
  const requests = { [COUNTED]: 1 }
  const stream = await app.open()
  await stream.event()
  await poll(app, 1)
  await stream.event()
  const open = await scrapeOf(app.url)
  t.match(seriesOf(open, 'ayalon_http_requests_total'), requests)
  t.equal(open.get('ayalon_http_requests_in_flight'), 1, 'the scrape')
  t.equal(open.get('ayalon_streams_open'), 1)
  t.equal(open.get('ayalon_stream_events_total{event="snapshot"}'), 2)
  t.equal(open.get('ayalon_cache_results_total{result="hit"}'), 1)
  t.match(
    app.lines.filter(({ msg }) => msg === 'request'),
    [{ route: '/v1/traffic/:corridor/stream', status: 200, cache: 'hit' }],
  )
  stream.leave()
  const left = await scrapeUntil(app.url, (seen) => seen.get('ayalon_streams_open') === 0)
  t.equal(left.get('ayalon_http_requests_aborted_total'), 0, 'that it was left is its usual end')
  t.match(seriesOf(left, 'ayalon_http_requests_total'), requests)
  const told = app.lines.filter(({ msg }) => String(msg).startsWith('request '))
  t.strictSame(told, [])
  const ended = endings(app)
  t.match(ended, [
    { corridor: 'mill-road', durationMs: Number, events: 2, endedBy: 'client', keyId: null },
  ])
  t.equal(ended.length, 1)
  const { requests: counted, errors } = (await app.server.inject('/v1/analytics')).json()
  t.match([counted, errors], [{ successful: 1, failed: 0 }, {}])
})

/** The first block that is no event; null at the end. */
async function remark(stream: Following): Promise<Block | null> {
  let block = await stream.block()
  while (block?.event !== undefined) block = await stream.block()
  return block
}

/** How the streams ended that did. */
const endings = ({ lines }: TestApp) => lines.filter(({ msg }) => msg === 'stream ended')

t.test('a client has ten streams: the eleventh takes the place of its oldest', async (t) => {
  const API_KEYS = Secret.of('screen:read:secret-0123456789')
  const app = await listening(t, { config: { API_KEYS, AUTH_READS: 'open' } })
  const screen = await app.open('', { 'x-api-key': 'secret-0123456789' })
  const own: Following[] = []
  for (let count = 0; count < 10; count += 1) own.push(await app.open())
  t.equal((await scrapeOf(app.url)).get('ayalon_streams_open'), 11)
  own.push(await app.open())
  const [oldest, ...others] = own
  t.strictSame(
    oldest && (await remark(oldest)),
    { '': 'another stream of this client took the place', retry: '60000' },
    'it is told to come back later, else they would replace each other all the time',
  )
  t.equal(await oldest?.block(), null)
  await scrapeUntil(app.url, (seen) => seen.get('ayalon_streams_open') === 11)
  await app.clock.advance(BEAT_MS)
  for (const stream of [screen, ...others]) t.strictSame(await remark(stream), { '': '' })
  t.match(endings(app), [{ endedBy: 'replaced', keyId: null }])
  t.equal(endings(app).length, 1)
})

t.test('a client whose network is gone gets its places back', async (t) => {
  const app = await listening(t)
  const { response } = await notReading(t, app)
  stuff(response)
  show(app, app.clock.now() + 1000)
  await turns()
  const cut = once(response, 'close')
  for (let count = 0; count < 10; count += 1) await app.open()
  await cut
  t.match(endings(app), [{ endedBy: 'replaced' }])
})

const ADMIN = { 'x-api-key': 'admin-secret-0123456789' }

for (const reads of ['key', 'open'] as const)
  t.test(`a stream ends soon after its key does, AUTH_READS=${reads}`, async (t) => {
    const file = join(t.testdir(), 'keys')
    const listed = 'ops:admin:admin-secret-0123456789'
    writeFileSync(file, `${listed},screen:read:secret-0123456789`)
    const API_KEYS = Secret.fromFile(file, '')
    const app = await listening(t, { config: { API_KEYS, AUTH_READS: reads } })
    const make = async (more: object = {}) => {
      const body = { name: 'screen', scope: 'read', ...more }
      const order = { method: 'POST', url: '/v1/keys', headers: ADMIN, body } as const
      return newKeySchema.parse((await app.server.inject(order)).json())
    }
    const withKey = (key: string) => app.open('', { authorization: `Bearer ${key}` })
    const revoked = await make()
    const expired = await make({
      expiresAt: new Date(app.clock.now() + BEAT_MS + 1).toISOString(),
    })
    const kept = await withKey((await make()).key)
    const ending = [
      await withKey(revoked.key),
      await withKey(expired.key),
      await withKey('secret-0123456789'),
    ]
    await app.clock.advance(BEAT_MS)
    for (const stream of [kept, ...ending])
      t.strictSame(await remark(stream), { '': '' }, 'all stand')

    await app.server.inject({ method: 'DELETE', url: `/v1/keys/${revoked.id}`, headers: ADMIN })
    writeFileSync(file, `${listed},screen:read:another-secret-0123456789`)
    await app.clock.advance(BEAT_MS)
    for (const stream of ending) {
      t.strictSame(await remark(stream), { '': 'the key is not valid any more' })
      t.equal(await stream.block(), null)
    }
    t.strictSame(await remark(kept), { '': '' })
    t.strictSame(
      endings(app)
        .map(({ endedBy, keyId }) => `${endedBy} ${keyId}`)
        .toSorted(),
      [`key ${revoked.id}`, `key ${expired.id}`, 'key screen'].toSorted(),
    )
    const again = await fetch(`${app.url}${STREAM}`, { headers: { 'x-api-key': revoked.key } })
    t.equal(again.status, 401)
  })

/** What someone asks for whom nothing is sent. */
const asking = (client: string): Asked => ({
  client,
  corridorId: 'mill-road',
  topic: '',
  lastId: undefined,
  next: () => null,
  mayGoOn: async () => true,
})

t.test('a process holds a thousand streams', async (t) => {
  const clock = new FakeClock(WEDNESDAY_8H)
  const streams = new OpenStreams({ state: new CurrentState(), clock, random: () => 0.5 })
  for (let count = 0; count < 1000; count += 1) streams.open(asking(`client-${count % 100}`))
  t.throws(() => streams.open(asking('one-more')), { code: 'overloaded' })
  t.equal(streams.count, 1000)
  streams.open(asking('client-7'))
  t.equal(streams.count, 1000, 'who has ten takes no place of others')
})

t.test('a stream whose key nobody can tell of ends, and the others go on', async (t) => {
  const clock = new FakeClock(WEDNESDAY_8H)
  const streams = new OpenStreams({ state: new CurrentState(), clock, random: () => 0.5 })
  const mayGoOn = async () => Promise.reject(new Error('the keys are not known'))
  const unknown = streams.open({ ...asking('one'), mayGoOn })
  const other = streams.open(asking('another'))
  const closed = once(unknown, 'close')
  streams.loop.start()
  t.teardown(() => streams.loop.stop())
  await closed
  await clock.asleep(1)
  t.equal(unknown.endedBy, 'key')
  t.equal(other.destroyed, false)
})

t.test('who comes while the process stops is told when to come back', async (t) => {
  const clock = new FakeClock(WEDNESDAY_8H)
  const streams = new OpenStreams({ state: new CurrentState(), clock, random: () => 0.5 })
  streams.stop()
  const stream = streams.open(asking('late'))
  const closed = once(stream, 'close')
  t.equal(await text(stream), 'retry: 3500\n\n')
  await closed
  t.equal(streams.count, 0)
})

/** Lets the streams see what was shown. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await setImmediate()
}

/** A client that asks for a stream over a bare socket and reads nothing. */
async function notReading(t: Test, { server, url }: TestApp & { url: string }) {
  const asked = once(server.server, 'request')
  const socket = connect(Number(new URL(url).port), '127.0.0.1').pause()
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(`GET ${STREAM} HTTP/1.1\r\nHost: a\r\n\r\n`)
  const [, response]: [IncomingMessage, ServerResponse] = await asked.then(([a, b]) => [a, b])
  await once(response, 'pipe')
  await turns()
  return { socket, response }
}

/** Fills a client's socket, far beyond what the kernel takes, with a comment. */
const stuff = (response: ServerResponse): boolean => response.write(`:${'x'.repeat(2 ** 24)}\n\n`)

t.test('a slow reader skips to the newest, and no memory grows for it', async (t) => {
  const app = await listening(t)
  const { socket, response } = await notReading(t, app)
  t.equal(stuff(response), false)
  const fromMs = app.clock.now()
  const first = show(app, fromMs + 1000)
  await turns()
  const held = response.writableLength
  for (let count = 2; count < 200; count += 1) {
    show(app, fromMs + count * 1000)
    await turns()
  }
  const last = show(app, fromMs + 200_000)
  await turns()
  t.equal(response.writableLength, held, 'nothing is kept for it')
  const sent = 'ayalon_stream_events_total{event="snapshot"}'
  t.equal((await scrapeOf(app.url)).get(sent), 2, 'nor made')
  let read = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    read += String(chunk).replaceAll('x', '')
  })
  socket.resume()
  while (!read.includes(`id: ${last}\n`)) await once(socket, 'data')
  const ids = [...read.matchAll(/^id: (.*)$/gm)].map(([, id]) => id)
  t.strictSame(ids, [`mill-road-${fromMs}`, first, last])
})

t.test('who reads nothing for a minute is let go', async (t) => {
  const app = await listening(t)
  const { socket, response } = await notReading(t, app)
  stuff(response)
  const cut = once(response, 'close')
  // The first heartbeat still finds a place.
  for (let beats = 0; beats < 4; beats += 1) await app.clock.advance(BEAT_MS)
  t.equal(response.closed, false)
  await app.clock.advance(BEAT_MS)
  await cut
  t.match(endings(app), [{ endedBy: 'slow' }])
  socket.resume()
  await once(socket, 'close')
})

t.test('a stop ends every stream, also of who does not read', async (t) => {
  const app = await listening(t)
  const stream = await app.open()
  await stream.event()
  const { response } = await notReading(t, app)
  stuff(response)
  show(app, app.clock.now() + 1000)
  await turns()
  const cut = once(response, 'close')
  const closed = app.server.close()
  t.strictSame(await remark(stream), { '': 'the service stops here' })
  t.equal(await stream.block(), null)
  await cut
  await closed
  t.match(endings(app), [{ endedBy: 'stop' }, { endedBy: 'stop' }])
})

t.test('a snapshot that cannot be told is an error of ours; the next one is told', async (t) => {
  const app = await listening(t)
  const stream = await app.open()
  await stream.event()
  show(app, app.clock.now() + 1000, [{ reason: 'wrongRoad', pieces: Number.NaN }])
  await turns()
  await app.clock.advance(BEAT_MS)
  t.strictSame(await stream.block(), { '': '' })
  const good = show(app, app.clock.now() + 2000)
  t.equal((await stream.event())?.id, good)
  t.match(
    app.lines.filter(({ msg }) => msg === 'stream broke'),
    [{ level: 50, err: { type: 'RangeError' } }],
  )
})

t.test('streams of two replicas tell the same snapshots', { skip: noRedis() }, async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const redis = Secret.of(await newRedis(t, server))
  const clock = new FakeClock(WEDNESDAY_8H)
  const one = await listening(t, { redis, clock })
  const two = await listening(t, { redis, clock })
  await clock.asleep(2 * (SLEEPERS + 1))
  const streams = [await one.open(), await two.open()]
  const ids = async () => Promise.all(streams.map(async (stream) => (await stream.event())?.id))
  const [first, ...others] = await ids()
  t.strictSame(others, [first])
  // The one that follows looks every five seconds.
  for (let polls = 0; polls < 3; polls += 1) {
    await clock.advance(POLL_MS)
    await clock.advance(5000)
    const [id, other] = await ids()
    t.equal(id, other)
    t.equal(snapshotSchema.parse((await two.server.inject(SNAPSHOT)).json()).snapshot.id, id)
  }
  const collecting = [one, two].filter(({ lease }) => lease.right === 'held')
  t.equal(collecting.length, 1, 'one of them alone collects')
})
