import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { openDatabase } from '../../src/storage/database/database.ts'
import { migrate } from '../../src/storage/database/migrations.ts'
import { postgresPlace } from '../helpers/databases.ts'
import { newDatabase, noPostgres, startPostgres } from '../helpers/postgres.ts'
import { lint, noPrometheus, startPrometheus } from '../helpers/prometheus.ts'
import { newRedis, noRedis, startRedis } from '../helpers/redis.ts'
import { scrapeUntil, seriesOf } from '../helpers/scrape.ts'
import { HERE_SAYS, type Serving, startListening } from '../helpers/service.ts'
import { standIn } from '../helpers/stand-in.ts'

const ADMIN = 'admin-secret-0123456789'

/** Starts the service with a port for its metrics; the port's address. */
async function startMeasured(
  t: Parameters<typeof startListening>[0],
  environment: Readonly<Record<string, string>> = {},
): Promise<Serving & { readonly inner: string }> {
  const service = await startListening(t, { METRICS_PORT: '0', HOST: '127.0.0.1', ...environment })
  const { msg } = await service.line('serving metrics at')
  return { ...service, inner: String(msg).replace('serving metrics at ', '') }
}

t.test(
  'promtool finds nothing to say of a service with everything in use',
  { skip: noPrometheus() || noPostgres() || noRedis() },
  async (t) => {
    t.testdir()
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
    t.teardown(() => Promise.all([postgres.stop(), redis.stop()]))
    const database = await newDatabase(postgres)
    const { write, close } = await openDatabase(postgresPlace(database), () => {})
    await migrate(write, 'up')
    await close()
    const here = await standIn(t, { body: HERE_SAYS })
    const service = await startMeasured(t, {
      DATABASE_URL: database,
      REDIS_URL: await newRedis(t, redis),
      HERE_API_KEY: 'canary-of-here',
      HERE_BASE_URL: here.baseUrl.href,
      HERE_QUOTA_PER_DAY: '1000',
      API_KEYS: `tests:admin:${ADMIN}`,
    })
    await service.line('refresh')
    for (const path of ['/v1/traffic/ayalon', '/v1/upstream', '/nowhere', '/health'])
      await fetch(`${service.url}${path}`, { headers: { 'x-api-key': ADMIN } })
    // The budget is looked at every fifteen seconds, and first when there is nothing to see.
    const scrape = await scrapeUntil(service.inner, (seen) =>
      seen.has('ayalon_upstream_quota_used_calls{provider="here",period="day"}'),
    )
    for (const [series, value] of [
      ['ayalon_database_up', 1],
      ['ayalon_redis_up', 1],
      ['ayalon_collector_leader', 1],
      ['ayalon_upstream_calls_total{provider="here",outcome="ok"}', 1],
      ['ayalon_upstream_quota_limit_calls{provider="here",period="day"}', 1000],
    ] as const)
      t.equal(scrape.get(series), value, series)
    const pool = seriesOf(scrape, 'ayalon_database_pool_connections')
    t.ok((pool['{state="busy"}'] ?? 0) + (pool['{state="idle"}'] ?? 0) > 0)
    const text = await (await fetch(`${service.inner}/metrics`)).text()
    t.equal(lint(text), '')
    t.notMatch(text, /canary|admin-secret|127\.0\.0\.1|redis:|postgres:/)
    service.process.kill('SIGTERM')
    t.equal(await service.exited, 0)
  },
)

t.test('a real Prometheus scrapes the service', { skip: noPrometheus() }, async (t) => {
  const folder = t.testdir()
  const service = await startMeasured(t)
  await service.line('refresh')
  const ask = await startPrometheus(t, folder, new URL(service.inner).host)
  t.strictSame(
    (await ask('up')).map(({ labels, value }) => [labels.job, value]),
    [['ayalon', 1]],
  )
  const delays = await ask('ayalon_delay_vehicle_seconds_per_second')
  t.strictSame(delays.map(({ labels }) => `${labels.corridor} ${labels.direction}`).toSorted(), [
    'ayalon northbound',
    'ayalon southbound',
  ])
})

t.test('with a port of its own the metrics are answered there alone', async (t) => {
  t.testdir()
  const { url, inner, ...service } = await startMeasured(t)
  const scraped = await fetch(`${inner}/metrics`)
  t.equal(scraped.status, 200)
  t.equal(scraped.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  t.equal(scraped.headers.get('cache-control'), 'no-store')
  t.match(await scraped.text(), /^ayalon_build_info\{version="\d+\.\d+\.\d+"\} 1$/m)
  for (const [address, method, status] of [
    [`${url}/metrics`, 'GET', 404],
    [`${inner}/health/live`, 'GET', 404],
    [`${inner}/v1/traffic`, 'GET', 404],
    [`${inner}/metrics`, 'POST', 405],
  ] as const) {
    const response = await fetch(address, { method })
    t.equal(response.status, status, `${method} ${address}`)
    t.match(response.headers.get('content-type'), /^application\/problem\+json/)
  }
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
})

t.test('a scraper that holds its connection does not hold the stop', async (t) => {
  t.testdir()
  const service = await startMeasured(t)
  await fetch(`${service.inner}/metrics`)
  const socket = connect(Number(new URL(service.inner).port), '127.0.0.1')
  socket.on('error', () => {})
  const greeted = once(socket, 'data')
  socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\nGET /metrics HTTP/1.1\r\nHost:')
  await greeted
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
})
