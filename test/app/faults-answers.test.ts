import t from 'tap'
import { standIn } from '../helpers/stand-in.ts'
import { EMPTY, type Fault, NO_DATA, SOURCE, testFaults } from './fixtures/fault-row.ts'
import { HERE_36, hereBody, liveApp, POLL_MS } from './fixtures/live-app.ts'

const answers = { calls: 1, reachable: true } as const
const shape = { ...answers, outcome: 'badAnswer', cold: SOURCE, words: /wrong shape/ } as const
const implausible = {
  ...answers,
  outcome: 'badAnswer',
  cold: EMPTY,
  words: /implausible 8/,
} as const
const elsewhere = { ...answers, outcome: 'noCoverage', cold: EMPTY } as const

const FAULTS: readonly Fault[] = [
  {
    ...answers,
    what: 'no results',
    answer: { body: '{"results":[]}' },
    outcome: 'noCoverage',
    words: /no data for this corridor/,
    cold: NO_DATA,
  },
  {
    ...elsewhere,
    what: 'another road',
    answer: {
      body: hereBody({}, {}, (points) => points.map((at) => ({ ...at, lng: at.lng + 0.1 }))),
    },
    words: /wrongRoad 8/,
  },
  {
    ...elsewhere,
    what: 'the opposite carriageway',
    answer: { body: hereBody({}, {}, (points) => points.toReversed()) },
    words: /oppositeCarriageway 8/,
  },
  {
    ...answers,
    what: 'guesses',
    answer: { body: hereBody({ confidence: 0.7 }) },
    outcome: 'lowConfidence',
    words: /lowConfidence 8/,
    cold: EMPTY,
  },
  { ...implausible, what: 'speeds of 0', answer: { body: hereBody({ speed: 0 }) } },
  { ...implausible, what: 'negative speeds', answer: { body: hereBody({ speed: -3 }) } },
  { ...implausible, what: 'absurd speeds', answer: { body: hereBody({ speed: 90 }) } },
  { ...shape, what: 'speeds of null', answer: { body: hereBody({ speed: null }) } },
  { ...shape, what: 'speeds in words', answer: { body: hereBody({ speed: '10' }) } },
  { ...shape, what: 'results of another shape', answer: { body: '{"results":[{"a":1}]}' } },
  {
    ...shape,
    what: 'speeds of NaN',
    answer: { body: hereBody({ speed: 7 }).replaceAll('"speed":7', '"speed":NaN') },
    words: /not JSON/,
  },
]

testFaults(FAULTS)

/** HERE's answer with a time of its own, ms before now. */
const saidAgo = (agoMs: number, speed: number) => ({
  body: hereBody({ speed }, { sourceUpdated: new Date(Date.now() - agoMs).toISOString() }),
})

t.test('an observation older than the last is refused, and the last stays', async (t) => {
  const app = await liveApp(t)
  app.here.answer = saidAgo(-POLL_MS + 60_000, 10)
  await app.clock.advance(POLL_MS)
  const before = await app.snapshot()
  t.match(before.snapshot, { tier: 'live', ageSeconds: 60 })
  app.here.answer = saidAgo(-POLL_MS + 7 * 60_000, 20)
  await app.clock.advance(POLL_MS)
  t.match(app.attempt(), { outcome: 'badAnswer', detail: /older than the current snapshot/ })
  const after = await app.snapshot()
  t.match(after.snapshot, { id: before.snapshot.id, tier: 'lastKnownGood', freshness: 'stale' })
  t.strictSame(after.directions, before.directions)
  t.equal(app.here.requests.length, 3)
  t.equal(await app.counted('here'), 3)
  app.here.answer = saidAgo(-POLL_MS, 20)
  await app.clock.advance(POLL_MS)
  t.match(await app.snapshot(), { snapshot: { tier: 'live' }, directions: [{ speedKmh: 72 }, {}] })
})

t.test('a provider whose clock is three hours ahead is believed but for its time', async (t) => {
  const app = await liveApp(t)
  app.here.answer = saidAgo(-POLL_MS - 3 * 3_600_000, 20)
  await app.clock.advance(POLL_MS)
  t.match(app.attempt(), { outcome: 'ok', detail: '' })
  const { snapshot, quality, directions } = await app.snapshot()
  t.match(snapshot, { tier: 'live', freshness: 'fresh', ageSeconds: 0 })
  t.equal(snapshot.observedAt, snapshot.fetchedAt)
  t.match(quality.warnings, [{ reason: 'providerClockAhead', detail: /in the future/ }])
  t.match(directions, [{ speedKmh: 72 }, { speedKmh: 72 }])
  t.equal((await app.health()).checks.provider.status, 'ok')
  app.here.answer = saidAgo(-POLL_MS + 60_000, 10)
  await app.clock.advance(POLL_MS)
  t.match(await app.snapshot(), {
    snapshot: { tier: 'live', ageSeconds: 60 },
    quality: { warnings: [] },
  })
})

for (const status of [301, 302, 307, 308])
  t.test(
    `a redirect by ${status} is not followed, so that the key goes nowhere else`,
    async (t) => {
      const elsewhere = await standIn(t, HERE_36)
      const location = new URL('v7/flow?apiKey=a-key', elsewhere.baseUrl).href
      const app = await liveApp(t)
      app.here.answer = { status, headers: { location }, body: hereBody() }
      await app.clock.advance(POLL_MS)
      t.match(app.attempt(), { outcome: 'badAnswer', detail: new RegExp(`status ${status}`) })
      t.match(await app.snapshot(), { snapshot: { tier: 'lastKnownGood', freshness: 'stale' } })
      t.equal(app.here.requests.length, 2)
      t.equal(await app.counted('here'), 2)
      t.equal(elsewhere.requests.length, 0)
    },
  )
