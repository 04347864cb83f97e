import t from 'tap'
import { upstreamSchema } from '../../src/modules/upstream/schemas.ts'
import { windowsAt } from '../../src/providers/upstream/quota-windows.ts'
import { Secret } from '../../src/secret.ts'
import { reset, silence } from '../helpers/stand-in.ts'
import {
  HERE_36,
  HERE_72,
  hereBody,
  type LiveApp,
  liveApp,
  NO_LIMITS,
  PATH,
  POLL_MS,
  tomtomAt,
} from './fixtures/live-app.ts'

const names = ['here', 'tomtom'] as const
const BROKEN = { status: 503 }
/** An admin's key, and a list of keys with it. */
const ADMIN = 'admin-secret-0123456789'
const API_KEYS = Secret.of(`tests:admin:${ADMIN}`)

const calls = ({ here, tomtom }: LiveApp): { here: number; tomtom: number } => ({
  here: here.requests.length,
  tomtom: tomtom.requests.length,
})

/** How many calls a poll makes. */
async function poll(app: LiveApp): Promise<{ here: number; tomtom: number }> {
  const before = calls(app)
  await app.clock.advance(POLL_MS)
  const after = calls(app)
  return { here: after.here - before.here, tomtom: after.tomtom - before.tomtom }
}

/** What is left of a budget is spent by calls of other processes. */
async function spend(app: LiveApp, provider: 'here' | 'tomtom', hour: number): Promise<void> {
  const windows = windowsAt(app.clock.now(), { ...NO_LIMITS, hour })
  while ((await app.storage.shared.countCall(provider, windows)).granted);
}

for (const [what, here, outcome, words, sent] of [
  ['is broken', BROKEN, 'serverError', /provider here was of no use: .*status 503/, 4],
  ['refuses the key', { status: 401 }, 'unauthorized', /here was of no use: .*401/, 1],
  ['cannot be reached', reset, 'unreachable', /here was of no use: .*broke off/, 4],
  ['speaks HTML', { body: '<html>' }, 'badAnswer', /here was of no use: .*HTML/, 1],
  ['has no data', { body: '{"results":[]}' }, 'noCoverage', /here was of no use: .*no data/, 1],
  ['guesses', { body: hereBody({ confidence: 0.5 }) }, 'lowConfidence', /measures no section/, 1],
] as const)
  t.test(
    `where the first provider ${what}, the second serves and a warning says why`,
    async (t) => {
      const app = await liveApp(t, { names, here })
      t.strictSame(calls(app), { here: sent, tomtom: 8 }, 'within one tick')
      t.match(app.attempt(), { provider: 'tomtom', outcome: 'ok' })
      const { snapshot, coverage, quality } = await app.snapshot()
      t.match(snapshot, { provider: 'tomtom', tier: 'live', freshness: 'fresh' })
      t.equal(coverage, 1)
      t.match(quality.warnings, [{ reason: outcome, detail: words }])
      t.equal(quality.warnings.length, 1)
      t.equal(await app.counted('here'), sent)
      t.equal(await app.counted('tomtom'), 8)
      t.match((await app.health()).checks.provider, { provider: 'tomtom', status: 'ok' })
    },
  )

t.test('when the first provider recovers, it serves again and the second rests', async (t) => {
  const app = await liveApp(t, { names, here: BROKEN })
  app.here.answer = HERE_72
  t.strictSame(await poll(app), { here: 1, tomtom: 0 })
  const { snapshot, quality, directions } = await app.snapshot()
  t.match(snapshot, { provider: 'here', tier: 'live', freshness: 'fresh' })
  t.strictSame(quality.warnings, [])
  t.match(directions, [{ speedKmh: 72 }, { speedKmh: 72 }])
})

t.test('a second provider whose budget is spent is not asked', async (t) => {
  const app = await liveApp(t, { names, limits: { tomtom: { hour: 8 } } })
  const before = await app.snapshot()
  await spend(app, 'tomtom', 8)
  app.here.answer = BROKEN
  t.strictSame(await poll(app), { here: 4, tomtom: 0 })
  t.equal(await app.counted('tomtom'), 8)
  t.match(await app.snapshot(), {
    snapshot: { id: before.snapshot.id, provider: 'here', tier: 'lastKnownGood' },
    quality: { warnings: [{ reason: 'serverError', detail: /503/ }] },
  })
  app.here.answer = HERE_72
  t.strictSame(await poll(app), { here: 1, tomtom: 0 })
  t.match((await app.snapshot()).snapshot, { provider: 'here', tier: 'live' })
})

t.test('a first provider whose budget is spent is not asked, and the second serves', async (t) => {
  const app = await liveApp(t, { names, limits: { here: { hour: 100 } } })
  await spend(app, 'here', 100)
  t.strictSame(await poll(app), { here: 0, tomtom: 8 })
  t.match(await app.snapshot(), {
    snapshot: { provider: 'tomtom', tier: 'live' },
    quality: { warnings: [{ reason: 'quotaSpent', detail: /budget of 100 calls for this hour/ }] },
  })
})

t.test('while the breaker of the first is open it is not asked, and the second is', async (t) => {
  const app = await liveApp(t, { names, here: BROKEN, config: { API_KEYS } })
  const upstream = async () =>
    upstreamSchema.parse(
      (await app.server.inject({ url: '/v1/upstream', headers: { 'x-api-key': ADMIN } })).json(),
    )
  const perPoll: number[] = []
  for (let polls = 0; polls < 6; polls += 1) {
    const { here, tomtom } = await poll(app)
    t.equal(tomtom, 8)
    t.match((await app.snapshot()).snapshot, { provider: 'tomtom', tier: 'live' })
    perPoll.push(here)
  }
  t.strictSame(perPoll, [1, 1, 1, 1, 0, 1], 'trials grow rare')
  t.match((await upstream()).providers, [
    { provider: 'here', reachable: true, breaker: { state: 'open' } },
    { provider: 'tomtom', breaker: { state: 'closed', until: null }, outcomes: { ok: 7 } },
  ])
  app.here.answer = HERE_36
  t.strictSame(await poll(app), { here: 0, tomtom: 8 }, 'it is still left alone')
  t.strictSame(await poll(app), { here: 1, tomtom: 0 })
  t.match((await app.snapshot()).snapshot, { provider: 'here', tier: 'live' })
  t.match((await upstream()).providers, [{ breaker: { state: 'closed' } }, {}])
})

t.test('a first provider that hangs leaves the second its share of the time', async (t) => {
  const config = { POLL_SECONDS: 2, MIN_INTERVAL_SECONDS: 2 }
  const app = await liveApp(t, { names, here: silence, config })
  t.strictSame(calls(app), { here: 1, tomtom: 8 })
  t.match(await app.snapshot(), {
    snapshot: { provider: 'tomtom', tier: 'live' },
    quality: { warnings: [{ reason: 'timeout', detail: /time for this refresh is over/ }] },
  })
})

t.test('when both fail nothing is invented, and the preferred one tells why', async (t) => {
  const app = await liveApp(t, { names, here: BROKEN, tomtom: { status: 401 } })
  t.strictSame(calls(app), { here: 4, tomtom: 1 })
  t.match((await app.server.inject(PATH)).json(), { code: 'source_unavailable', detail: /503/ })
  t.match((await app.health()).checks.provider, { provider: 'here', lastOutcome: 'serverError' })
  const { served } = (await app.health()).statistics
  t.strictSame([served.simulated, served.unavailable], [0, 1])
  app.tomtom.answer = tomtomAt(60)
  t.strictSame(await poll(app), { here: 1, tomtom: 8 })
  t.match((await app.snapshot()).snapshot, { provider: 'tomtom', tier: 'live' })
  app.tomtom.answer = BROKEN
  await poll(app)
  t.match((await app.snapshot()).snapshot, { provider: 'tomtom', tier: 'lastKnownGood' })
})
