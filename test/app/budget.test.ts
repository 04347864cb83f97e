import t, { type Test } from 'tap'
import { windowsAt } from '../../src/providers/upstream/quota-windows.ts'
import { buildApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { newFolder, onBothEngines } from '../helpers/databases.ts'
import { fragile } from '../helpers/outage.ts'
import { HERE_36, HERE_72, liveApp, NO_LIMITS, PATH, POLL_MS } from './fixtures/live-app.ts'

const MINUTE = 60_000

/** A folder in which the budget of the hour is spent and nothing was ever observed. */
async function spentBefore(t: Test, hour: number): Promise<string> {
  const dir = newFolder(t)
  const earlier = await buildApp(t, { config: { DATA_DIR: dir } })
  const windows = windowsAt(WEDNESDAY_8H, { ...NO_LIMITS, hour })
  while ((await earlier.storage.shared.countCall('here', windows)).granted);
  await earlier.server.close()
  return dir
}

t.test('a service that starts with a spent budget asks nobody, and says until when', async (t) => {
  const DATA_DIR = await spentBefore(t, 5)
  const app = await liveApp(t, { config: { DATA_DIR }, limits: { here: { hour: 5 } } })
  t.match(app.attempt(), {
    outcome: 'quotaSpent',
    detail: 'the budget of 5 calls for this hour is spent until 2026-11-18T07:00:00.000Z',
  })
  const response = await app.server.inject(PATH)
  t.equal(response.statusCode, 503)
  t.match(response.json(), {
    code: 'quota_exceeded',
    detail: /spent until 2026-11-18T07:00/,
    retryAfterSeconds: 3600,
  })
  t.equal(response.headers['retry-after'], '3600')
  t.match(await app.health(), {
    status: 'unhealthy',
    checks: { provider: { status: 'error', lastOutcome: 'quotaSpent' } },
  })
  for (let minute = 1; minute < 60; minute += 1) await app.clock.advance(MINUTE)
  t.equal(app.here.requests.length, 0)
  t.equal(await app.counted('here'), 5, 'what is refused is not counted')
  await app.clock.advance(MINUTE)
  t.equal(app.here.requests.length, 1, 'when the hour turns it is asked, without a restart')
  t.equal(await app.counted('here'), 1)
  t.match((await app.snapshot()).snapshot, { tier: 'live', freshness: 'fresh' })
})

t.test('a budget that is spent in mid-service: stale, too old, and live again', async (t) => {
  const config = { MAX_STALE_SECONDS: 1800 }
  const app = await liveApp(t, { config, limits: { here: { hour: 1 } } })
  const before = await app.snapshot()
  app.here.answer = HERE_72
  await app.clock.advance(10 * MINUTE)
  t.match((await app.snapshot()).snapshot, { tier: 'live', freshness: 'fresh', ageSeconds: 600 })
  await app.clock.advance(20 * MINUTE)
  const old = await app.snapshot()
  t.match(old.snapshot, { id: before.snapshot.id, tier: 'lastKnownGood', freshness: 'stale' })
  t.strictSame(old.directions, before.directions)
  await app.clock.advance(1000)
  const response = await app.server.inject(PATH)
  t.match(response.json(), { status: 503, code: 'quota_exceeded', detail: /1801 seconds old/ })
  t.equal(response.headers['retry-after'], String(30 * 60 - 1), 'when the hour turns')
  t.equal(app.here.requests.length, 1)
  await app.clock.advance(30 * MINUTE - 1000)
  t.equal(app.here.requests.length, 2)
  t.match(await app.snapshot(), {
    snapshot: { tier: 'live', freshness: 'fresh' },
    directions: [{ speedKmh: 72 }, { speedKmh: 72 }],
  })
})

t.test('a budget that others spent: the refusal is told, and then too old', async (t) => {
  const config = { MAX_STALE_SECONDS: 1800 }
  const app = await liveApp(t, { config, limits: { here: { hour: 100 } } })
  const windows = windowsAt(app.clock.now(), { ...NO_LIMITS, hour: 100 })
  while ((await app.storage.shared.countCall('here', windows)).granted);
  await app.clock.advance(POLL_MS)
  t.match(await app.snapshot(), {
    snapshot: { tier: 'lastKnownGood', freshness: 'stale' },
    quality: { warnings: [{ reason: 'quotaSpent', detail: /budget of 100 calls/ }] },
  })
  for (let polls = 0; polls < 6; polls += 1) await app.clock.advance(POLL_MS)
  const response = await app.server.inject(PATH)
  t.match(response.json(), { status: 503, code: 'quota_exceeded', retryAfterSeconds: 1500 })
  t.equal(app.here.requests.length, 1)
})

/** When it is asked the next time: an open breaker lets a trial through then. */
for (const [what, fault, retryAfter] of [
  ['is broken', { status: 503 }, '180'],
  ['refuses the key', { status: 401 }, '240'],
  ['has no data', { body: '{"results":[]}' }, '240'],
] as const)
  t.test(`where the provider ${what}, what gets too old is stale data`, async (t) => {
    const app = await liveApp(t, { config: { MAX_STALE_SECONDS: 1800 } })
    app.here.answer = fault
    for (let polls = 0; polls < 6; polls += 1) await app.clock.advance(POLL_MS)
    t.match((await app.snapshot()).snapshot, { ageSeconds: 1800, tier: 'lastKnownGood' })
    await app.clock.advance(MINUTE)
    const response = await app.server.inject(PATH)
    t.match(response.json(), { status: 503, code: 'stale_data', detail: /1860 seconds old/ })
    t.equal(response.headers['retry-after'], retryAfter)
    t.equal((await app.health()).status, 'unhealthy')
  })

t.test('each share of a budget that is spent is told once', async (t) => {
  const app = await liveApp(t, { limits: { here: { hour: 10, day: 1000 } } })
  for (let minute = 1; minute < 60; minute += 1) await app.clock.advance(MINUTE)
  t.equal(app.here.requests.length, 10)
  const told = () => app.lines.filter(({ msg }) => /% of the budget/.test(String(msg)))
  t.match(told(), [
    { level: 40, provider: 'here', msg: '80 % of the budget is spent', period: 'hour', used: 8 },
    { level: 40, provider: 'here', msg: '90 % of the budget is spent', limit: 10, used: 9 },
  ])
  t.equal(told().length, 2)
  for (let minute = 0; minute < 60; minute += 1) await app.clock.advance(MINUTE)
  t.equal(told().length, 4, 'and again in the next hour')
})

await onBothEngines(t, async (t, engine) => {
  await t.test('while the calls cannot be counted none is made', async (t) => {
    const { place, fault, goAway, comeBack } = await fragile(t, engine)
    const app = await liveApp(t, { place })
    const before = await app.snapshot()
    app.here.answer = HERE_72
    await goAway(app.storage.connection)
    for (const polls of [1, 2]) {
      await app.clock.advance(POLL_MS)
      t.match(app.attempt(), { outcome: 'quotaSpent', detail: /^the budget cannot be counted: / })
      t.match(app.attempt()?.detail.replace(/^.*counted: /, ''), fault)
      t.equal(app.here.requests.length, 1, `after ${polls} polls`)
    }
    const { snapshot, directions, quality } = await app.snapshot()
    t.match(snapshot, { id: before.snapshot.id, tier: 'lastKnownGood', freshness: 'stale' })
    t.strictSame(directions, before.directions)
    t.match(quality.warnings, [{ reason: 'quotaSpent', detail: /cannot be counted/ }])
    t.match((await app.health()).checks, {
      provider: { status: 'error', lastOutcome: 'quotaSpent', reachable: true },
      database: { status: 'error' },
    })
    await comeBack(app.storage.connection)
    await app.clock.advance(POLL_MS)
    t.equal(app.here.requests.length, 2)
    t.equal(await app.counted('here'), 2)
    t.match(await app.snapshot(), {
      snapshot: { tier: 'live', freshness: 'fresh' },
      directions: [{ speedKmh: 72 }, { speedKmh: 72 }],
    })
  })

  await t.test(
    'a service whose calls can never be counted serves nothing of its own',
    async (t) => {
      const { place, goAway } = await fragile(t, engine)
      await goAway({ close: async () => {} })
      const app = await liveApp(t, { place, here: HERE_36 })
      await app.clock.advance(POLL_MS)
      t.equal(app.here.requests.length, 0)
      t.match((await app.server.inject(PATH)).json(), {
        status: 503,
        code: 'quota_exceeded',
        detail: /cannot be counted/,
      })
    },
  )
})
