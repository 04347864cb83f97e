import t from 'tap'
import { Schedule } from '../../src/collector/schedule.ts'
import type { Corridor } from '../../src/corridors/corridor.ts'
import type { ProviderName } from '../../src/corridors/snapshot.ts'
import type { Provider } from '../../src/providers/provider.ts'
import type { QuotaLimits } from '../../src/providers/upstream/quota-windows.ts'
import { CurrentState } from '../../src/storage/current-state.ts'
import { MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { guardOf, OWNER } from '../helpers/guards.ts'
import { MemoryStore } from '../helpers/memory-store.ts'
import { answerOf, scripted, type Turn } from '../helpers/providers.ts'
import { HOUR, MINUTE, SECOND, tickAt } from '../helpers/ticks.ts'
import { failure, never, played } from '../providers/fixtures/calls.ts'
import { guarded } from './fixtures/processes.ts'

const NOW = Date.parse('2026-11-18T06:00:00Z')
const POLL_MS = 5 * MINUTE
const LEAST_MS = MINUTE
const ALL: readonly ProviderName[] = ['here', 'tomtom']

/** A schedule on a clock that stands, of providers with limits, all of whom share one store. */
function ready(
  limits: Partial<Record<ProviderName, Partial<QuotaLimits>>> = { here: {} },
  corridors: readonly Corridor[] = [MILL_ROAD],
) {
  const store = new MemoryStore()
  const clock = new FakeClock(NOW)
  const state = new CurrentState()
  const now = () => clock.now()
  const guards = new Map(
    ALL.map((name) => [name, guardOf(name, { store, limits: limits[name] ?? {}, now })]),
  )
  const good: Turn = (corridor) => answerOf(corridor, 50)
  const [first = scripted('simulated', good), ...others] = [...guards]
    .filter(([name]) => name in limits)
    .map(([name, guard]): Provider => guarded(name, guard, good))
  const providers = [first, ...others]
  const schedule = new Schedule({
    corridors,
    providers,
    state,
    pollSeconds: POLL_MS / SECOND,
    leastIntervalSeconds: LEAST_MS / SECOND,
    clock,
  })
  /** Counts calls of a provider. */
  const spend = async (name: ProviderName, calls: number): Promise<void> => {
    for (let call = 0; call < calls; call += 1) await guards.get(name)?.budget.take()
  }
  /** Notes that a round of asking a provider began. */
  const begin = async (name: ProviderName, atMs: number): Promise<void> => {
    await store.holdLease(OWNER, NOW, HOUR)
    await guards.get(name)?.budget.claim(atMs)
  }
  /** Notes what was observed some time ago. */
  const observe = (agoMs: number, speedKmh: number, provider: ProviderName = 'here'): void => {
    const { attempts, snapshot } = tickAt(NOW - agoMs, { speedKmh, provider })
    for (const attempt of attempts) state.note(MILL_ROAD, attempt, snapshot)
  }
  const after = (...asked: ProviderName[]) => schedule.after(NOW, new Set(asked))
  const isDue = (name: ProviderName, atMs: number): boolean =>
    providers.some((provider) => provider.name === name && schedule.isDue(provider, atMs))
  return { schedule, isDue, store, clock, guards, spend, begin, observe, after }
}

t.test('a round that called nobody is soon repeated: it cost nothing', async (t) => {
  const { after, clock } = ready()
  t.strictSame(await after(), { atMs: NOW + LEAST_MS, limitedBy: 'leastInterval' })
  clock.move(20 * SECOND)
  t.strictSame(await after(), { atMs: clock.now() + LEAST_MS, limitedBy: 'leastInterval' })
})

t.test('a round counts from its beginning, but a least interval follows it', async (t) => {
  const { after, clock } = ready()
  clock.move(POLL_MS - LEAST_MS)
  t.strictSame(await after('here'), { atMs: NOW + POLL_MS, limitedBy: 'pollSeconds' })
  clock.move(1)
  t.strictSame(await after('here'), { atMs: NOW + POLL_MS + 1, limitedBy: 'leastInterval' })
  clock.move(HOUR)
  t.strictSame(await after(), { atMs: clock.now() + LEAST_MS, limitedBy: 'leastInterval' })
})

t.test('a spent budget is waited for, whether it was spent in the round or before', async (t) => {
  for (const asked of [['here'], []] as const) {
    const { after, spend, isDue } = ready({ here: { hour: 1 } })
    await spend('here', 1)
    t.strictSame(await after(...asked), { atMs: NOW + HOUR, limitedBy: 'hour' })
    t.equal(isDue('here', NOW + HOUR - 1), false)
    t.equal(isDue('here', NOW + HOUR), true)
  }
})

t.test('each provider is due by its own plan, one that was not called at any time', async (t) => {
  const { after, spend, isDue } = ready({ here: { hour: 1 }, tomtom: {} })
  const due = (atMs: number) => ALL.filter((name) => isDue(name, atMs))
  t.strictSame(due(NOW), ALL, 'before the first round all are')
  await spend('here', 1)
  t.strictSame(await after('here', 'tomtom'), { atMs: NOW + POLL_MS, limitedBy: 'pollSeconds' })
  t.strictSame(due(NOW + POLL_MS - 1), [])
  t.strictSame(due(NOW + POLL_MS), ['tomtom'])
  t.strictSame(due(NOW + HOUR), ALL)
  const other = ready({ here: {}, tomtom: {} })
  t.strictSame(await other.after('here'), { atMs: NOW + LEAST_MS, limitedBy: 'leastInterval' })
  t.equal(other.isDue('here', NOW + LEAST_MS), false)
  t.equal(other.isDue('tomtom', NOW + LEAST_MS), true)
})

t.test('while one is well those after it are not waited for', async (t) => {
  const { after, spend, observe } = ready({ here: { hour: 8 }, tomtom: {} })
  await spend('here', 1)
  observe(0, 50, 'here')
  const next = await after('here', 'tomtom')
  t.equal(next.limitedBy, 'hour')
  t.ok(next.atMs > NOW + POLL_MS)
  observe(0, 50, 'tomtom')
  t.strictSame(
    await after('here', 'tomtom'),
    { atMs: NOW + POLL_MS, limitedBy: 'pollSeconds' },
    'the one that is well, or one before it',
  )
})

t.test('one that was well until its budget was spent makes room for the next', async (t) => {
  const { after, spend, observe } = ready({ here: { hour: 1 }, tomtom: {} })
  observe(0, 50, 'here')
  await spend('here', 1)
  t.strictSame(await after('here'), { atMs: NOW + LEAST_MS, limitedBy: 'leastInterval' })
})

t.test('what one said that is well stands until it is due again', async (t) => {
  const { after, schedule, observe } = ready({ here: {}, tomtom: {} })
  t.equal(schedule.isServed(MILL_ROAD.id, NOW), false)
  observe(0, 50, 'tomtom')
  await after('tomtom')
  t.equal(schedule.isServed(MILL_ROAD.id, NOW + LEAST_MS), true)
  t.equal(schedule.isServed(MILL_ROAD.id, NOW + POLL_MS), false)
  t.equal(schedule.isServed('another-road', NOW + LEAST_MS), false)
})

t.test('one that must not be asked is not waited for before it may', async (t) => {
  const { after, guards } = ready({ here: {} })
  const guard = guards.get('here')
  const paused = played(failure('throttled', HOUR))
  await guard?.run(never, paused.call).catch(() => {})
  t.equal(guard?.view.pausedUntilMs, NOW + 15 * MINUTE)
  t.match(await after('here'), { atMs: NOW + 15 * MINUTE })
})

t.test('a poll costs what its corridors cost', async (t) => {
  const roads = [MILL_ROAD, { ...MILL_ROAD, id: 'ford-road' }]
  const one = await ready({ here: { hour: 10 } }).after('here')
  const two = await ready({ here: { hour: 10 } }, roads).after('here')
  t.equal(one.limitedBy, 'hour')
  t.equal(two.limitedBy, 'hour')
  t.ok(two.atMs > one.atMs)
})

t.test('while traffic changes a scarce budget is spent sooner', async (t) => {
  const [calm, changing] = [{ here: { day: 100 } }, { here: { day: 100 } }].map((one) => ready(one))
  for (const [one, speedKmh] of [
    [calm, 50],
    [changing, 30],
  ] as const) {
    one?.observe(10 * MINUTE, 50)
    one?.observe(5 * MINUTE, speedKmh)
  }
  const [slow, fast] = [await calm?.after('here'), await changing?.after('here')]
  t.equal(slow?.limitedBy, 'day')
  t.ok((fast?.atMs ?? 0) > NOW + LEAST_MS && (fast?.atMs ?? 0) < (slow?.atMs ?? 0))
})

t.test('while nobody can count the poll says when', async (t) => {
  const { after, spend, store } = ready({ here: { hour: 1 } })
  await spend('here', 1)
  store.away = 'gone'
  t.strictSame(await after('here'), { atMs: NOW + POLL_MS, limitedBy: 'pollSeconds' })
})

t.test('a provider that nobody counts for is asked when the poll says so', async (t) => {
  const { after, schedule } = ready({})
  t.strictSame(await after(), { atMs: NOW + POLL_MS, limitedBy: 'pollSeconds' })
  t.strictSame(
    await schedule.takeOver(),
    { atMs: NOW + POLL_MS, limitedBy: 'pollSeconds' },
    'also after the store was away',
  )
})

t.test('the first process asks at once', async (t) => {
  const { schedule } = ready()
  t.strictSame(await schedule.takeOver(), { atMs: NOW, limitedBy: 'leastInterval' })
})

t.test('one that has nothing to serve asks as soon as it may', async (t) => {
  const { schedule, begin } = ready()
  await begin('here', NOW - 20 * SECOND)
  t.strictSame(await schedule.takeOver(), { atMs: NOW + 40 * SECOND, limitedBy: 'leastInterval' })
  const late = ready()
  await late.begin('here', NOW - HOUR)
  t.strictSame(await late.schedule.takeOver(), { atMs: NOW, limitedBy: 'leastInterval' })
})

t.test('one corridor without anything to serve is enough', async (t) => {
  const { schedule, begin, observe } = ready({ here: {} }, [
    MILL_ROAD,
    { ...MILL_ROAD, id: 'ford-road' },
  ])
  observe(2 * MINUTE, 50)
  await begin('here', NOW - 2 * MINUTE)
  t.strictSame(await schedule.takeOver(), { atMs: NOW, limitedBy: 'leastInterval' })
})

t.test('one that has something to serve goes on with the plan of the one before', async (t) => {
  const { schedule, begin, observe } = ready()
  observe(2 * MINUTE, 50)
  await begin('here', NOW - 2 * MINUTE)
  t.strictSame(await schedule.takeOver(), { atMs: NOW + 3 * MINUTE, limitedBy: 'pollSeconds' })
})

t.test('a poll that is overdue is made at once', async (t) => {
  const { schedule, begin, observe } = ready()
  observe(HOUR, 50)
  await begin('here', NOW - HOUR)
  t.strictSame(await schedule.takeOver(), { atMs: NOW, limitedBy: 'leastInterval' })
})

t.test('each provider goes on from its own last round', async (t) => {
  const { schedule, begin, observe, spend, isDue } = ready({ here: { hour: 1 }, tomtom: {} })
  observe(4 * MINUTE, 50)
  await begin('here', NOW - 4 * MINUTE)
  await begin('tomtom', NOW - MINUTE)
  await spend('here', 1)
  t.strictSame(await schedule.takeOver(), { atMs: NOW + 4 * MINUTE, limitedBy: 'pollSeconds' })
  t.equal(isDue('here', NOW + 4 * MINUTE), false)
})

t.test('a round that a wrong clock began in the future does not count', async (t) => {
  const { schedule, begin, observe } = ready()
  observe(2 * MINUTE, 50)
  await begin('here', NOW + 1)
  t.strictSame(await schedule.takeOver(), { atMs: NOW, limitedBy: 'leastInterval' })
})

t.test('while nobody knows of a round it is as if there was none', async (t) => {
  const { schedule, begin, observe, store } = ready()
  observe(2 * MINUTE, 50)
  await begin('here', NOW - 2 * MINUTE)
  store.away = 'gone'
  t.strictSame(await schedule.takeOver(), { atMs: NOW, limitedBy: 'leastInterval' })
})

t.test(
  'the pace ahead is that of the preferred provider, with what is left of its budget',
  async (t) => {
    const { schedule, spend } = ready({ here: { hour: 1 }, tomtom: {} })
    await spend('here', 1)
    const pace = await schedule.paceAhead()
    t.equal(pace.length, 24)
    t.match(pace[0], { atMs: NOW, intervalSeconds: HOUR / SECOND })
    t.equal(pace[2]?.intervalSeconds, HOUR / SECOND / 2, 'of the next hours nothing is spent')
    const free = await ready({ tomtom: {} }).schedule.paceAhead()
    t.strictSame(
      [...new Set(free.map(({ intervalSeconds }) => intervalSeconds))],
      [POLL_MS / SECOND],
    )
  },
)
