import { once } from 'node:events'
import { connect } from 'node:net'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { HttpMetrics } from '../../src/metrics/http.ts'
import { LimitMetrics } from '../../src/metrics/limits.ts'
import { metrics, scraping } from '../../src/plugins/metrics.ts'
import { createServer } from '../../src/server.ts'
import { SERVER } from '../helpers/build-app.ts'
import { countedOf, type Scrape, scrapeUntil, seriesOf } from '../helpers/scrape.ts'

/** Requests of which nothing is known yet but that they are there. */
const IN_FLIGHT = 'ayalon_http_requests_in_flight'
const ABORTED = 'ayalon_http_requests_aborted_total'

/** A server with a route that answers when it is told to. */
async function slowServer(t: Test) {
  const server = createServer(pino({ level: 'silent' }), SERVER)
  const registry = new Registry()
  const http = new HttpMetrics(registry)
  const limits = new LimitMetrics(registry, { isFallback: false })
  await server.register(metrics, { metrics: { all: registry, http, limits } })
  await server.register(scraping, { metrics: registry })
  const gate = Promise.withResolvers<void>()
  server.get('/slow', async () => {
    await gate.promise
    return 'done'
  })
  server.get('/fast', async () => 'done')
  server.post('/body', async () => 'done')
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const port = Number(new URL(url).port)
  /** Sends bytes and leaves once the server has so many requests in flight. */
  const sendAndLeave = async (bytes: string, inFlight: number): Promise<void> => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(bytes)
    // One more: the scrape itself.
    await scrapeUntil(url, (scrape) => scrape.get(IN_FLIGHT) === inFlight + 1)
    socket.destroy()
  }
  const aborted = (count: number): Promise<Scrape> =>
    scrapeUntil(url, (scrape) => scrape.get(ABORTED) === count)
  return { url, gate, sendAndLeave, aborted }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const half = (path: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`

t.test('a client that leaves is counted once and is in flight no longer', async (t) => {
  const { url, gate, sendAndLeave, aborted } = await slowServer(t)
  await sendAndLeave(get('/slow'), 1)
  t.equal((await aborted(1)).get(IN_FLIGHT), 1, 'only the scrape is left')
  await sendAndLeave(half('/body'), 1)
  t.equal((await aborted(2)).get(IN_FLIGHT), 1, 'also where its body never came')
  await sendAndLeave(get('/slow') + get('/fast') + get('/slow'), 3)
  t.equal((await aborted(5)).get(IN_FLIGHT), 1, 'also where answers wait for another')
  gate.resolve()
  t.equal(await (await fetch(`${url}/slow`)).text(), 'done')
  const scrape = await aborted(5)
  t.equal(scrape.get(IN_FLIGHT), 1)
  const { '{method="GET",route="/metrics",status="200"}': scrapes, ...others } = countedOf(
    scrape,
    'ayalon_http_requests_total',
  )
  t.ok(scrapes)
  t.strictSame(
    others,
    { '{method="GET",route="/slow",status="200"}': 1 },
    'what was aborted has no status',
  )
})

t.test('failures of a route count from 0, so that the first is an increase', async (t) => {
  const { aborted } = await slowServer(t)
  const series = seriesOf(await aborted(0), 'ayalon_http_requests_total')
  for (const [method, route] of [
    ['GET', '/fast'],
    ['HEAD', '/fast'],
    ['POST', '/body'],
  ])
    for (const status of [500, 503])
      t.equal(series[`{method="${method}",route="${route}",status="${status}"}`], 0)
})

t.test('a duration falls into the first bucket that holds it, and into all after it', async (t) => {
  const registry = new Registry()
  const http = new HttpMetrics(registry)
  const answered = { method: 'GET', route: '/a', status: 200, cache: null }
  for (const seconds of [0.004, 0.05, 11]) http.answered({ ...answered, seconds })
  const scrape = await registry.metrics()
  for (const [le, count] of [
    ['0.0025', 0],
    ['0.005', 1],
    ['0.025', 1],
    ['0.05', 2],
    ['10', 2],
    ['+Inf', 3],
  ])
    t.ok(
      scrape.includes(
        `ayalon_http_request_duration_seconds_bucket{le="${le}",method="GET",route="/a"} ${count}\n`,
      ),
      `${le} s`,
    )
  t.match(scrape, /ayalon_http_request_duration_seconds_sum\{method="GET",route="\/a"\} 11\.054\n/)
})
