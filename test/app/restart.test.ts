import t, { type Test } from 'tap'
import type { Corridor } from '../../src/corridors/corridor.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { MILL_ROAD, oneWay, section } from '../corridors/fixtures/straight-road.ts'
import { buildApp, type TestApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { newFolder } from '../helpers/databases.ts'
import { answerOf, failing, scripted, type Turn } from '../helpers/providers.ts'
import {
  faultsOf,
  healthOf,
  heldFor,
  historyOf,
  measuredHours,
  POLL_MS,
  poll,
  rounded,
  SNAPSHOT,
  silent,
  snapshotOf,
  sumOf,
} from './fixtures/memory.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Local midnight, the beginning of the Thursday. */
const MIDNIGHT = Date.parse('2026-11-18T22:00:00Z')

interface Run {
  readonly nowMs: number
  /** Without any, the provider never answers. */
  readonly turns?: readonly [Turn, ...Turn[]]
  readonly provider?: 'here' | 'tomtom' | 'simulated'
  /** Asked second, and never answers. */
  readonly second?: 'tomtom'
  readonly corridor?: Corridor
}

/** Starts one app after the other in the same data folder; the caller closes them. */
function inOneFolder(t: Test): (run: Run) => Promise<TestApp> {
  const config = { DATA_DIR: newFolder(t) }
  return ({ nowMs, turns, provider = 'here', second, corridor = MILL_ROAD }) => {
    const first = turns === undefined ? silent(provider) : scripted(provider, ...turns)
    const more = second === undefined ? [] : [silent(second)]
    return buildApp(t, {
      corridors: [corridor],
      providers: [first, ...more],
      config,
      nowMs,
      starting: turns === undefined,
    })
  }
}

const at =
  (speedKmh: number): Turn =>
  (corridor) =>
    answerOf(corridor, speedKmh)

/** A run that polls so many times after its first refresh, and ends. */
async function ranBefore(
  start: (run: Run) => Promise<TestApp>,
  polls: number,
  run: Partial<Run> = {},
) {
  const app = await start({ nowMs: WEDNESDAY_8H, turns: [at(30)], ...run })
  await poll(app, polls)
  const view = await snapshotOf(app)
  await app.server.close()
  return view
}

t.test('after a start the last snapshot is served before the first answer', async (t) => {
  const start = inOneFolder(t)
  const before = await ranBefore(start, 2)
  const app = await start({ nowMs: WEDNESDAY_8H + 2 * POLL_MS + 2 * MINUTE })
  const after = await snapshotOf(app)
  t.strictSame(after.snapshot, { ...before.snapshot, ageSeconds: 120 }, 'with its true age')
  t.match(after.snapshot, { tier: 'live', freshness: 'fresh', provider: 'here' })
  t.strictSame({ ...after, snapshot: null }, { ...before, snapshot: null }, 'and all its numbers')
  t.equal((await app.server.inject('/health/ready')).statusCode, 200)
  t.match((await healthOf(app)).checks, {
    provider: { status: 'ok', lastOutcome: 'ok' },
    dataFreshness: { status: 'ok', ageSeconds: 120 },
  })
  for (const path of ['/v1/traffic', `${SNAPSHOT}/geojson`])
    t.equal((await app.server.inject(path)).statusCode, 200, path)
})

t.test('the longer it was down, the less is claimed of the last snapshot', async (t) => {
  const start = inOneFolder(t)
  const before = await ranBefore(start, 0)
  for (const [seconds, freshness, tier] of [
    [600, 'fresh', 'live'],
    [601, 'stale', 'lastKnownGood'],
    [7200, 'stale', 'lastKnownGood'],
  ] as const) {
    const app = await start({ nowMs: WEDNESDAY_8H + seconds * 1000 })
    const after = await snapshotOf(app)
    t.match(after.snapshot, { freshness, tier, ageSeconds: seconds, id: before.snapshot.id })
    t.strictSame(after.rates, before.rates)
    t.equal(after.quality.warnings.length, freshness === 'stale' ? 1 : 0)
    await app.server.close()
  }
  const app = await start({ nowMs: WEDNESDAY_8H + 7201 * 1000 })
  const expired = await app.server.inject(SNAPSHOT)
  t.match(expired.json(), { status: 503, code: 'stale_data', detail: /7201 seconds old/ })
  t.ok(expired.headers['retry-after'])
  t.equal((await app.server.inject('/health/ready')).statusCode, 503)
})

t.test('an invented snapshot is labelled as one after a start too', async (t) => {
  const start = inOneFolder(t)
  await ranBefore(start, 0, { provider: 'simulated' })
  const app = await start({ nowMs: WEDNESDAY_8H + HOUR, provider: 'simulated' })
  t.match((await snapshotOf(app)).snapshot, { tier: 'simulated', freshness: 'stale' })
})

t.test('a failure before the stop is still told after the start', async (t) => {
  const start = inOneFolder(t)
  const down = failing(new ProviderFailure('serverError', 'status 500'))
  await ranBefore(start, 1, { turns: [at(30), down] })
  const app = await start({ nowMs: WEDNESDAY_8H + POLL_MS + MINUTE })
  const { snapshot, quality } = await snapshotOf(app)
  t.match(snapshot, { tier: 'lastKnownGood', freshness: 'stale', ageSeconds: 360 })
  t.match(quality.warnings, [{ reason: 'serverError', detail: /status 500/ }])
})

t.test('a stop in mid-call is no failure of the provider', async (t) => {
  const start = inOneFolder(t)
  const asked = Promise.withResolvers<void>()
  const hanging: Turn = (_corridor, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      asked.resolve()
    })
  const before = await start({ nowMs: WEDNESDAY_8H, turns: [at(30), hanging] })
  before.clock.move(POLL_MS)
  await asked.promise
  await before.server.close()
  const app = await start({ nowMs: WEDNESDAY_8H + POLL_MS + MINUTE })
  const { snapshot, quality } = await snapshotOf(app)
  t.match(snapshot, { tier: 'live', freshness: 'fresh', ageSeconds: 360 })
  t.strictSame(quality.warnings, [])
  t.strictSame(await faultsOf(app), [])
})

t.test("a restart in the middle changes none of today's totals", async (t) => {
  const turn: Turn = (corridor, { atMs }) => answerOf(corridor, 20 + ((atMs / POLL_MS) % 5) * 7)
  const through = await inOneFolder(t)({ nowMs: WEDNESDAY_8H, turns: [turn] })
  await poll(through, 9)
  const start = inOneFolder(t)
  await ranBefore(start, 4, { turns: [turn] })
  const app = await start({ nowMs: WEDNESDAY_8H + 5 * POLL_MS, turns: [turn] })
  await poll(app, 4)
  const [once, twice] = [await snapshotOf(through), await snapshotOf(app)]
  t.strictSame(twice, once, 'the snapshot is the same, with all that it sums up')
  t.equal(measuredHours(twice.today).toFixed(4), (45 / 60).toFixed(4))
  const query = { from: '2026-11-18', interval: '5m', by: 'section', limit: '1000' }
  t.strictSame(await historyOf(app, query), await historyOf(through, query), 'and the history too')
})

t.test('a downtime longer than an answer holds is a gap in the totals of today', async (t) => {
  const start = inOneFolder(t)
  await ranBefore(start, 3)
  // The last answer, after a quarter of an hour, holds for ten minutes; then nothing for 35.
  const app = await start({ nowMs: WEDNESDAY_8H + HOUR, turns: [at(30)] })
  await poll(app, 3)
  const { today, rates } = await snapshotOf(app)
  const hours = (15 + 10 + 15) / 60
  t.equal(measuredHours(today).toFixed(4), hours.toFixed(4))
  t.strictSame(rounded(sumOf([today])), rounded(heldFor(hours, rates)))
})

t.test('a new limit or name keeps the last snapshot, and counts from then on', async (t) => {
  const start = inOneFolder(t)
  const before = await ranBefore(start, 0)
  const corridor = { ...MILL_ROAD, name: 'The Mill Road', postedLimitKmh: 80 }
  const app = await start({ nowMs: WEDNESDAY_8H + MINUTE, corridor })
  const after = await snapshotOf(app)
  t.equal(after.snapshot.id, before.snapshot.id)
  t.equal(after.directions[0]?.sections[0]?.referenceKmh, 80)
})

t.test('a snapshot of a road that is cut otherwise now does not come back', async (t) => {
  const start = inOneFolder(t)
  await ranBefore(start, 6)
  const changed = oneWay([section('north-1', 0, 4000)])
  const nowMs = WEDNESDAY_8H + 7 * POLL_MS
  const app = await start({ nowMs, corridor: changed })
  t.match((await app.server.inject(SNAPSHOT)).json(), { status: 503, code: 'source_unavailable' })
  t.equal((await app.server.inject('/health/ready')).statusCode, 503)
  await app.server.close()
  const polled = await start({ nowMs, corridor: changed, turns: [at(30)] })
  const { today } = await snapshotOf(polled)
  t.equal(measuredHours(today).toFixed(4), (35 / 60).toFixed(4), 'its day does: it was measured')
})

t.test('only a snapshot of a provider that is configured comes back', async (t) => {
  const start = inOneFolder(t)
  await ranBefore(start, 0)
  const nowMs = WEDNESDAY_8H + MINUTE
  for (const provider of ['tomtom', 'simulated'] as const) {
    const app = await start({ nowMs, provider })
    t.match((await app.server.inject(SNAPSHOT)).json(), { status: 503 }, provider)
    await app.server.close()
  }
  const app = await start({ nowMs, second: 'tomtom' })
  t.match((await snapshotOf(app)).snapshot, { provider: 'here', ageSeconds: 60 })
})

t.test('an answer older than the snapshot that came back does not replace it', async (t) => {
  const start = inOneFolder(t)
  const before = await ranBefore(start, 0)
  const older: Turn = (corridor) => answerOf(corridor, 80, WEDNESDAY_8H - 1)
  const app = await start({ nowMs: WEDNESDAY_8H + MINUTE, turns: [older] })
  const { snapshot, rates, quality } = await snapshotOf(app)
  t.match(snapshot, { id: before.snapshot.id, tier: 'lastKnownGood' })
  t.match(quality.warnings, [{ reason: 'badAnswer', detail: /older/ }])
  t.strictSame(rates, before.rates)
})

t.test("the chosen reference and model apply to today's totals too", async (t) => {
  const start = inOneFolder(t)
  await ranBefore(start, 6)
  const app = await start({ nowMs: WEDNESDAY_8H + 7 * POLL_MS, turns: [at(30)] })
  const sums = new Set<string>()
  for (const query of ['', '?reference=phed', '?reference=60', '?model=ayalon-1.0-freeze']) {
    const { today, rates } = await snapshotOf(app, query)
    t.strictSame(rounded(sumOf([today])), rounded(heldFor(35 / 60, rates)), query)
    t.equal(measuredHours(today).toFixed(4), (35 / 60).toFixed(4))
    sums.add(rounded(sumOf([today])).join())
  }
  t.equal(sums.size, 4, 'and each gives a sum of its own')
})

t.test('a new day begins at local midnight', async (t) => {
  const app = await inOneFolder(t)({ nowMs: MIDNIGHT - 2 * POLL_MS, turns: [at(30)] })
  await poll(app, 1)
  const yesterday = await snapshotOf(app)
  t.match(yesterday.today, {
    from: '2026-11-17T22:00:00.000Z',
    to: '2026-11-18T21:55:00.000Z',
  })
  t.strictSame(rounded(sumOf([yesterday.today])), rounded(heldFor(5 / 60, yesterday.rates)))
  await poll(app, 1)
  const { today: nothing } = await snapshotOf(app)
  t.match(nothing, {
    from: '2026-11-18T22:00:00.000Z',
    to: '2026-11-18T22:00:00.000Z',
    coverage: 0,
    delay: null,
    timeCost: null,
  })
  await poll(app, 1)
  const { today, rates } = await snapshotOf(app)
  t.match(today, { from: '2026-11-18T22:00:00.000Z', to: '2026-11-18T22:05:00.000Z', coverage: 1 })
  t.strictSame(rounded(sumOf([today])), rounded(heldFor(5 / 60, rates)))
})

t.test('what was observed shortly before midnight holds into the new day', async (t) => {
  const start = inOneFolder(t)
  const lagging: Turn = (corridor, { atMs }) => answerOf(corridor, 30, atMs - 2 * MINUTE)
  // Observed at 23:57; the next was observed at 00:02.
  const nowMs = MIDNIGHT - MINUTE
  await ranBefore(start, 0, { nowMs, turns: [lagging] })
  const app = await start({ nowMs: MIDNIGHT + 4 * MINUTE, turns: [lagging] })
  const { today, rates } = await snapshotOf(app)
  t.match(today, { from: '2026-11-18T22:00:00.000Z', coverage: 1 })
  t.strictSame(rounded(sumOf([today])), rounded(heldFor(4 / 60, rates)), 'after a restart too')
})

t.test('the day of a snapshot from before midnight is whole after a start', async (t) => {
  const start = inOneFolder(t)
  const before = await ranBefore(start, 12, { nowMs: MIDNIGHT - 13 * POLL_MS })
  t.equal(measuredHours(before.today).toFixed(4), '1.0000')
  const app = await start({ nowMs: MIDNIGHT + MINUTE })
  t.strictSame((await snapshotOf(app)).today, before.today)
})
