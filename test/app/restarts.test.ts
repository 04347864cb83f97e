import t, { type Test } from 'tap'
import { Secret } from '../../src/secret.ts'
import { buildApp, LEASE_MS, type TestApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { migratedPlace, newFolder, onBothEngines } from '../helpers/databases.ts'
import { detourTo } from '../helpers/detour.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { DateClock } from '../helpers/fake-date.ts'
import { command, newRedis, noRedis, startRedis } from '../helpers/redis.ts'
import { HERE_SAYS, liveHere } from '../helpers/service.ts'
import { recovered } from '../helpers/shared-stores.ts'
import { type Answer, type StandIn, silence, standIn } from '../helpers/stand-in.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
/** How many there are in a row, where there are many: more than a budget allows. */
const STARTS = 10
/** Calls in a day. */
const BUDGET = 7
/** A little more than the least interval. */
const RESTART_MS = 61 * SECOND

const GOOD: Answer = { body: HERE_SAYS }
/** Leaves nothing to serve; it is no fault that passes, and asks for no retry. */
const BAD: Answer = { body: '<html>' }
const DOWN: Answer = { status: 503 }

type Settings = NonNullable<Parameters<typeof buildApp>[1]>

/** Where one service after the other keeps what it leaves. */
interface Home {
  readonly settings: Pick<Settings, 'place' | 'redis'>
  readonly dataDir: string
  /** Lets a time pass for a store with a clock of its own. */
  pass(ms: number): Promise<void>
}

interface Run extends Pick<Settings, 'config' | 'starting'> {
  readonly clock?: FakeClock
  readonly perDay?: number
}

/** Starts one app after the other in one home; the caller closes them. */
function inOneHome(t: Test, home: Home, upstream: StandIn): (run?: Run) => Promise<TestApp> {
  const always = new FakeClock(WEDNESDAY_8H)
  return ({ clock = always, perDay, config, starting = false } = {}) =>
    buildApp(t, {
      ...home.settings,
      live: liveHere(t, upstream.baseUrl, perDay === undefined ? {} : { limits: { day: perDay } }),
      config: { ...config, DATA_DIR: home.dataDir },
      clock,
      starting,
    })
}

const statusOf = async ({ server }: TestApp): Promise<number> =>
  (await server.inject('/v1/traffic/ayalon')).statusCode

function behave(t: Test, newHome: (t: Test) => Promise<Home>): void {
  const begin = async (t: Test, ...answers: readonly [Answer, ...Answer[]]) => {
    const upstream = await standIn(t, ...answers)
    const home = await newHome(t)
    return { home, start: inOneHome(t, home, upstream), calls: () => upstream.requests.length }
  }

  t.test(`${STARTS} starts at the same moment make one call`, async (t) => {
    const { start, calls } = await begin(t, GOOD)
    const plans = new Set<number>()
    for (let run = 0; run < STARTS; run += 1) {
      const app = await start()
      if (run === 0 || run === STARTS - 1) t.equal(await statusOf(app), 200)
      t.equal(app.lease.right, 'held', 'the one before gave the right back')
      plans.add(app.storage.state.nextPoll?.atMs ?? 0)
      await app.server.close()
    }
    t.equal(calls(), 1)
    t.strictSame([...plans], [WEDNESDAY_8H + 300 * SECOND], 'all of them keep to the same plan')
  })

  t.test(`${STARTS} restarts with nothing to serve stay within the budget`, async (t) => {
    const { start, calls } = await begin(t, BAD)
    const clock = new FakeClock(WEDNESDAY_8H)
    for (let run = 0; run < STARTS; run += 1) {
      const app = await start({ clock, perDay: BUDGET })
      if (run < BUDGET) t.equal(calls(), run + 1, 'every start asks at once, as it may')
      if (run === STARTS - 1)
        t.match(app.storage.state.of('ayalon').attempt, { outcome: 'quotaSpent' })
      await app.server.close()
      clock.move(RESTART_MS)
    }
    t.equal(calls(), BUDGET)
  })

  t.test('restarts change nothing of when a service that can serve asks', async (t) => {
    const { start, calls } = await begin(t, GOOD)
    const clock = new FakeClock(WEDNESDAY_8H)
    for (let run = 0; run < 11; run += 1) {
      const app = await start({ clock })
      t.equal(await statusOf(app), 200)
      // Every fifth comes just after five minutes.
      t.equal(calls(), 1 + Math.floor(run / 5), `start ${run + 1}`)
      await app.server.close()
      clock.move(RESTART_MS)
    }
  })

  t.test('with nothing to serve a restart asks after the least interval', async (t) => {
    const { start, calls } = await begin(t, BAD, GOOD)
    const clock = new FakeClock(WEDNESDAY_8H)
    await (await start({ clock })).server.close()
    clock.move(10 * SECOND)
    const app = await start({ clock })
    t.equal(calls(), 1)
    t.match(app.storage.state.nextPoll, {
      atMs: WEDNESDAY_8H + MINUTE,
      limitedBy: 'leastInterval',
    })
    await clock.advance(49 * SECOND)
    t.equal(calls(), 1)
    t.equal(await statusOf(app), 503)
    await clock.advance(SECOND)
    t.equal(calls(), 2)
    t.equal(await statusOf(app), 200)
  })

  t.test('a breaker that is open stays open, and gets one trial', async (t) => {
    const { start, calls } = await begin(t, DOWN)
    const clock = new DateClock(t, WEDNESDAY_8H)
    const run = { clock, config: { POLL_SECONDS: 60 } }
    const first = await start(run)
    t.equal(calls(), 4, 'with the retries')
    await clock.advance(MINUTE)
    t.equal(calls(), 5)
    t.equal(first.lines.filter(({ msg }) => msg === 'the breaker opened').length, 1)
    await first.server.close()
    clock.move(10 * SECOND)
    const second = await start(run)
    await clock.advance(49 * SECOND)
    t.equal(calls(), 5, 'none for a minute')
    await clock.advance(SECOND)
    t.equal(calls(), 6, 'then the trial')
    await second.server.close()
    const third = await start(run)
    await clock.advance(MINUTE)
    t.equal(calls(), 6, 'after a failed one the wait is longer')
    await clock.advance(MINUTE)
    t.equal(calls(), 7)
    t.notOk([...second.lines, ...third.lines].some(({ msg }) => msg === 'the breaker closed'))
  })

  t.test('a stop in mid-trial does not close the breaker', async (t) => {
    const { start, calls } = await begin(t, DOWN, DOWN, DOWN, DOWN, DOWN, silence, DOWN)
    const clock = new DateClock(t, WEDNESDAY_8H)
    const run = { clock, config: { POLL_SECONDS: 60 } }
    const first = await start(run)
    await clock.advance(MINUTE)
    t.equal(calls(), 5)
    clock.move(MINUTE)
    while (calls() < 6) await new Promise((resolve) => setImmediate(resolve))
    await first.server.close()
    t.notOk(first.lines.some(({ msg }) => msg === 'the breaker closed'))
    const second = await start(run)
    await clock.advance(MINUTE)
    t.equal(calls(), 7, 'the trial again, and no retries')
    await second.server.close()
  })

  t.test('after a crash another collects when the lease has ended', async (t) => {
    const { home, start, calls } = await begin(t, GOOD)
    // Its clock never moves again.
    const crashed = await start({ clock: new FakeClock(WEDNESDAY_8H) })
    const clock = new FakeClock(WEDNESDAY_8H)
    const next = await start({ clock })
    t.equal(next.lease.right, 'elsewhere')
    t.equal(await statusOf(next), 200, 'until then it serves what the other got')
    t.equal(next.storage.state.nextPoll?.atMs, crashed.storage.state.nextPoll?.atMs)
    let intervals = 0
    for (; next.lease.right !== 'held' && intervals < 10; intervals += 1) {
      await home.pass(LEASE_MS)
      await clock.advance(LEASE_MS)
    }
    t.ok(intervals > 1 && intervals <= 3, `after ${intervals} intervals`)
    t.equal(calls(), 1, 'it keeps to the plan of the other')
    await clock.advance(300 * SECOND - intervals * LEASE_MS)
    t.equal(calls(), 2)
  })
}

await onBothEngines(t, async (t, engine) =>
  behave(t, async (t) => {
    const place = await migratedPlace(t, engine)
    const dataDir = 'dataDir' in place ? place.dataDir : newFolder(t)
    return { settings: { place }, dataDir, pass: async () => {} }
  }),
)

await t.test('redis', { skip: noRedis() }, async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  behave(t, async (t) => {
    const url = await newRedis(t, server)
    return {
      settings: { redis: Secret.of(url) },
      dataDir: newFolder(t),
      async pass(ms) {
        const left = Number(await command(url, 'PTTL', 'ayalon:lease'))
        if (left >= 0) await command(url, 'PEXPIRE', 'ayalon:lease', String(left - ms))
      },
    }
  })

  t.test('a start while Redis is away goes on as planned when it is back', async (t) => {
    const upstream = await standIn(t, DOWN)
    const url = new URL(await newRedis(t, server))
    const detour = await detourTo(t, url)
    url.host = `127.0.0.1:${detour.port}`
    const settings = { redis: Secret.of(url.href) }
    const home = { settings, dataDir: newFolder(t), pass: async () => {} }
    const clock = new DateClock(t, WEDNESDAY_8H)
    const start = inOneHome(t, home, upstream)
    const run = { clock, config: { POLL_SECONDS: 60 } }
    const first = await start(run)
    await clock.advance(MINUTE)
    await clock.advance(MINUTE)
    t.equal(upstream.requests.length, 6, 'the trial failed: none for two minutes')
    await first.server.close()
    await detour.cut()
    const second = await start(run)
    t.equal(second.lease.right, 'unknown')
    await detour.mend()
    await recovered(() => second.storage.shared.read('anything'))
    await clock.advance(MINUTE)
    t.equal(second.lease.right, 'held')
    t.equal(upstream.requests.length, 6, 'the breaker is still open')
    await clock.advance(MINUTE)
    t.equal(upstream.requests.length, 7)
  })
})
