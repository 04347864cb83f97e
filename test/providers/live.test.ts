import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { type Corridor, corridorSchema, sectionsOf } from '../../src/corridors/corridor.ts'
import type { LatLon } from '../../src/corridors/geo.ts'
import { createProvider, type ProviderConfig } from '../../src/providers/create.ts'
import type { ProviderCall } from '../../src/providers/provider.ts'
import { createUpstream, MAX_BODY_BYTES } from '../../src/providers/upstream/client.ts'
import { createRecorder } from '../../src/providers/upstream/recorder.ts'
import { Secret } from '../../src/secret.ts'
import { guardOf } from '../helpers/guards.ts'
import { contextAt } from '../helpers/providers.ts'
import { type Answer, reset, type StandIn, silence, standIn } from '../helpers/stand-in.ts'
import { HOUR, standingClock } from './fixtures/calls.ts'
import { failureOf } from './fixtures/failure-of.ts'
import {
  hereBody,
  hereFlow,
  NORTH,
  SOUTH,
  STRAIGHT,
  TOMTOM_TOO_FAR,
  tomtomBody,
} from './fixtures/roads.ts'

/** A key that looks different in a URL. */
const KEY = 'canary+/=key'
const KEY_IN_URL = 'canary%2B%2F%3Dkey'
const AT_MS = Date.UTC(2026, 10, 21, 10)
const NAMES = ['here', 'tomtom'] as const

const GOOD = {
  here: hereBody([hereFlow(NORTH, 20), hereFlow(SOUTH, 22)]),
  tomtom: tomtomBody(NORTH, 80),
}
const never = new AbortController().signal

/** A provider as the service makes it, that asks the stand-in. */
function live(
  t: Test,
  name: 'here' | 'tomtom',
  baseUrl: URL,
  more: {
    timeoutMs?: number
    maxBytes?: number
    recordDir?: string
    now?: () => number
    /** The clock that times the calls, where it is another. */
    watch?: () => number
    /** Most calls in a month. */
    quota?: number
  } = {},
) {
  const { timeoutMs = 10_000, maxBytes = 100_000, recordDir, now = () => AT_MS } = more
  const { watch = now, quota = null } = more
  const upstream = createUpstream({ timeoutMs, maxBytes, now })
  t.teardown(() => upstream.close())
  const recordErrors: unknown[] = []
  const config: ProviderConfig = {
    HERE_API_KEY: Secret.of(KEY),
    HERE_BASE_URL: baseUrl,
    TOMTOM_API_KEY: Secret.of(KEY),
    TOMTOM_BASE_URL: baseUrl,
    RECORD_DIR: recordDir,
  }
  const guard = guardOf(name, { now, limits: { month: quota } })
  const provider = createProvider(
    name,
    config,
    upstream,
    () => guard,
    (error) => recordErrors.push(error),
  )
  const calls: ProviderCall[] = []
  const refresh = (corridor: Corridor = STRAIGHT, signal: AbortSignal = never) =>
    provider.refresh(corridor, { ...contextAt(AT_MS, signal, calls), now: watch })
  return { name: provider.name, recordErrors, calls, refresh }
}

const query = (provider: StandIn, request: number) =>
  Object.fromEntries(provider.requests[request]?.url.searchParams ?? [])

t.test('HERE: one request for the whole corridor', async (t) => {
  const upstream = await standIn(t, { body: GOOD.here })
  const { name, refresh } = live(t, 'here', upstream.baseUrl)
  t.equal(name, 'here')
  const { pieces, observedAtMs } = await refresh()
  t.same(
    pieces.map(({ points }) => points),
    [NORTH, SOUTH],
  )
  t.equal(observedAtMs, Date.UTC(2026, 10, 21, 9, 58))
  t.equal(upstream.requests.length, 1)
  t.match(upstream.requests[0], { method: 'GET', url: { pathname: '/v7/flow' } })
  t.match(query(upstream, 0), { locationReferencing: 'shape', apiKey: KEY, in: /^bbox:/ })
})

t.test('HERE: the box is west, south, east, north and holds every point', async (t) => {
  const upstream = await standIn(t, { body: GOOD.here })
  const { refresh } = live(t, 'here', upstream.baseUrl)
  for (const [request, corridor] of [STRAIGHT, AYALON].entries()) {
    await refresh(corridor)
    const [west = NaN, south = NaN, east = NaN, north = NaN, ...more] = String(
      query(upstream, request).in,
    )
      .replace('bbox:', '')
      .split(',')
      .map(Number)
    t.same(more, [])
    for (const [lat, lon] of sectionsOf(corridor).flatMap(({ points }) => points))
      t.ok(west < lon && lon < east && south < lat && lat < north, `${corridor.id}: ${lat},${lon}`)
    t.ok(east - west < 0.1 && north - south < 0.2, 'it is not much larger than the corridor')
  }
})

t.test('HERE: a corridor over one degree is not asked for, and the reason says why', async (t) => {
  const upstream = await standIn(t, { body: GOOD.here })
  const [north] = STRAIGHT.directions
  const [first] = north.sections
  for (const end of [[11.1, 20] as const, [10, 21.1] as const]) {
    const section = { ...first, points: [first.points[0], end] satisfies [LatLon, LatLon] }
    const long = { ...STRAIGHT, directions: [{ ...north, sections: [section] }] }
    const parsed = corridorSchema.parse({ ...long, directions: long.directions })
    const failure = await failureOf(() => live(t, 'here', upstream.baseUrl).refresh(parsed))
    t.match(failure.message, /1 degree/)
  }
  t.equal(upstream.requests.length, 0)
})

t.test('a path in the base address is kept', async (t) => {
  for (const [name, path] of [
    ['here', '/proxy/v7/flow'],
    ['tomtom', '/proxy/traffic/services/4/flowSegmentData/absolute/10/json'],
  ] as const) {
    const upstream = await standIn(t, { body: GOOD[name] })
    await live(t, name, new URL('proxy/', upstream.baseUrl)).refresh()
    t.equal(upstream.requests[0]?.url.pathname, path)
  }
})

t.test('TomTom: one request a section, at its middle, latitude first', async (t) => {
  const upstream = await standIn(t, { body: GOOD.tomtom })
  const { name, refresh } = live(t, 'tomtom', upstream.baseUrl)
  t.equal(name, 'tomtom')
  t.equal((await refresh()).pieces.length, 3)
  t.same(
    upstream.requests.map(({ url }) => url.searchParams.get('point')),
    ['10.005000,20.000000', '10.015000,20.000000', '10.010000,19.999000'],
  )
  for (const request of upstream.requests.keys()) {
    t.match(upstream.requests[request], {
      method: 'GET',
      url: { pathname: '/traffic/services/4/flowSegmentData/absolute/10/json' },
    })
    t.match(query(upstream, request), { unit: 'KMPH', key: KEY })
  }
})

/** What the status of an error means at each provider, and how often it is then asked. */
const STATUSES = {
  here: [
    [401, 'unauthorized', 1],
    [403, 'unauthorized', 1],
    [429, 'throttled', 4],
    [500, 'serverError', 4],
    [503, 'serverError', 4],
  ],
  tomtom: [
    [401, 'unauthorized', 1],
    [403, 'throttled', 4],
    [429, 'throttled', 4],
    [500, 'serverError', 4],
    [503, 'serverError', 4],
  ],
} as const

t.test('HERE: what the status of an error means', async (t) => {
  for (const [status, outcome, calls] of [
    ...STATUSES.here,
    [204, 'badAnswer', 1],
    [400, 'badAnswer', 1],
    [404, 'badAnswer', 1],
  ] as const) {
    const upstream = await standIn(t, { status })
    const failure = await failureOf(live(t, 'here', upstream.baseUrl).refresh)
    t.equal(failure.outcome, outcome, `${status}`)
    t.match(failure.message, String(status))
    t.equal(upstream.requests.length, calls, 'what may pass is asked again')
  }
})

t.test('HERE: a redirect is not followed, so the key goes nowhere else', async (t) => {
  const elsewhere = await standIn(t, { body: GOOD.here })
  const location = new URL('v7/flow', elsewhere.baseUrl).href
  const upstream = await standIn(t, { status: 302, headers: { location } })
  const { outcome } = await failureOf(live(t, 'here', upstream.baseUrl).refresh)
  t.equal(outcome, 'badAnswer')
  t.equal(upstream.requests.length, 1)
  t.equal(elsewhere.requests.length, 0)
})

t.test('TomTom: one section without a road leaves the others', async (t) => {
  const upstream = await standIn(
    t,
    { body: GOOD.tomtom },
    { status: 400, body: TOMTOM_TOO_FAR },
    { body: tomtomBody(SOUTH, 60) },
  )
  const { pieces, refused } = await live(t, 'tomtom', upstream.baseUrl).refresh()
  t.same(
    pieces.map(({ points }) => points),
    [NORTH, SOUTH],
  )
  t.same(refused, [{ reason: 'noCoverage', pieces: 1 }])
  t.equal(upstream.requests.length, 3)
})

t.test('TomTom: bodies that cannot be read are counted, and a guess beside them', async (t) => {
  const upstream = await standIn(
    t,
    { body: '<h1>Maintenance</h1>' },
    { body: '' },
    { body: tomtomBody(SOUTH, 60, { confidence: 0.1 }) },
  )
  const { pieces, refused } = await live(t, 'tomtom', upstream.baseUrl).refresh()
  t.same(pieces, [])
  t.same(refused, [
    { reason: 'badAnswer', pieces: 2 },
    { reason: 'lowConfidence', pieces: 1 },
  ])
})

t.test('TomTom: no road near any section is noCoverage', async (t) => {
  const upstream = await standIn(t, { status: 400, body: TOMTOM_TOO_FAR })
  const { outcome } = await failureOf(live(t, 'tomtom', upstream.baseUrl).refresh)
  t.equal(outcome, 'noCoverage')
  t.equal(upstream.requests.length, 3)
})

t.test('TomTom: the words of no coverage count with status 400 alone', async (t) => {
  for (const [status, expected] of [
    [401, 'unauthorized'],
    [403, 'throttled'],
    [404, 'badAnswer'],
  ] as const) {
    const upstream = await standIn(t, { status, body: TOMTOM_TOO_FAR })
    const { outcome } = await failureOf(live(t, 'tomtom', upstream.baseUrl).refresh)
    t.equal(outcome, expected)
  }
})

t.test('TomTom: a 403 is the fault of the key when the third refresh ends on it', async (t) => {
  const move = standingClock(t)
  let isRefused = true
  const upstream = await standIn(t, (response) => {
    response.statusCode = isRefused ? 403 : 200
    response.end(GOOD.tomtom)
  })
  const { refresh } = live(t, 'tomtom', upstream.baseUrl, { now: () => Date.now() })
  const outcomeOf = async (): Promise<string> => {
    move(HOUR)
    return refresh().then(
      () => 'ok',
      (error) => error.outcome,
    )
  }
  t.strictSame([await outcomeOf(), await outcomeOf()], ['throttled', 'throttled'])
  t.equal(upstream.requests.length, 5, 'with retries, until the breaker opens')
  t.strictSame([await outcomeOf(), await outcomeOf()], ['unauthorized', 'unauthorized'])
  t.equal(upstream.requests.length, 7, 'a refused key is not tried again')
  isRefused = false
  t.equal(await outcomeOf(), 'ok')
  isRefused = true
  t.equal(await outcomeOf(), 'throttled', 'after an answer it may be the number of calls again')
})

t.test('TomTom: where the budget ends, what was answered until then counts', async (t) => {
  const upstream = await standIn(t, { body: GOOD.tomtom })
  const { refresh, calls } = live(t, 'tomtom', upstream.baseUrl, { quota: 2 })
  const { pieces, refused } = await refresh()
  t.equal(pieces.length, 2)
  t.strictSame(refused, [{ reason: 'quotaSpent', pieces: 1 }])
  t.equal(calls.length, 2, 'what is not asked is no call')
  t.equal((await failureOf(refresh)).outcome, 'quotaSpent')
  t.equal(upstream.requests.length, 2)
})

t.test('TomTom: where it ends before any answer, that is why there is none', async (t) => {
  const upstream = await standIn(t, { status: 400, body: TOMTOM_TOO_FAR })
  const { refresh } = live(t, 'tomtom', upstream.baseUrl, { quota: 1 })
  t.equal((await failureOf(refresh)).outcome, 'quotaSpent')
  t.equal(upstream.requests.length, 1)
})

t.test('TomTom: a failure of the key, the quota or the service ends the refresh', async (t) => {
  const ends: readonly (readonly [outcome: string, calls: number, Answer])[] = [
    ...STATUSES.tomtom.map(
      ([status, outcome, calls]) => [outcome, calls, { status, body: '<h1>No</h1>' }] as const,
    ),
    ['badAnswer', 1, { status: 400 }],
    ['badAnswer', 1, { headers: { 'content-type': 'text/html' }, body: '<h1>Maintenance</h1>' }],
    ['unreachable', 4, reset],
    ['timeout', 4, silence],
  ]
  for (const [expected, calls, answer] of ends) {
    const dir = t.testdir()
    const upstream = await standIn(t, { body: GOOD.tomtom }, answer)
    const limits = expected === 'timeout' ? { timeoutMs: 100 } : { recordDir: dir }
    const { outcome } = await failureOf(live(t, 'tomtom', upstream.baseUrl, limits).refresh)
    t.equal(outcome, expected)
    t.equal(upstream.requests.length, 1 + calls, 'the third section is not asked for')
    t.same(filesIn(dir), [], 'half a refresh is not recorded: it would replay as a whole one')
  }
})

t.test('a body that cannot be read is badAnswer with a reason', async (t) => {
  for (const name of NAMES) {
    for (const [body, reason] of [
      ['', /empty/],
      ['<html>', /HTML/],
      [GOOD[name].slice(0, -10), /cut short/],
      ['{"results":7}', /wrong shape/],
    ] as const) {
      const upstream = await standIn(t, { body })
      const failure = await failureOf(live(t, name, upstream.baseUrl).refresh)
      t.equal(failure.outcome, 'badAnswer', `${name}: ${body.slice(0, 20)}`)
      t.match(failure.message, reason)
    }
  }
})

t.test(
  'a body over the limit is badAnswer, announced or not; one at the limit is read',
  async (t) => {
    const body = GOOD.here
    const maxBytes = body.length
    const announced = await standIn(t, { body: `${body} ` })
    const streamed = await standIn(t, (response) => {
      response.write(body)
      response.end(' ')
    })
    for (const { baseUrl } of [announced, streamed]) {
      const failure = await failureOf(live(t, 'here', baseUrl, { maxBytes }).refresh)
      t.equal(failure.outcome, 'badAnswer')
      t.match(failure.message, `larger than ${maxBytes} bytes`)
      t.equal(
        (await live(t, 'here', baseUrl, { maxBytes: maxBytes + 1 }).refresh()).pieces.length,
        2,
      )
    }
    t.equal(MAX_BODY_BYTES, 2 ** 24)
  },
)

t.test('a connection that is refused, reset or breaks off is unreachable', async (t) => {
  const gone = await standIn(t, silence)
  await gone.close()
  const breaking = await standIn(t, (response) => {
    response.writeHead(200, { 'content-length': 1000 })
    response.write('{"results":', () => response.socket?.destroy())
  })
  for (const { baseUrl } of [gone, await standIn(t, reset), breaking]) {
    const { outcome } = await failureOf(live(t, 'here', baseUrl).refresh)
    t.equal(outcome, 'unreachable')
  }
})

t.test('headers that do not come and a body that stalls are a timeout', async (t) => {
  const stalling = await standIn(t, (response) => void response.write('{"results":'))
  for (const { baseUrl } of [await standIn(t, silence), stalling]) {
    const failure = await failureOf(live(t, 'here', baseUrl, { timeoutMs: 100 }).refresh)
    t.equal(failure.outcome, 'timeout')
    t.match(failure.message, '100 ms')
  }
})

t.test('a body that trickles cannot outlast the time for the whole call', async (t) => {
  const upstream = await standIn(t, (response) => {
    const drip = setInterval(() => response.write(' '), 10)
    response.on('close', () => clearInterval(drip))
  })
  const failure = await failureOf(live(t, 'here', upstream.baseUrl, { timeoutMs: 100 }).refresh)
  t.equal(failure.outcome, 'timeout')
})

const rejectionOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no rejection',
    (error: unknown) => error,
  )

t.test("the caller's signal ends a call with its own reason and closes the socket", async (t) => {
  for (const name of NAMES) {
    const arrived = Promise.withResolvers<ServerResponse>()
    const upstream = await standIn(t, (response) => arrived.resolve(response))
    const stop = new AbortController()
    const reason = new Error('the service stops')
    const ended = rejectionOf(live(t, name, upstream.baseUrl).refresh(STRAIGHT, stop.signal))
    const lost = once(await arrived.promise, 'close')
    stop.abort(reason)
    t.equal(await ended, reason, name)
    await lost
    t.equal(upstream.requests.length, 1)
  }
})

t.test('a call whose signal has ended already asks nothing', async (t) => {
  const upstream = await standIn(t, { body: GOOD.here })
  const reason = new Error('stopped before')
  const { refresh } = live(t, 'here', upstream.baseUrl)
  t.equal(await rejectionOf(refresh(STRAIGHT, AbortSignal.abort(reason))), reason)
  t.equal(upstream.requests.length, 0)
})

t.test('no failure shows the key, whatever the provider echoes', async (t) => {
  const echo = `${KEY} ${KEY_IN_URL} https://provider/?apiKey=${KEY_IN_URL}`
  const answers: readonly Answer[] = [
    { status: 400, body: JSON.stringify({ error: echo, httpStatusCode: 400 }) },
    { status: 403, headers: { 'x-key': KEY, 'www-authenticate': KEY }, body: `<h1>${echo}</h1>` },
    { status: 500, body: echo },
    { status: 302, headers: { location: `/?key=${KEY_IN_URL}` } },
    { body: echo },
    { body: `<h1>${echo}</h1>` },
    { body: JSON.stringify({ [KEY]: echo, results: echo, flowSegmentData: { [KEY]: echo } }) },
    { body: echo.repeat(2000) },
    (response) => void response.socket?.end(`HTTP/1.1 ${KEY}\r\n\r\n`),
    (response) => {
      response.writeHead(200, { 'content-length': 1000 })
      response.write(echo, () => response.socket?.destroy())
    },
    reset,
    silence,
  ]
  for (const name of NAMES) {
    for (const answer of answers) {
      const upstream = await standIn(t, answer)
      const timeoutMs = answer === silence ? 100 : 10_000
      const failure = await failureOf(live(t, name, upstream.baseUrl, { timeoutMs }).refresh)
      t.match(upstream.requests[0]?.url.search, KEY_IN_URL, 'the key was sent')
      const all = [failure.message, failure.stack, inspect(failure, { depth: null })].join('\n')
      t.notMatch(all, /canary/)
    }
  }
})

/** A clock on which every look takes a millisecond. */
const ticking = (): (() => number) => {
  let atMs = AT_MS
  return () => {
    atMs += 1
    return atMs
  }
}

t.test('every call is noted with what it asked for, how long it took and its body', async (t) => {
  const asks = {
    here: [['straight', AT_MS + 1]],
    tomtom: [
      ['straight.north-1', AT_MS + 1],
      ['straight.north-2', AT_MS + 3],
      ['straight.south-1', AT_MS + 5],
    ],
  } as const
  for (const name of NAMES) {
    const upstream = await standIn(t, { body: GOOD[name] })
    const { calls, refresh } = live(t, name, upstream.baseUrl, { watch: ticking() })
    await refresh()
    t.strictSame(
      calls,
      asks[name].map(([asked, atMs]) => ({
        name: asked,
        atMs,
        durationMs: 1,
        outcome: 'ok',
        body: GOOD[name],
      })),
    )
  }
})

t.test('a call that failed is noted with its outcome and without a body', async (t) => {
  const answers: readonly (readonly [outcome: string, calls: number, Answer])[] = [
    ['badAnswer', 1, { status: 404, body: KEY }],
    ['badAnswer', 1, { body: 'x'.repeat(2000) }],
    ['badAnswer', 1, { headers: { 'content-encoding': 'gzip' }, body: 'x' }],
    ['badAnswer', 1, { headers: { 'content-type': 'text/html' }, body: KEY }],
    ['unreachable', 4, reset],
    ['timeout', 4, silence],
  ]
  const byStatus = ([status, outcome, calls]: (typeof STATUSES)['here' | 'tomtom'][number]) =>
    [outcome, calls, { status, body: KEY }] as const
  for (const name of NAMES)
    for (const [outcome, asked, answer] of [...STATUSES[name].map(byStatus), ...answers]) {
      const upstream = await standIn(t, answer)
      const timeoutMs = answer === silence ? 100 : 10_000
      const limits = { timeoutMs, maxBytes: 1000, watch: ticking() }
      const { calls, refresh } = live(t, name, upstream.baseUrl, limits)
      const failure = await failureOf(refresh)
      t.equal(failure.outcome, outcome)
      t.equal(calls.length, asked, 'a retry is a call too')
      for (const call of calls)
        t.match(call, { outcome, body: null, durationMs: 1 }, `${name}: ${outcome}`)
    }
})

t.test('TomTom: calls before and after one without a road are noted beside it', async (t) => {
  const upstream = await standIn(
    t,
    { body: GOOD.tomtom },
    { status: 400, body: TOMTOM_TOO_FAR },
    { body: tomtomBody(SOUTH, 60) },
  )
  const { calls, refresh } = live(t, 'tomtom', upstream.baseUrl)
  await refresh()
  t.strictSame(
    calls.map(({ outcome, body }) => [outcome, body]),
    [
      ['ok', GOOD.tomtom],
      ['noCoverage', null],
      ['ok', tomtomBody(SOUTH, 60)],
    ],
  )
})

t.test('an answer that arrived is noted with its body, though nobody can read it', async (t) => {
  for (const name of NAMES) {
    const upstream = await standIn(t, { body: '<h1>Maintenance</h1>' })
    const { calls, refresh } = live(t, name, upstream.baseUrl)
    await failureOf(refresh)
    t.match(calls[0], { outcome: 'ok', body: '<h1>Maintenance</h1>' })
    t.equal(calls.length, upstream.requests.length)
  }
})

t.test('a call that the stop ended is noted as stopped', async (t) => {
  for (const name of NAMES) {
    const arrived = Promise.withResolvers<ServerResponse>()
    const upstream = await standIn(t, (response) => arrived.resolve(response))
    const stop = new AbortController()
    const { calls, refresh } = live(t, name, upstream.baseUrl, { watch: ticking() })
    const ended = rejectionOf(refresh(STRAIGHT, stop.signal))
    await arrived.promise
    stop.abort(new Error('the service stops'))
    await ended
    t.match(calls, [{ outcome: 'stopped', body: null, durationMs: 1 }])
    t.equal(calls.length, 1)
  }
})

t.test('no body that is noted holds the key, in any form', async (t) => {
  const inJson = JSON.stringify(KEY).replaceAll('/', '\\/')
  const echo = { key: KEY, url: `https://provider/?apiKey=${KEY_IN_URL}&key=${KEY_IN_URL}` }
  const bodies = {
    here: [hereBody([], echo), `<h1>${KEY} ${KEY_IN_URL} ${inJson}</h1>`],
    tomtom: [tomtomBody(NORTH, 80, echo), `<h1>${KEY} ${KEY_IN_URL} ${inJson}</h1>`],
  }
  for (const name of NAMES)
    for (const body of bodies[name]) {
      const upstream = await standIn(t, { body })
      const { calls, refresh } = live(t, name, upstream.baseUrl)
      await refresh().catch(() => {})
      t.ok(calls.length > 0)
      t.match(upstream.requests[0]?.url.search, KEY_IN_URL, 'the key was sent')
      for (const call of calls) {
        t.notMatch(JSON.stringify(call), /canary/)
        t.equal(call.body?.split('[REDACTED]').length, 4, 'every occurrence is marked')
      }
    }
})

const filesIn = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()

t.test('a recording never holds the key, raw or as it stands in a URL', async (t) => {
  const echo = { key: KEY, url: `https://provider/?apiKey=${KEY_IN_URL}&key=${KEY_IN_URL}` }
  const bodies = { here: hereBody([], echo), tomtom: tomtomBody(NORTH, 80, echo) }
  for (const name of NAMES) {
    const dir = t.testdir()
    const upstream = await standIn(t, { body: bodies[name] })
    await live(t, name, upstream.baseUrl, { recordDir: dir }).refresh()
    const files = filesIn(dir)
    t.equal(files.length, name === 'here' ? 1 : 3)
    for (const file of files) {
      const text = readFileSync(file, 'utf8')
      t.notMatch(text, /canary/)
      t.equal(text.split('[REDACTED]').length - 1, 3, 'every occurrence is marked')
    }
  }
})

t.test('a recording is a replay folder that gives the same pieces', async (t) => {
  const bodies: Record<(typeof NAMES)[number], readonly [Answer, ...Answer[]]> = {
    here: [{ body: GOOD.here }],
    tomtom: [
      { body: GOOD.tomtom },
      { body: tomtomBody(NORTH, 81) },
      { body: tomtomBody(SOUTH, 50) },
    ],
  }
  const files = {
    here: ['straight.json'],
    tomtom: ['straight.north-1.json', 'straight.north-2.json', 'straight.south-1.json'],
  }
  for (const name of NAMES) {
    const dir = t.testdir()
    const upstream = await standIn(t, ...bodies[name])
    const { refresh } = live(t, name, upstream.baseUrl, { recordDir: dir })
    const { pieces } = await refresh()
    t.same(
      filesIn(dir),
      files[name].map((file) => join(dir, name, '2026-11-21T10-00-00.000Z', file)),
    )
    const idle = createUpstream({ timeoutMs: 100, maxBytes: 1, now: Date.now })
    t.teardown(() => idle.close())
    const replay = createProvider(
      'replay',
      {
        HERE_API_KEY: null,
        HERE_BASE_URL: upstream.baseUrl,
        TOMTOM_API_KEY: null,
        TOMTOM_BASE_URL: upstream.baseUrl,
        REPLAY_DIR: dir,
        REPLAY_FORMAT: name,
      },
      idle,
      guardOf,
      () => {},
    )
    t.equal(replay.name, 'replay')
    const replayed = await replay.refresh(STRAIGHT, contextAt(AT_MS))
    t.same(replayed.pieces, pieces)
    t.ok(pieces.length > 1)
  }
})

t.test('a recording keeps the body as it came; answers with an error are not kept', async (t) => {
  const dir = t.testdir()
  const upstream = await standIn(
    t,
    { status: 400, body: TOMTOM_TOO_FAR },
    { body: '<h1>Not what was asked for</h1>' },
    { body: GOOD.tomtom },
  )
  await live(t, 'tomtom', upstream.baseUrl, { recordDir: dir }).refresh()
  t.same(
    filesIn(dir).map((file) => readFileSync(file, 'utf8')),
    ['<h1>Not what was asked for</h1>', GOOD.tomtom],
  )
})

t.test('a recorder that cannot write says so, and the refresh succeeds', async (t) => {
  const dir = t.testdir({ file: 'not a folder' })
  for (const name of NAMES) {
    const upstream = await standIn(t, { body: GOOD[name] })
    const { recordErrors, refresh } = live(t, name, upstream.baseUrl, {
      recordDir: join(dir, 'file'),
    })
    t.ok((await refresh()).pieces.length > 0)
    t.equal(recordErrors.length, upstream.requests.length, 'once for each body')
    t.match(recordErrors[0], { code: /ENOTDIR|EEXIST/ })
    t.notMatch(inspect(recordErrors), /canary/)
  }
})

t.test('a recorder whose disk hangs is given up, and the refresh goes on', async (t) => {
  const folder = t.testdir({ '2026-11-21T10-00-00.000Z': {} })
  const pipe = join(folder, '2026-11-21T10-00-00.000Z', 'a.json')
  // Opening a pipe to write waits until somebody reads it.
  execFileSync('mkfifo', [pipe])
  const errors: unknown[] = []
  const record = createRecorder(
    folder,
    (body) => body,
    (error) => errors.push(error),
    20,
  )
  await record(AT_MS, 'a', 'body')
  t.match(errors, [{ message: /longer than 20 ms/ }])
  t.equal(await readFile(pipe, 'utf8'), 'body', 'what was begun is not torn off')
})

t.test('a provider that lacks its key or folder is not made', async (t) => {
  const baseUrl = new URL('http://127.0.0.1/')
  const upstream = createUpstream({ timeoutMs: 100, maxBytes: 1, now: Date.now })
  t.teardown(() => upstream.close())
  const bare: ProviderConfig = {
    HERE_API_KEY: null,
    HERE_BASE_URL: baseUrl,
    TOMTOM_API_KEY: null,
    TOMTOM_BASE_URL: baseUrl,
  }
  for (const name of [...NAMES, 'replay'] as const)
    t.throws(() => createProvider(name, bare, upstream, guardOf, () => {}), /not configured/)
  t.equal(createProvider('simulated', bare, upstream, guardOf, () => {}).name, 'simulated')
})
