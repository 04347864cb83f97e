import { once } from 'node:events'
import { connect } from 'node:net'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import {
  type AnalyticsView,
  analyticsSchema,
  type SummaryView,
  summarySchema,
} from '../../src/modules/analytics/schemas.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { Secret } from '../../src/secret.ts'
import { MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { buildApp, type TestApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { migratedPlace, newFolder, onBothEngines } from '../helpers/databases.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { fragile } from '../helpers/outage.ts'
import { answerOf, failing, scripted } from '../helpers/providers.ts'
import { sendRaw } from '../helpers/raw-http.ts'
import { HERE_SAYS, liveHere } from '../helpers/service.ts'
import { standIn } from '../helpers/stand-in.ts'
import { healthOf, POLL_MS, SNAPSHOT, steady, steadyRoad } from './fixtures/memory.ts'

const URL_OF_ALL = '/v1/analytics'
const SUMMARY = '/v1/analytics/summary'
const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Half a minute before a day in UTC ends. */
const LATE = Date.parse('2026-11-18T23:59:30Z')

/** All of it, which is what the schema promises and nothing else. */
async function analyticsOf(t: Test, { server }: TestApp, query = ''): Promise<AnalyticsView> {
  const response = await server.inject(`${URL_OF_ALL}${query}`)
  t.equal(response.statusCode, 200)
  t.equal(response.headers['cache-control'], 'no-store')
  t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
  const view = response.json()
  t.strictSame(analyticsSchema.parse(view), view)
  return analyticsSchema.parse(view)
}

async function summaryOf(t: Test, { server }: TestApp): Promise<SummaryView> {
  const response = await server.inject(SUMMARY)
  t.equal(response.statusCode, 200)
  t.equal(response.headers['cache-control'], 'no-store')
  const view = response.json()
  t.strictSame(summarySchema.parse(view), view)
  return summarySchema.parse(view)
}

/** How many requests each day had, by its date. */
async function daysOf(t: Test, app: TestApp, days = 400): Promise<Record<string, number>> {
  const view = await analyticsOf(t, app, `?days=${days}`)
  return Object.fromEntries((view.days ?? []).map(({ date, requests }) => [date, requests.total]))
}

const ask = async ({ server }: TestApp, times = 1): Promise<void> => {
  for (let time = 0; time < times; time += 1) await server.inject(SNAPSHOT)
}

t.test('before anything was asked nothing is made up', async (t) => {
  const app = await buildApp(t)
  const { freshness, ...view } = await analyticsOf(t, app)
  t.strictSame(view, {
    since: '2026-11-18T06:00:00.000Z',
    uptimeSeconds: 0,
    requests: {
      total: 0,
      successful: 0,
      failed: 0,
      rateLimited: 0,
      successRate: null,
      perMinute: 0,
    },
    cache: { hits: 0, misses: 0, staleServed: 0, hitRatio: null },
    errors: {},
    upstream: { calls: 0, failures: 0, latencyMs: { p50: null, p95: null } },
    byRoute: [],
    days: null,
  })
  t.match(freshness, [{ corridor: 'ayalon', state: 'fresh', ageSeconds: Number }])
  const fresh = await buildApp(t)
  t.strictSame(await summaryOf(t, fresh), {
    status: 'operational',
    successRate: null,
    cacheHitRatio: null,
    errors: 0,
    uptime: '0h 0m',
  })
})

t.test('requests of every kind, on real sockets, are counted for what they are', async (t) => {
  const provider = scripted('here', (corridor) => {
    if (corridor === MILL_ROAD) throw new ProviderFailure('unreachable', 'nobody is there')
    return answerOf(corridor, 30)
  })
  const app = await buildApp(t, {
    corridors: [AYALON, MILL_ROAD],
    providers: [provider],
    config: { RATE_LIMIT_IMPACT_PER_MINUTE: 2 },
  })
  const { server, clock } = app
  const address = await server.listen({ port: 0, host: '127.0.0.1' })
  const port = Number(new URL(address).port)
  const fetched = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${address}${path}`, init)
    await response.arrayBuffer()
    return response
  }
  const begun = once(server.server, 'request')
  const closed = begun.then(([, response]) => once(response, 'close'))
  const leaving = connect(port, '127.0.0.1')
  leaving.write('POST /v1/impact HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n')
  leaving.write('Content-Type: application/json\r\n\r\n{"a')
  await begun
  leaving.destroy()
  await closed
  const json = { 'content-type': 'application/json' }
  const first = await fetched('/v1/traffic/ayalon')
  const etag = first.headers.get('etag') ?? ''
  const statuses = [first.status]
  for (const [path, init] of [
    ['/v1/traffic/ayalon', { method: 'HEAD' }],
    ['/v1/traffic/ayalon', { headers: { 'if-none-match': etag } }],
    ['/v1/traffic', {}],
    ['/v1/traffic/mill-road', {}],
    ['/v1/traffic/nowhere', {}],
    ['/no/such/path', {}],
    ['/v1/traffic/ayalon', { method: 'DELETE' }],
    ['/v1/traffic/ayalon?wrong=1', {}],
    ['/v1/traffic/ayalon/geojson', { headers: { accept: 'text/html' } }],
    ['/v1/upstream', {}],
    ['/v1/impact', { method: 'POST', body: '{', headers: json }],
    ['/v1/impact', { method: 'POST', body: '{', headers: json }],
    ['/health', {}],
    ['/health/live', {}],
    ['/health/ready', {}],
  ] as const)
    statuses.push((await fetched(path, init)).status)
  t.strictSame(
    statuses,
    [200, 200, 304, 200, 503, 404, 404, 405, 400, 406, 401, 400, 429, 200, 200, 200],
  )
  await sendRaw(t, port, 'NONSENSE\r\n\r\n')
  await sendRaw(t, port, 'GET /v1/traffic/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')

  clock.move(2 * MINUTE)
  const view = await analyticsOf(t, app)
  t.match(view, { uptimeSeconds: 120, since: '2026-11-18T06:00:00.000Z' })
  t.strictSame(view.requests, {
    total: 16,
    successful: 4,
    failed: 11,
    rateLimited: 1,
    successRate: 0.25,
    perMinute: 8,
  })
  t.strictSame(view.cache, { hits: 3, misses: 1, staleServed: 0, hitRatio: 0.75 })
  t.strictSame(view.errors, {
    network_error: 1,
    not_found: 2,
    method_not_allowed: 1,
    aborted: 1,
    invalid_input: 4,
    not_acceptable: 1,
    unauthorized: 1,
    rate_limited: 1,
  })
  const routes = view.byRoute.map(({ route, total, failed }) => [route, total, failed] as const)
  t.strictSame(
    new Set(routes.map((route) => route.join(', '))),
    new Set([
      'GET /v1/traffic/:corridor, 5, 3',
      'unmatched, 2, 2',
      'POST /v1/impact, 3, 2',
      'HEAD /v1/traffic/:corridor, 1, 0',
      'GET /v1/traffic, 1, 0',
      'GET /v1/traffic/:corridor/geojson, 1, 1',
      'GET /v1/upstream, 1, 1',
    ]),
  )
  const totals = routes.map(([, total]) => total)
  t.strictSame(
    totals,
    totals.toSorted((a, b) => b - a),
    'the busiest first',
  )
  t.strictSame(view.freshness, [
    { corridor: 'ayalon', state: 'fresh', ageSeconds: 120 },
    { corridor: 'mill-road', state: 'unavailable', ageSeconds: null },
  ])
  t.match((await healthOf(app)).statistics, {
    totalRequests: 17,
    errorCount: 1,
    served: { live: 3, unavailable: 1 },
  })
  t.strictSame(await summaryOf(t, app), {
    status: 'degraded',
    successRate: '29.4%',
    cacheHitRatio: '75.0%',
    errors: 1,
    uptime: '0h 2m',
  })
})

t.test('calls to the provider are counted, with how long they took', async (t) => {
  const clock = new FakeClock(WEDNESDAY_8H)
  const { baseUrl } = await standIn(
    t,
    (response) => {
      clock.move(120)
      response.end(HERE_SAYS)
    },
    (response) => {
      clock.move(480)
      response.writeHead(400).end()
    },
  )
  const app = await buildApp(t, { clock, live: liveHere(t, baseUrl) })
  t.strictSame((await analyticsOf(t, app)).upstream, {
    calls: 1,
    failures: 0,
    latencyMs: { p50: 120, p95: 120 },
  })
  await clock.advance(POLL_MS)
  t.strictSame((await analyticsOf(t, app)).upstream, {
    calls: 2,
    failures: 1,
    latencyMs: { p50: 120, p95: 480 },
  })
  await clock.advance(MINUTE)
  const { days } = await analyticsOf(t, app, '?days=1')
  t.match(days, [{ date: '2026-11-18', upstream: { calls: 2, failures: 1 } }])
})

t.test('the status is that of the data, and the figures are of use on a screen', async (t) => {
  const provider = scripted(
    'here',
    (corridor) => answerOf(corridor, 30),
    (corridor) => answerOf(corridor, 30),
    failing(new ProviderFailure('unreachable', 'nobody is there')),
  )
  const app = await buildApp(t, {
    corridors: [AYALON, MILL_ROAD],
    providers: [provider],
    config: { MAX_STALE_SECONDS: 3600 },
  })
  t.equal((await summaryOf(t, app)).status, 'operational')
  await ask(app)
  await app.clock.advance(POLL_MS)
  await ask(app)
  t.match(await summaryOf(t, app), { status: 'degraded', cacheHitRatio: '50.0%' })
  t.match((await analyticsOf(t, app)).freshness, [
    { corridor: 'ayalon', state: 'stale', ageSeconds: 300 },
    { corridor: 'mill-road', state: 'stale', ageSeconds: 300 },
  ])
  app.clock.move(3 * HOUR + 12 * MINUTE - POLL_MS)
  await ask(app)
  // Three of the corridor, of which the last failed, two of the summary and one of it all.
  t.strictSame(await summaryOf(t, app), {
    status: 'down',
    successRate: '83.3%',
    cacheHitRatio: '33.3%',
    errors: 1,
    uptime: '3h 12m',
  })
  t.match((await analyticsOf(t, app)).freshness, [
    { corridor: 'ayalon', state: 'unavailable', ageSeconds: 11_520 },
    { corridor: 'mill-road', state: 'unavailable', ageSeconds: 11_520 },
  ])
})

t.test('a clock that is set back makes no figure negative', async (t) => {
  const app = await buildApp(t, steadyRoad())
  await ask(app)
  app.clock.set(WEDNESDAY_8H - HOUR)
  const { uptimeSeconds, requests } = await analyticsOf(t, app)
  t.strictSame([uptimeSeconds, requests.perMinute], [0, 1])
  t.equal((await summaryOf(t, app)).uptime, '0h 0m')
})

t.test('random paths and methods make no more names', async (t) => {
  const app = await buildApp(t, steadyRoad())
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
  for (let path = 0; path < 5000; path += 1) {
    const parts = ['', '/v1/traffic', '/v1/analytics', '/v1/alerts/1'][path % 4]
    const method = methods[path % methods.length] ?? 'GET'
    await app.server.inject({ method, url: `${parts}/x${path}?y${path}=${path}` })
  }
  const { byRoute, requests, errors } = await analyticsOf(t, app)
  t.equal(requests.total, 5000)
  const known = [
    'unmatched',
    'GET /v1/traffic/:corridor',
    'HEAD /v1/traffic/:corridor',
    'GET /v1/alerts/:id',
  ]
  t.strictSame(
    byRoute.map(({ route }) => route).filter((route) => !known.includes(route)),
    [],
  )
  t.strictSame(
    Object.keys(errors).filter((code) => !/^[a-z_]{4,30}$/.test(code)),
    [],
  )
  await app.clock.advance(MINUTE)
  const rows = await app.storage.connection.use(({ write }) =>
    write.selectFrom('analytics_counts').selectAll().execute(),
  )
  t.ok(rows.length > 0 && rows.length < 10, `${rows.length} names`)
})

t.test('it takes what it says and nothing else', async (t) => {
  const { server } = await buildApp(t)
  const status = async (url: string, options: object = {}): Promise<number> =>
    (await server.inject({ url, ...options })).statusCode
  for (const days of ['1', '400', '7']) t.equal(await status(`${URL_OF_ALL}?days=${days}`), 200)
  for (const query of [
    'days=0',
    'days=401',
    'days=',
    'days=-1',
    'days=1.5',
    'days=1e2',
    'days=all',
    'days=1&days=2',
    'day=1',
  ]) {
    const response = await server.inject(`${URL_OF_ALL}?${query}`)
    t.match(response.json(), { status: 400, code: 'invalid_input' }, query)
  }
  t.equal(await status(`${SUMMARY}?days=1`), 400)
  for (const url of [URL_OF_ALL, SUMMARY]) {
    t.equal(await status(url, { method: 'HEAD' }), 200)
    t.equal(await status(url, { method: 'POST' }), 405)
    t.equal(await status(url, { headers: { accept: 'text/csv' } }), 406)
  }
})

t.test('where reading needs a key, so does this', async (t) => {
  const secret = 'a-reader-0123456789'
  const config = { AUTH_READS: 'key', API_KEYS: Secret.of(`dash:read:${secret}`) } as const
  const { server } = await buildApp(t, { config })
  for (const url of [URL_OF_ALL, SUMMARY]) {
    t.equal((await server.inject(url)).statusCode, 401)
    t.equal((await server.inject({ url, headers: { 'x-api-key': secret } })).statusCode, 200)
  }
})

t.test('a read of the days that breaks is an internal error that tells nothing', async (t) => {
  const app = await buildApp(t, steadyRoad())
  await app.storage.connection.use(async ({ write }) => {
    await sql`ALTER TABLE analytics_counts RENAME TO moved`.execute(write)
    await sql`CREATE VIEW analytics_counts AS
      SELECT 0 AS day_ms, 'a' AS name, abs(-9223372036854775808) AS count`.execute(write)
    // Of days that the view has.
    app.clock.set(0)
  })
  const response = await app.server.inject(`${URL_OF_ALL}?days=1`)
  t.match(response.json(), { status: 500, code: 'internal_error' })
  t.notMatch(response.body, /overflow|SQL|analytics_/i)
})

await onBothEngines(t, async (t, engine) => {
  t.test('each calendar day in UTC has its own figures, the newest last', async (t) => {
    const place = await migratedPlace(t, engine)
    const app = await buildApp(t, { ...steadyRoad(), place, nowMs: LATE })
    await ask(app, 2)
    await app.server.inject('/v1/traffic/nowhere')
    await app.clock.advance(MINUTE)
    await ask(app)
    await app.clock.advance(MINUTE)
    t.strictSame((await analyticsOf(t, app, '?days=2')).days, [
      {
        date: '2026-11-18',
        requests: { total: 3, successful: 2, failed: 1, rateLimited: 0, successRate: 0.666667 },
        cache: { hits: 2, misses: 0, staleServed: 0, hitRatio: 1 },
        errors: { not_found: 1 },
        upstream: { calls: 0, failures: 0 },
      },
      {
        date: '2026-11-19',
        requests: { total: 1, successful: 1, failed: 0, rateLimited: 0, successRate: 1 },
        cache: { hits: 1, misses: 0, staleServed: 0, hitRatio: 1 },
        errors: {},
        upstream: { calls: 0, failures: 0 },
      },
    ])
    t.strictSame(await daysOf(t, app, 1), { '2026-11-19': 1 })
    t.match((await analyticsOf(t, app)).requests, { total: 6 }, 'the life of the process goes on')
  })

  t.test('two processes add up, and a restart loses nothing', async (t) => {
    const place = await migratedPlace(t, engine)
    const one = await buildApp(t, { ...steadyRoad(), place })
    const two = await buildApp(t, { ...steadyRoad(), place })
    await ask(one, 2)
    await ask(two, 3)
    await one.clock.advance(MINUTE)
    await two.clock.advance(MINUTE)
    t.strictSame(await daysOf(t, one), { '2026-11-18': 5 })
    t.strictSame(await daysOf(t, two), { '2026-11-18': 5 })
    t.equal((await analyticsOf(t, two)).requests.total, 4, 'its own, and the look before')
    await one.server.close()
    await two.server.close()
    const next = await buildApp(t, { ...steadyRoad(), place, nowMs: WEDNESDAY_8H + HOUR })
    // Those above, with the looks that they were.
    t.strictSame(await daysOf(t, next), { '2026-11-18': 8 })
    t.match(await analyticsOf(t, next), {
      since: '2026-11-18T07:00:00.000Z',
      requests: { total: 1 },
    })
  })

  t.test('while the database is away the days cannot be read, and the rest can', async (t) => {
    const database = await fragile(t, engine)
    const { place } = database
    const app = await buildApp(t, { ...steadyRoad(), place, nowMs: LATE })
    const { connection } = app.storage
    await ask(app, 2)
    await database.goAway(connection)
    await app.clock.advance(MINUTE)
    await ask(app)
    const away = await app.server.inject(`${URL_OF_ALL}?days=7`)
    t.match(away.json(), {
      status: 503,
      code: 'source_unavailable',
      retryAfterSeconds: 60,
      detail: /^The days cannot be read: the .*\.$/,
    })
    t.equal(away.headers['retry-after'], '60')
    t.match(await analyticsOf(t, app), { days: null, requests: { total: 4, failed: 1 } })
    t.equal((await summaryOf(t, app)).status, 'operational')
    await database.comeBack(connection)
    await app.clock.advance(MINUTE)
    t.strictSame(
      await daysOf(t, app),
      { '2026-11-18': 2, '2026-11-19': 4 },
      'what was counted meanwhile is on its own day',
    )
  })
})

t.test('a stop does not wait for a database that is gone', async (t) => {
  const dir = newFolder(t)
  const app = await buildApp(t, {
    corridors: [MILL_ROAD],
    providers: [steady()],
    place: { dataDir: `${dir}/none/\0` },
    config: { DATA_DIR: dir },
  })
  await ask(app)
  await app.server.close()
  t.notOk(app.lines.some(({ level }) => Number(level) >= 60))
})
