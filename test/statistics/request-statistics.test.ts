import t from 'tap'
import { DAY_MS } from '../../src/statistics/day-counts.ts'
import { figuresOf } from '../../src/statistics/figures.ts'
import { LastValues } from '../../src/statistics/last-values.ts'
import { type Ended, RequestStatistics } from '../../src/statistics/request-statistics.ts'

/** The last minute of a day in UTC. */
const NOW = Date.parse('2026-11-18T23:59:00Z')
const TODAY = Date.parse('2026-11-18T00:00:00Z')

/** Statistics on a clock that the test moves. */
function statisticsAt(nowMs: number) {
  const clock = { nowMs }
  const statistics = new RequestStatistics(() => clock.nowMs)
  const end = (ended: Partial<Ended> = {}): void =>
    statistics.noteEnd({
      route: 'GET /a',
      status: 200,
      code: null,
      served: null,
      durationMs: 1,
      ...ended,
    })
  return { clock, statistics, end }
}

t.test('before the first request every rate is unknown', async (t) => {
  const { statistics } = statisticsAt(NOW)
  t.strictSame(statistics.figures, {
    requests: { total: 0, successful: 0, failed: 0, rateLimited: 0, successRate: null },
    cache: { hits: 0, misses: 0, staleServed: 0, hitRatio: null },
    errors: {},
    upstream: { calls: 0, failures: 0 },
  })
  t.strictSame(statistics.latencyMs, { p50: null, p95: null })
  t.strictSame(statistics.byRoute, [])
  t.strictSame(statistics.unkept.take(), [])
})

t.test('each status has its result', async (t) => {
  for (const [status, result, errors] of [
    [200, 'successful', 0],
    [204, 'successful', 0],
    [304, 'successful', 0],
    [399, 'successful', 0],
    [400, 'failed', 0],
    [404, 'failed', 0],
    [428, 'failed', 0],
    [429, 'rateLimited', 0],
    [430, 'failed', 0],
    [499, 'failed', 0],
    [500, 'failed', 1],
    [503, 'failed', 1],
    [null, 'failed', 0],
  ] as const) {
    const { statistics, end } = statisticsAt(NOW)
    end({ status })
    const { total, successRate, ...results } = statistics.figures.requests
    const none = { successful: 0, failed: 0, rateLimited: 0 }
    t.strictSame(results, { ...none, [result]: 1 }, `${status}`)
    t.strictSame([total, successRate], [1, result === 'successful' ? 1 : 0])
    t.equal(statistics.totalRequests, 1)
    t.equal(statistics.errorCount, errors)
    t.equal(statistics.byRoute[0]?.failed, result === 'failed' ? 1 : 0)
  }
})

t.test('errors are told by their code, and what had no answer as aborted', async (t) => {
  const { statistics, end } = statisticsAt(NOW)
  end({ status: 404, code: 'not_found' })
  end({ status: 404, code: 'not_found' })
  end({ status: 429, code: 'rate_limited' })
  end({ status: null })
  end({ status: 500 })
  statistics.noteRefusal('invalid_input')
  t.strictSame(statistics.figures.errors, {
    not_found: 2,
    rate_limited: 1,
    aborted: 1,
    invalid_input: 1,
  })
  t.match(statistics.figures.requests, { total: 6, failed: 5, rateLimited: 1 })
})

t.test('each tier is a hit, a stale answer or a miss', async (t) => {
  const { statistics, end } = statisticsAt(NOW)
  end({ served: 'live' })
  end({ served: 'live', status: 304 })
  end({ served: 'simulated' })
  end({ served: 'replay' })
  end({ served: 'lastKnownGood' })
  end({ served: 'unavailable', status: 503 })
  end()
  t.strictSame(statistics.figures.cache, { hits: 4, staleServed: 1, misses: 1, hitRatio: 4 / 6 })
  t.strictSame(statistics.served, {
    live: 2,
    simulated: 1,
    replay: 1,
    lastKnownGood: 1,
    unavailable: 1,
  })
})

t.test('routes are told by themselves, the busiest first, with their mean duration', async (t) => {
  const { statistics, end } = statisticsAt(NOW)
  end({ route: 'GET /a', durationMs: 3 })
  end({ route: 'GET /b', durationMs: 10 })
  end({ route: 'GET /b', durationMs: 20, status: 503 })
  end({ route: 'GET /b', durationMs: 60, status: 429 })
  statistics.noteRefusal('invalid_input')
  t.strictSame(statistics.byRoute, [
    { route: 'GET /b', total: 3, failed: 1, meanMs: 30 },
    { route: 'GET /a', total: 1, failed: 0, meanMs: 3 },
  ])
})

t.test('calls are counted by whether they were of use', async (t) => {
  const { statistics } = statisticsAt(NOW)
  const outcomes = ['ok', 'timeout', 'ok', 'noCoverage', 'throttled'] as const
  for (const [at, outcome] of outcomes.entries())
    statistics.noteCall({ outcome, durationMs: (at + 1) * 10 })
  t.strictSame(statistics.figures.upstream, { calls: 5, failures: 3 })
  t.strictSame(statistics.latencyMs, { p50: 30, p95: 50 })
})

t.test('percentiles are exact, and of the last thousand calls alone', async (t) => {
  const { statistics } = statisticsAt(NOW)
  const call = (durationMs: number) => statistics.noteCall({ outcome: 'ok', durationMs })
  call(70)
  t.strictSame(statistics.latencyMs, { p50: 70, p95: 70 })
  call(30)
  t.strictSame(statistics.latencyMs, { p50: 30, p95: 70 })
  // 1 to 1000 in a wild order, each once, which push the first two out.
  for (let at = 0; at < 1000; at += 1) call(1 + ((at * 389) % 1000))
  t.strictSame(statistics.latencyMs, { p50: 500, p95: 950 })
  for (let at = 0; at < 500; at += 1) call(5000)
  t.equal(statistics.latencyMs.p95, 5000)
  for (let at = 0; at < 1000; at += 1) call(2)
  t.strictSame(statistics.latencyMs, { p50: 2, p95: 2 })
})

t.test('a percentile is the nearest rank', async (t) => {
  const values = new LastValues(20)
  t.equal(values.percentile(0.5), null)
  for (let value = 20; value > 0; value -= 1) values.add(value)
  t.strictSame(
    [0.01, 0.05, 0.051, 0.5, 0.95, 0.951, 1].map((share) => values.percentile(share)),
    [1, 1, 2, 10, 19, 20, 20],
  )
  values.add(100)
  t.strictSame([values.percentile(0.95), values.percentile(1)], [19, 100], 'in place of 20')
})

t.test('each count belongs to the day on which it was counted, in UTC', async (t) => {
  const { clock, statistics, end } = statisticsAt(NOW)
  end()
  clock.nowMs = TODAY + DAY_MS - 1
  end()
  end({ status: 404, code: 'not_found' })
  clock.nowMs = TODAY + DAY_MS
  end()
  statistics.noteCall({ outcome: 'ok', durationMs: 1 })
  // A clock that is set back: the day before goes on.
  clock.nowMs = TODAY
  end({ served: 'live' })
  t.strictSame(statistics.unkept.take(), [
    { dayMs: TODAY, name: 'cache.hit', count: 1 },
    { dayMs: TODAY, name: 'errors.not_found', count: 1 },
    { dayMs: TODAY, name: 'requests.failed', count: 1 },
    { dayMs: TODAY, name: 'requests.successful', count: 3 },
    { dayMs: TODAY + DAY_MS, name: 'requests.successful', count: 1 },
    { dayMs: TODAY + DAY_MS, name: 'upstream.ok', count: 1 },
  ])
  t.strictSame(statistics.unkept.take(), [], 'each is taken once')
  end()
  t.strictSame(statistics.unkept.take(), [{ dayMs: TODAY, name: 'requests.successful', count: 1 }])
  t.equal(statistics.totalRequests, 6, 'the life of the process goes on')
})

t.test('counts that another version kept are left out, but its errors are told', async (t) => {
  const kept = new Map([
    ['requests.successful', 3],
    ['requests.teleported', 5],
    ['errors.out_of_tea', 2],
  ])
  const { requests, errors } = figuresOf(kept)
  t.strictSame([requests.total, errors], [3, { out_of_tea: 2 }])
})
