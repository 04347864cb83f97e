import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { windowsAt } from '../../src/providers/upstream/quota-windows.ts'
import { WEDNESDAY_8H } from '../helpers/build-app.ts'
import { newFolder } from '../helpers/databases.ts'
import { silence } from '../helpers/stand-in.ts'
import { TOMTOM_TOO_FAR } from '../providers/fixtures/roads.ts'
import { HERE_72, hereBody, inTurn, liveApp, PATH, POLL_MS, tomtomAt } from './fixtures/live-app.ts'

/* What once went wrong in guarding a provider, each with the case that showed it. */

const BOTH = ['here', 'tomtom'] as const
const BROKEN = { status: 503 }
const REFUSED = { status: 401 }

t.test('the first provider is asked at the next poll, though the second is spent', async (t) => {
  const limits = { tomtom: { month: 8 } }
  const app = await liveApp(t, { names: BOTH, here: BROKEN, limits })
  app.here.answer = HERE_72
  await app.clock.advance(POLL_MS)
  t.match((await app.snapshot()).snapshot, { provider: 'here', tier: 'live' })
})

t.test('a first provider that is spent does not keep the second from being asked', async (t) => {
  const app = await liveApp(t, { names: BOTH, limits: { here: { month: 1 } } })
  await app.clock.advance(POLL_MS)
  t.match((await app.snapshot()).snapshot, { provider: 'tomtom', tier: 'live' })
})

t.test(
  'what the second provider said stands while it is not due and the first fails',
  async (t) => {
    // Ten refreshes of eight calls a day: some hours lie between two.
    const limits = { tomtom: { day: 80 } }
    const app = await liveApp(t, { names: BOTH, here: BROKEN, limits })
    const before = app.tomtom.requests.length
    for (let minute = 0; minute < 9; minute += 1) await app.clock.advance(60_000)
    t.match((await app.snapshot()).snapshot, {
      provider: 'tomtom',
      tier: 'live',
      freshness: 'fresh',
    })
    t.ok(app.here.requests.length > 4, 'the first is tried meanwhile')
    t.equal(app.tomtom.requests.length, before, 'and the plan of the second is kept')
  },
)

t.test('a budget that ends after a section without coverage is a spent budget', async (t) => {
  const app = await liveApp(t, {
    names: ['tomtom'],
    tomtom: inTurn({ status: 400, body: TOMTOM_TOO_FAR }, tomtomAt(60)),
    limits: { tomtom: { hour: 1 } },
  })
  t.equal(app.attempt()?.outcome, 'quotaSpent')
  t.equal((await app.server.inject(PATH)).json().code, 'quota_exceeded')
})

t.test('a key that gets answers is not refused, however its refreshes end', async (t) => {
  const refused = { status: 403 }
  const app = await liveApp(t, { names: ['tomtom'], tomtom: tomtomAt(60) })
  for (let refreshes = 0; refreshes < 4; refreshes += 1) {
    app.tomtom.answer = inTurn(tomtomAt(60), tomtomAt(60), refused)
    await app.clock.advance(2 * POLL_MS)
    t.equal(app.attempt()?.outcome, 'throttled')
  }
})

t.test('what is broken for long is stale data, also where a budget sets the pace', async (t) => {
  const app = await liveApp(t, { limits: { here: { day: 200 } } })
  app.here.answer = BROKEN
  for (let minutes = 0; minutes < 130; minutes += 5) await app.clock.advance(POLL_MS)
  t.match((await app.server.inject(PATH)).json(), { status: 503, code: 'stale_data' })
})

t.test('a refresh that made no call is remembered without one', async (t) => {
  const app = await liveApp(t, { here: { status: 429, headers: { 'retry-after': '600' } } })
  await app.clock.advance(POLL_MS)
  await app.storage.recorder.settled()
  const rows = await app.storage.connection.use(({ write }) =>
    write.selectFrom('provider_calls').selectAll().execute(),
  )
  t.equal(rows.length, app.here.requests.length)
})

t.test('a budget that ends between two tries tells what failed', async (t) => {
  const app = await liveApp(t, { here: BROKEN, limits: { here: { hour: 2 } } })
  t.equal(app.attempt()?.outcome, 'serverError')
})

t.test('a failing status with a huge body is still that failure', async (t) => {
  const app = await liveApp(t, {
    here: (response) => void response.writeHead(503).end(Buffer.alloc(17 * 1024 * 1024)),
  })
  t.equal(app.attempt()?.outcome, 'serverError')
})

t.test('a judgement of what we ask ends a row of failures', async (t) => {
  const app = await liveApp(t, {
    here: inTurn(BROKEN, ...Array.from({ length: 6 }, () => [REFUSED, BROKEN]).flat()),
  })
  for (let polls = 0; polls < 5; polls += 1) await app.clock.advance(POLL_MS)
  t.notOk(app.lines.some(({ msg }) => msg === 'the breaker opened'))
})

t.test('a key in another percent-encoding is not kept either', async (t) => {
  const echo = JSON.stringify({ echo: 'canary-key%2b%2f%3d', results: [] })
  const app = await liveApp(t, {
    key: 'canary-key+/=',
    here: (response) => void response.end(echo),
  })
  await app.storage.recorder.settled()
  const rows = await app.storage.connection.use(({ write }) =>
    write.selectFrom('raw_bodies').selectAll().execute(),
  )
  const bodies = rows.map((row) => gunzipSync(Buffer.from(row.gzip_base64, 'base64')).toString())
  t.strictSame(bodies, [JSON.stringify({ echo: '[REDACTED]', results: [] })])
})

t.test('a stop in the middle of a trial leaves the breaker open', async (t) => {
  const DATA_DIR = newFolder(t)
  await t.test('the process that stops', async (t) => {
    const app = await liveApp(t, { config: { DATA_DIR }, here: BROKEN })
    await app.clock.advance(POLL_MS)
    app.here.answer = silence
    const asked = app.here.asked()
    app.clock.move(POLL_MS)
    await asked
    await app.server.close()
    t.notOk(app.lines.some(({ msg }) => msg === 'the breaker closed'))
  })
  await t.test('the next one makes one trial', async (t) => {
    const nowMs = WEDNESDAY_8H + 3 * POLL_MS
    const app = await liveApp(t, { config: { DATA_DIR }, here: BROKEN, nowMs })
    t.equal(app.here.requests.length, 1)
  })
})

for (const [what, answer] of [
  ['a pause', { status: 429, headers: { 'retry-after': '600' } }],
  ['an open breaker', BROKEN],
] as const)
  t.test(`${what} that a wrong clock told of does not last`, async (t) => {
    const DATA_DIR = newFolder(t)
    await t.test('a process that is a day ahead', async (t) => {
      const nowMs = WEDNESDAY_8H + 24 * 3_600_000
      const app = await liveApp(t, { config: { DATA_DIR }, here: answer, nowMs })
      await app.clock.advance(POLL_MS)
      await app.server.close()
    })
    await t.test('one with the right time asks', async (t) => {
      const app = await liveApp(t, { config: { DATA_DIR }, here: HERE_72 })
      for (let polls = 0; polls < 2; polls += 1) await app.clock.advance(POLL_MS)
      t.match((await app.snapshot()).snapshot, { tier: 'live' })
    })
  })

t.test('a clock that is set back in the middle of things stops nothing', async (t) => {
  const app = await liveApp(t, {})
  await app.clock.advance(POLL_MS)
  const before = app.here.requests.length
  app.clock.set(WEDNESDAY_8H - 24 * 3_600_000)
  for (let polls = 0; polls < 2; polls += 1) await app.clock.advance(POLL_MS)
  t.ok(app.here.requests.length > before)
})

t.test('a provider that was never asked is not unreachable', async (t) => {
  const DATA_DIR = newFolder(t)
  await t.test('a process that finds the budget spent by others', async (t) => {
    const app = await liveApp(t, { config: { DATA_DIR }, held: true })
    const windows = windowsAt(WEDNESDAY_8H, { hour: 5, day: null, month: null })
    while ((await app.storage.shared.countCall('tomtom', windows)).granted);
    app.release()
    await app.idle()
    await app.server.close()
  })
  await t.test('does not know whether it could reach it', async (t) => {
    const app = await liveApp(t, {
      config: { DATA_DIR },
      names: ['tomtom'],
      limits: { tomtom: { hour: 5 } },
      nowMs: WEDNESDAY_8H + 3 * POLL_MS,
    })
    t.equal((await app.health()).checks.provider.reachable, null)
  })
})

t.test('an answer that measures nothing is not called the last good one', async (t) => {
  const app = await liveApp(t, { here: { body: hereBody({ speed: 0 }) } })
  t.match((await app.server.inject(PATH)).json(), { coverage: 0, snapshot: { tier: 'live' } })
  app.here.answer = REFUSED
  await app.clock.advance(POLL_MS)
  t.match((await app.server.inject(PATH)).json(), { status: 503, code: 'source_unavailable' })
})
