import { readFileSync } from 'node:fs'
import { METHODS } from 'node:http'
import { resolve } from 'node:path'
import t, { type Test } from 'tap'
import { Secret } from '../../src/secret.ts'
import { openDatabase } from '../../src/storage/database/database.ts'
import { migrate } from '../../src/storage/database/migrations.ts'
import { MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { buildApp, type TestApp } from '../helpers/build-app.ts'
import { postgresPlace } from '../helpers/databases.ts'
import { closedPort } from '../helpers/ports.ts'
import { newDatabase, noPostgres, startPostgres } from '../helpers/postgres.ts'
import { lint, noPrometheus, readQueries } from '../helpers/prometheus.ts'
import { answerOf, failing, scripted } from '../helpers/providers.ts'
import { sendRaw } from '../helpers/raw-http.ts'
import { countedOf, parseScrape, scrapeOf, scrapeUntil, seriesOf } from '../helpers/scrape.ts'
import { HERE_72, liveApp, PATH, POLL_MS } from './fixtures/live-app.ts'
import { poll, SNAPSHOT, snapshotOf, steadyRoad } from './fixtures/memory.ts'

const DOCUMENTATION = readFileSync(resolve(import.meta.dirname, '../../docs/metrics.md'), 'utf8')

const ADMIN = 'canary-admin-0123456789'
const API_KEYS = Secret.of(`tests:read:${ADMIN}`)

/** Listens on a free port; the app's address. */
const listen = (app: TestApp): Promise<string> => app.server.listen({ host: '127.0.0.1', port: 0 })

const portOf = (url: string): number => Number(new URL(url).port)

t.test('every request is counted by method, pattern of its route and status', async (t) => {
  const app = await buildApp(t, steadyRoad())
  const url = await listen(app)
  for (const [path, method] of [
    [SNAPSHOT, 'GET'],
    [`${SNAPSHOT}?model=physical`, 'GET'],
    ['/v1/traffic/nowhere', 'GET'],
    ['/v1/upstream', 'GET'],
    ['/v1/traffic', 'DELETE'],
    ['/nowhere', 'GET'],
    ['/nowhere/else', 'GET'],
    ['/health/live', 'HEAD'],
  ] as const)
    await fetch(`${url}${path}`, { method })
  const scrape = await scrapeOf(url)
  t.strictSame(countedOf(scrape, 'ayalon_http_requests_total'), {
    '{method="GET",route="/v1/traffic/:corridor",status="200"}': 2,
    '{method="GET",route="/v1/traffic/:corridor",status="404"}': 1,
    '{method="GET",route="/v1/upstream",status="401"}': 1,
    '{method="DELETE",route="unmatched",status="405"}': 1,
    '{method="GET",route="unmatched",status="404"}': 2,
    '{method="HEAD",route="/health/live",status="200"}': 1,
  })
  const of = 'method="GET",route="/v1/traffic/:corridor"'
  const duration = 'ayalon_http_request_duration_seconds'
  t.equal(scrape.get(`${duration}_count{${of}}`), 3)
  t.equal(scrape.get(`${duration}_bucket{le="+Inf",${of}}`), 3)
  t.equal(scrape.get('ayalon_http_requests_in_flight'), 1, 'the scrape itself')
  t.strictSame(seriesOf(scrape, 'ayalon_cache_results_total'), {
    '{result="hit"}': 2,
    '{result="stale"}': 0,
    '{result="miss"}': 0,
  })
})

t.test('what never became a request of a route is counted as refused', async (t) => {
  const url = await listen(await buildApp(t, steadyRoad()))
  await sendRaw(t, portOf(url), 'FOO / HTTP/1.1\r\nHost: a\r\n\r\n')
  await fetch(`${url}/%zz`)
  const scrape = await scrapeUntil(
    url,
    (seen) => seen.get('ayalon_http_requests_refused_total{code="invalid_input"}') === 2,
  )
  t.strictSame(seriesOf(scrape, 'ayalon_http_requests_in_flight'), { '': 1 })
})

t.test('clients that ask too often are counted by the limit that they reached', async (t) => {
  const app = await buildApp(t, {
    ...steadyRoad(),
    config: { API_KEYS, RATE_LIMIT_PER_MINUTE: 3, RATE_LIMIT_WRONG_KEYS_PER_MINUTE: 1 },
  })
  const url = await listen(app)
  const headers = { 'x-api-key': 'canary-of-nobody' }
  for (const options of [{ headers }, { headers }, { headers }, {}, {}])
    await fetch(`${url}/v1/traffic`, options)
  const scrape = await scrapeOf(url)
  t.strictSame(seriesOf(scrape, 'ayalon_http_rate_limited_total'), {
    '{limit="minute"}': 2,
    '{limit="hour"}': 0,
    '{limit="impact"}': 0,
    '{limit="writes"}': 0,
    '{limit="wrongKeys"}': 2,
  })
  t.equal(scrape.get('ayalon_rate_limit_fallback'), 0)
})

t.test('scrapes are never limited', async (t) => {
  const url = await listen(await buildApp(t, { config: { RATE_LIMIT_PER_MINUTE: 1 } }))
  for (let scrapes = 0; scrapes < 3; scrapes += 1)
    t.equal((await fetch(`${url}/metrics`)).status, 200)
})

t.test('the rates of the road are those of the snapshot, in base units', async (t) => {
  const app = await buildApp(t, steadyRoad())
  const { directions } = await snapshotOf(app)
  const scrape = parseScrape((await app.server.inject('/metrics')).body)
  for (const { direction, rates, coverage } of directions) {
    const of = `{corridor="${MILL_ROAD.id}",direction="${direction}"}`
    t.equal(scrape.get(`ayalon_snapshot_coverage_ratio${of}`), coverage)
    for (const [name, perHour, unit] of [
      ['ayalon_delay_vehicle_seconds_per_second', rates?.delay.central, 1],
      ['ayalon_excess_co2_grams_per_second', rates?.excessCo2.central, 3.6],
      ['ayalon_excess_fuel_litres_per_second', rates?.excessFuel.central, 3600],
    ] as const) {
      t.ok(perHour)
      t.equal(((scrape.get(`${name}${of}`) ?? 0) * unit).toFixed(4), perHour?.toFixed(4), name)
    }
  }
})

t.test('an old snapshot is a stale result, none is a miss, and its age is told', async (t) => {
  const down = failing(new Error('it is down'))
  const provider = scripted('here', (corridor) => answerOf(corridor, 30), down)
  const app = await buildApp(t, { corridors: [MILL_ROAD], providers: [provider] })
  const read = async () => {
    await app.server.inject(SNAPSHOT)
    return parseScrape((await app.server.inject('/metrics')).body)
  }
  const results = 'ayalon_cache_results_total'
  await poll(app, 1)
  t.strictSame(seriesOf(await read(), results), {
    '{result="hit"}': 0,
    '{result="stale"}': 1,
    '{result="miss"}': 0,
  })
  await poll(app, 24)
  const late = await read()
  t.equal(late.get(`${results}{result="miss"}`), 1)
  t.equal(late.get(`ayalon_snapshot_age_seconds{corridor="${MILL_ROAD.id}"}`), 7500)
  t.strictSame(seriesOf(late, 'ayalon_delay_vehicle_seconds_per_second'), {})
})

t.test('calls, refreshes, budget and breaker of a provider are told', async (t) => {
  const app = await liveApp(t, { limits: { here: { day: 1000 } } })
  const scrape = async () => parseScrape((await app.server.inject('/metrics')).body)
  const first = await scrape()
  const quota = (period: string) => `{provider="here",period="${period}"}`
  t.equal(first.get('ayalon_collector_leader'), 1)
  t.strictSame(seriesOf(first, 'ayalon_upstream_quota_limit_calls'), { [quota('day')]: 1000 })
  t.strictSame(
    Object.keys(seriesOf(first, 'ayalon_upstream_quota_used_calls')),
    ['hour', 'day', 'month'].map(quota),
  )
  t.equal(first.get('ayalon_upstream_calls_total{provider="here",outcome="ok"}'), 1)
  t.equal(first.get('ayalon_upstream_calls_total{provider="here",outcome="timeout"}'), 0)
  t.equal(first.get('ayalon_upstream_refreshes_total{provider="here",outcome="ok"}'), 1)
  app.here.answer = { status: 503 }
  for (let polls = 0; polls < 2; polls += 1) await app.clock.advance(POLL_MS)
  const broken = await scrape()
  const failed = app.here.requests.length - 1
  t.equal(broken.get('ayalon_upstream_calls_total{provider="here",outcome="serverError"}'), failed)
  t.equal(
    broken.get('ayalon_upstream_call_duration_seconds_count{provider="here"}'),
    app.here.requests.length,
  )
  t.equal(broken.get('ayalon_upstream_refreshes_total{provider="here",outcome="serverError"}'), 2)
  t.strictSame(seriesOf(broken, 'ayalon_upstream_breaker_state'), {
    '{provider="here",state="closed"}': 0,
    '{provider="here",state="open"}': 1,
    '{provider="here",state="halfOpen"}': 0,
  })
  app.here.answer = HERE_72
  await app.clock.advance(15_000)
  t.equal((await scrape()).get(`ayalon_upstream_quota_used_calls${quota('hour')}`), failed + 1)
})

t.test("a process tells what it may use: its container's limit", async (t) => {
  const app = await buildApp(t)
  const { body } = await app.server.inject('/metrics')
  t.equal(parseScrape(body).get('ayalon_memory_limit_bytes'), 2 ** 31)
})

t.test('a provider that makes no calls has no budget and no breaker', async (t) => {
  const app = await buildApp(t)
  const { body } = await app.server.inject('/metrics')
  t.notMatch(body, /^ayalon_upstream_(quota|breaker|call)/m)
  t.match(body, /^ayalon_upstream_refreshes_total\{provider="simulated",outcome="ok"\} 1$/m)
  t.notMatch(body, /^# TYPE ayalon_(redis|database_pool)/m, 'nor are there servers')
})

t.test(
  'connections to the database are told: busy, idle, and waited for',
  { skip: noPostgres() },
  async (t) => {
    const postgres = await startPostgres()
    t.teardown(() => postgres.stop())
    // A pool of four.
    const place = postgresPlace(await newDatabase(postgres))
    const database = await openDatabase(place, () => {})
    await migrate(database.write, 'up')
    await database.close()
    const app = await buildApp(t, { ...steadyRoad(), place })
    await app.storage.recorder.settled()
    const gate = Promise.withResolvers<void>()
    const held = Array.from({ length: 6 }, () =>
      app.storage.connection.use(({ write }) => write.connection().execute(() => gate.promise)),
    )
    const pool = async () => {
      const scrape = parseScrape((await app.server.inject('/metrics')).body)
      return [
        scrape.get('ayalon_database_pool_connections{state="busy"}'),
        scrape.get('ayalon_database_pool_connections{state="idle"}'),
        scrape.get('ayalon_database_pool_waiting'),
      ]
    }
    let told = await pool()
    while (told[2] !== 2) told = await pool()
    t.strictSame(told, [4, 0, 2])
    gate.resolve()
    await Promise.all(held)
    t.strictSame(await pool(), [0, 4, 0])
  },
)

/** An app whose database and Redis are servers that nobody can reach. */
async function cutOff(t: Test): Promise<TestApp> {
  const [database, redis] = await Promise.all([closedPort(), closedPort()])
  return buildApp(t, {
    ...steadyRoad(),
    place: postgresPlace(`postgres://canary-user:canary-word@127.0.0.1:${database}/canary-db`),
    redis: Secret.of(`redis://:canary-word@127.0.0.1:${redis}/0`),
  })
}

t.test('a database and a Redis that are away are told, and hold up no scrape', async (t) => {
  const app = await cutOff(t)
  await app.storage.recorder.settled()
  const { body } = await app.server.inject('/metrics')
  const scrape = parseScrape(body)
  for (const [name, value] of [
    ['ayalon_database_up', 0],
    ['ayalon_redis_up', 0],
    ['ayalon_rate_limit_fallback', 1],
    ['ayalon_write_queue_refreshes', 1],
    ['ayalon_database_pool_connections{state="busy"}', 0],
    ['ayalon_database_pool_connections{state="idle"}', 0],
    ['ayalon_database_pool_waiting', 0],
  ] as const)
    t.equal(scrape.get(name), value, name)
  t.notMatch(body, /canary/)
})

t.test('the documentation has every metric of the service, and no other', async (t) => {
  const app = await cutOff(t)
  const { body } = await app.server.inject('/metrics')
  const told = [...body.matchAll(/^# TYPE (ayalon_\S+) (\S+)$/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  )
  const written = [...DOCUMENTATION.matchAll(/^\| `(ayalon_\w+)` \| (\w+) \|/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  )
  t.strictSame(written.toSorted(), told.toSorted())
  t.notMatch(body, /^# HELP \S+ *$/m, 'each says what it means')
})

t.test('every metric has an example that can be asked', { skip: noPrometheus() }, async (t) => {
  const blocks = [...DOCUMENTATION.matchAll(/^```promql\n(.*?)^```$/gms)].map(
    ([, text = '']) => text,
  )
  const queries = blocks
    .flatMap((block) => block.split(/\n(?!\s)/))
    .filter((text) => text.trim() !== '' && !text.startsWith('#'))
  const { ok, said } = readQueries(t.testdir(), queries)
  t.ok(ok, said)
  for (const [, name = ''] of DOCUMENTATION.matchAll(/^\| `(ayalon_\w+)` \|/gm))
    t.ok(
      queries.some((query) => query.includes(name)),
      name,
    )
})

t.test('promtool finds nothing to say', { skip: noPrometheus() }, async (t) => {
  const app = await liveApp(t)
  await app.server.inject(PATH)
  t.equal(lint((await app.server.inject('/metrics')).body), '')
})

/** Methods that the parser lets through, but for one that ends the connection. */
const SENT = METHODS.filter((method) => method !== 'CONNECT')

/** A connection's worth of requests without a route, of which no two are alike. */
const strangers = (count: number, from: number): string =>
  Array.from({ length: count }, (_, at) => {
    const number = from + at
    return [
      `${SENT[number % SENT.length]} /${number}-${Math.random()}/stranger?q${number}=1 HTTP/1.1`,
      `Host: h${number}`,
      `X-Request-ID: r${number}`,
      `User-Agent: u${number}`,
      at === count - 1 ? 'Connection: close' : 'Connection: keep-alive',
    ].join('\r\n')
  })
    .map((head) => `${head}\r\n\r\n`)
    .join('')

t.test('ten thousand unknown paths and odd methods add no series', async (t) => {
  const url = await listen(await buildApp(t, steadyRoad()))
  const names = async () =>
    [...(await scrapeOf(url)).keys()].filter((series) => series.startsWith('ayalon_')).toSorted()
  // Every method once, and one that is no method.
  await sendRaw(t, portOf(url), strangers(SENT.length, 0))
  await sendRaw(t, portOf(url), 'NONE / HTTP/1.1\r\nHost: a\r\n\r\n')
  await scrapeOf(url)
  const before = await names()
  for (let from = 0; from < 10_000; from += 100) await sendRaw(t, portOf(url), strangers(100, from))
  for (let odd = 0; odd < 100; odd += 1)
    await sendRaw(t, portOf(url), `ODD${odd} /${odd} HTTP/1.1\r\nHost: a\r\n\r\n`)
  t.strictSame(await names(), before)
  const counted = countedOf(await scrapeOf(url), 'ayalon_http_requests_total')
  const unmatched = Object.entries(counted).filter(([labels]) => labels.includes('unmatched'))
  t.equal(
    unmatched.reduce((sum, [, count]) => sum + count, 0),
    10_000 + SENT.length,
  )
  t.equal(
    Object.values(seriesOf(await scrapeOf(url), 'ayalon_http_requests_refused_total'))[0],
    101,
  )
})

t.test('no key, address, id or query is in the metrics', async (t) => {
  const app = await liveApp(t, { key: 'canary-provider', config: { API_KEYS } })
  const url = await listen(app)
  for (const [path, headers] of [
    [PATH, { 'x-api-key': ADMIN }],
    [`${PATH}?key=canary-query`, {}],
    ['/canary-path', { authorization: 'Bearer canary-bearer' }],
    [PATH, { 'x-request-id': 'canary-request', 'user-agent': 'canary-agent' }],
    ['/v1/upstream', { 'x-api-key': 'canary-wrong', 'x-forwarded-for': '203.0.113.7' }],
  ] as const)
    await fetch(`${url}${path}`, { headers })
  await sendRaw(t, portOf(url), 'CANARY / HTTP/1.1\r\nHost: canary-host\r\n\r\n')
  const text = await (await fetch(`${url}/metrics`)).text()
  t.match(text, /ayalon_http_requests_total\{/)
  t.notMatch(text, /canary/i)
  t.notMatch(text, /127\.0\.0\.1|203\.0\.113|::1|localhost/)
  t.notMatch(text, /[0-9a-f]{8}-[0-9a-f]{4}-/, 'no request id and no owner of a lease')
  t.notOk(text.includes((await app.snapshot()).snapshot.id), 'no snapshot id')
})
