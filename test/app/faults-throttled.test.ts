import t from 'tap'
import type { Answer } from '../helpers/stand-in.ts'
import { HERE_72, liveApp, PATH, POLL_MS } from './fixtures/live-app.ts'

const MINUTE = 60_000
const YEARS = 10 * 365 * 24 * 3600

const wait =
  (retryAfter: () => string, status = 429): Answer =>
  (response) =>
    response.writeHead(status, { 'retry-after': retryAfter() }).end()
const dateIn = (ms: number) => () => new Date(Date.now() + ms).toUTCString()

/** What it asks for, and for how many minutes it is then left alone. */
const WAITS: readonly (readonly [string, Answer, number])[] = [
  ['ten minutes', wait(() => '600'), 10],
  ['ten minutes, as a date', wait(dateIn(10 * MINUTE)), 10],
  ['ten minutes, while it is broken', wait(() => '600', 503), 10],
  ['ten years', wait(() => String(YEARS)), 15],
  ['ten years, as a date', wait(dateIn(YEARS * 1000)), 15],
]

for (const [asked, answer, minutes] of WAITS)
  t.test(`a provider that asks for ${asked} is left alone for ${minutes} minutes`, async (t) => {
    const app = await liveApp(t)
    const before = await app.snapshot()
    app.here.answer = answer
    await app.clock.advance(POLL_MS)
    const pausedAtMs = app.clock.now()
    t.match(app.attempt(), { outcome: /throttled|serverError/, detail: /status (429|503)/ })
    t.equal(app.here.requests.length, 2, 'it is not retried')
    app.here.answer = HERE_72
    t.equal(app.storage.state.nextPollAtMs, pausedAtMs + minutes * MINUTE)
    for (let minute = 5; minute < minutes; minute += 5) {
      await app.clock.advance(POLL_MS)
      const { snapshot, directions, quality } = await app.snapshot()
      t.match(snapshot, { id: before.snapshot.id, tier: 'lastKnownGood', freshness: 'stale' })
      t.strictSame(directions, before.directions)
      t.match(quality.warnings, [{ reason: /throttled|serverError/, detail: /status (429|503)/ }])
      t.match((await app.health()).checks.provider, { status: 'error', reachable: true })
    }
    t.equal(app.here.requests.length, 2)
    t.equal(await app.counted('here'), 2, 'what is not sent is not counted')
    await app.clock.advance(POLL_MS)
    t.equal(app.here.requests.length, 3)
    t.match(await app.snapshot(), {
      snapshot: { tier: 'live', freshness: 'fresh' },
      directions: [{ speedKmh: 72 }, { speedKmh: 72 }],
    })
  })

t.test('a long wait before any good answer: readers are told that there is none', async (t) => {
  const app = await liveApp(t, { here: wait(() => '600') })
  const toldSo = async (): Promise<void> => {
    const response = await app.server.inject(PATH)
    t.equal(response.headers['retry-after'], '60')
    t.match(response.json(), { status: 503, code: 'source_unavailable', retryAfterSeconds: 60 })
    t.equal(app.here.requests.length, 1)
  }
  await toldSo()
  await app.clock.advance(POLL_MS)
  await toldSo()
  t.equal((await app.health()).status, 'unhealthy')
  app.here.answer = HERE_72
  await app.clock.advance(POLL_MS)
  t.match((await app.snapshot()).snapshot, { tier: 'live' })
})

/** Waits that are past, or that say nothing, and how often it is then asked. */
for (const [asked, retryAfter] of [
  ['a date that is past', dateIn(-MINUTE)],
  ['words', () => 'soon'],
  ['nothing', () => ''],
] as const)
  t.test(`a provider that asks to wait with ${asked} is retried as without`, async (t) => {
    const app = await liveApp(t, { here: wait(retryAfter) })
    t.equal(app.attempt()?.outcome, 'throttled')
    t.equal(app.here.requests.length, 4)
    t.equal(await app.counted('here'), 4)
    app.here.answer = HERE_72
    await app.clock.advance(POLL_MS)
    t.match((await app.snapshot()).snapshot, { tier: 'live' })
  })
