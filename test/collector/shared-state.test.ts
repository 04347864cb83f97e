import t from 'tap'
import { SharedState } from '../../src/collector/shared-state.ts'
import type { Corridor } from '../../src/corridors/corridor.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { CurrentState } from '../../src/storage/current-state.ts'
import type { Tick } from '../../src/storage/ticks/tick.ts'
import { corridorWith, MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { guardOf } from '../helpers/guards.ts'
import { MemoryStore } from '../helpers/memory-store.ts'
import { answerOf, scripted, type Turn } from '../helpers/providers.ts'
import { failedAt, MINUTE, tickAt } from '../helpers/ticks.ts'
import { failure, never, played } from '../providers/fixtures/calls.ts'
import { guarded } from './fixtures/processes.ts'

const NOW = Date.parse('2026-11-18T06:00:00Z')
const good: Turn = (corridor) => answerOf(corridor, 50)
const here = () => scripted('here', good)

/** What one process shares with others; it has the lease unless another took it before. */
async function processOf(
  store: MemoryStore,
  owner: string,
  options: { providers?: readonly Provider[]; corridors?: readonly Corridor[] } = {},
) {
  const { providers = [here()], corridors = [MILL_ROAD] } = options
  await store.holdLease(owner, NOW, 30 * MINUTE)
  const state = new CurrentState()
  const kept: Tick[] = []
  const record = (tick: Tick): void => void kept.push(tick)
  const shared = new SharedState({
    corridors,
    providers,
    state,
    store,
    owner,
    record,
    clock: new FakeClock(NOW + 30 * MINUTE),
  })
  const known = () => state.of(MILL_ROAD.id)
  return { shared, state, kept, known }
}

/** One process that collects, and one that follows, with a store between them. */
async function two(options: Parameters<typeof processOf>[2] = {}) {
  const store = new MemoryStore()
  const first = await processOf(store, 'first')
  const second = await processOf(store, 'second', options)
  return { store, first, second }
}

t.test('a refresh is told whole, but for the raw answers', async (t) => {
  const { store, first, second } = await two()
  const call = { name: 'mill-road', atMs: NOW, durationMs: 40, outcome: 'ok', body: 'raw' } as const
  const tick = tickAt(NOW, { calls: [call] })
  await first.shared.publishTick(tick)
  t.notMatch([...store.values.values()].join(), 'raw')
  await second.shared.follow()
  const { id: _, calls: __, ...attempt } = { ...tick.attempts[0] }
  t.strictSame(second.known().attempt, attempt)
  t.strictSame(second.known().snapshot, tick.snapshot)
  t.equal(second.known().recent[0]?.corridor, MILL_ROAD, 'the corridor is the one that is served')
  const attempts = tick.attempts.map((one) => ({ ...one, calls: [{ ...call, body: null }] }))
  t.strictSame(second.kept, [{ ...tick, attempts }], 'and it is kept')
  t.equal(second.kept[0]?.corridor, MILL_ROAD)
})

t.test('where the database is shared too, what was told is not kept again', async (t) => {
  const { store, first } = await two()
  const state = new CurrentState()
  const options = { corridors: [MILL_ROAD], providers: [here()], state, store, owner: 'third' }
  await first.shared.publishTick(tickAt(NOW))
  await new SharedState({ ...options, record: null, clock: new FakeClock(NOW) }).follow()
  t.match(state.of(MILL_ROAD.id).snapshot, { fetchedAtMs: NOW })
})

t.test('what was taken over is not news again, until it is forgotten', async (t) => {
  const { first, second } = await two()
  const told = async (tick: Tick) => {
    await first.shared.publishTick(tick)
    await second.shared.follow()
    return second.kept.length
  }
  const tick = tickAt(NOW)
  t.equal(await told(tick), 1)
  t.equal(await told(tick), 1)
  t.equal(await told(tickAt(NOW + MINUTE)), 2)
  second.shared.forget()
  await second.shared.follow()
  t.equal(second.kept.length, 3)
})

t.test('a failure is told too, and leaves the last good snapshot', async (t) => {
  const { first, second } = await two()
  await first.shared.publishTick(tickAt(NOW))
  await second.shared.follow()
  await first.shared.publishTick(failedAt(NOW + MINUTE, 'throttled'))
  await second.shared.follow()
  t.match(second.known(), {
    snapshot: { fetchedAtMs: NOW },
    attempt: { atMs: NOW + MINUTE, outcome: 'throttled', detail: 'no answer' },
  })
})

t.test('of several attempts the one that measured is told, else the first', async (t) => {
  const { first, second } = await two()
  const [timeout] = failedAt(NOW, 'timeout').attempts
  const [ok] = tickAt(NOW, { provider: 'tomtom' }).attempts
  const [broken] = failedAt(NOW, 'serverError', 'tomtom').attempts
  if (!timeout || !ok || !broken) throw new Error('there is an attempt missing')
  const tick = tickAt(NOW, { provider: 'tomtom' })
  await first.shared.publishTick({ ...tick, attempts: [timeout, ok] })
  await second.shared.follow()
  t.match(second.known().attempt, { provider: 'tomtom', outcome: 'ok' })
  await first.shared.publishTick({ ...tick, snapshot: null, attempts: [timeout, broken] })
  await second.shared.follow()
  t.match(second.known().attempt, { provider: 'here', outcome: 'timeout' })
})

t.test('only who has the lease tells anything', async (t) => {
  const { store, second } = await two()
  await second.shared.publishTick(tickAt(NOW))
  await second.shared.publishPlan({ atMs: NOW, limitedBy: 'hour' })
  t.equal(store.values.size, 0)
})

t.test('a refresh of another road, or of other providers, is not ours', async (t) => {
  const { first, second } = await two({ providers: [scripted('tomtom', good)] })
  const widened = corridorWith({ postedLimitKmh: 110 })
  const nobody = { ...tickAt(NOW), attempts: [] }
  for (const tick of [
    tickAt(NOW, { corridor: widened }),
    tickAt(NOW, { provider: 'replay' }),
    nobody,
  ]) {
    await first.shared.publishTick(tick)
    await second.shared.follow()
    t.strictSame(second.known(), { snapshot: null, attempt: null, recent: [] })
  }
  await first.shared.publishTick(tickAt(NOW, { corridor: { ...MILL_ROAD, id: 'ford-road' } }))
  await second.shared.follow()
  t.strictSame(second.kept, [])
  await first.shared.publishTick(tickAt(NOW, { provider: 'here' }))
  await second.shared.follow()
  t.equal(second.kept.length, 1, 'another provider of the same source is as good')
})

t.test('what another version tells in another form is passed over', async (t) => {
  const { store, first, second } = await two()
  await store.publish(
    'first',
    'good.mill-road',
    JSON.stringify({ ...tickAt(NOW), source: 'radio' }),
  )
  await store.publish('first', 'collector', '{"nextPoll":{"atMs":1,"limitedBy":"weather"}}')
  await second.shared.follow()
  t.strictSame(second.known(), { snapshot: null, attempt: null, recent: [] })
  t.equal(second.state.nextPoll, null)
  await first.shared.publishTick(tickAt(NOW))
  await second.shared.follow()
  t.equal(second.known().snapshot?.fetchedAtMs, NOW, 'until it is understood again')
})

t.test('the next poll and the guards are told', async (t) => {
  const [from, to] = [guardOf('here'), guardOf('here')]
  const other = guardOf('tomtom')
  const store = new MemoryStore()
  const first = await processOf(store, 'first', {
    providers: [guarded('here', from, good), here()],
  })
  const second = await processOf(store, 'second', {
    providers: [
      guarded('here', to, good),
      guarded('tomtom', other, good),
      scripted('replay', good),
    ],
  })
  await from.run(never, played(failure('badAnswer', 60 * MINUTE)).call).catch(() => {})
  await first.shared.publishPlan({ atMs: NOW + MINUTE, limitedBy: 'day' })
  await second.shared.follow()
  t.strictSame(second.state.nextPoll, { atMs: NOW + MINUTE, limitedBy: 'day' })
  t.not(from.saved().pausedUntilMs, 0)
  t.strictSame(to.saved(), from.saved())
  t.strictSame(other.saved(), guardOf('tomtom').saved(), 'of this one nothing is known')
})

t.test('a damaged guard is not taken over, nor what was told with it', async (t) => {
  const guard = guardOf('here')
  const { store, second } = await two({ providers: [guarded('here', guard, good)] })
  const guards = { here: { ...guard.saved(), pausedUntilMs: 'for ever' } }
  const plan = { nextPoll: { atMs: NOW, limitedBy: 'hour' }, guards }
  await store.publish('first', 'collector', JSON.stringify(plan))
  await second.shared.follow()
  t.equal(second.state.nextPoll, null)
  t.equal(guard.saved().pausedUntilMs, 0)
})

t.test('while the store is away nobody is told and nothing is lost', async (t) => {
  const { store, first, second } = await two()
  await first.shared.publishTick(tickAt(NOW))
  await second.shared.follow()
  store.away = 'gone'
  await first.shared.publishTick(tickAt(NOW + MINUTE))
  await first.shared.publishPlan({ atMs: NOW, limitedBy: 'hour' })
  await second.shared.follow()
  t.equal(second.known().snapshot?.fetchedAtMs, NOW)
  store.away = null
  await second.shared.follow()
  t.equal(second.known().snapshot?.fetchedAtMs, NOW)
  t.equal(second.state.nextPoll, null)
})

t.test('of a snapshot that measures nothing the attempt is told that gave it', async (t) => {
  const { first, second } = await two()
  const [timeout] = failedAt(NOW, 'timeout').attempts
  const [blank] = failedAt(NOW, 'noCoverage', 'tomtom').attempts
  if (!timeout || !blank) throw new Error('there is an attempt missing')
  const tick = tickAt(NOW, { provider: 'tomtom' })
  await first.shared.publishTick({ ...tick, attempts: [timeout, blank] })
  await second.shared.follow()
  t.match(second.known().attempt, { provider: 'tomtom', outcome: 'noCoverage' })
})

t.test('a text that is no JSON is passed over too', async (t) => {
  const { store, second } = await two()
  await store.publish('first', 'good.mill-road', '{"corridor":')
  await second.shared.follow()
  t.equal(second.known().attempt, null)
})

t.test(
  'one that begins in an outage is told the last good snapshot, and the failure',
  async (t) => {
    const { store, first } = await two()
    await first.shared.publishTick(tickAt(NOW))
    await first.shared.publishTick(failedAt(NOW + MINUTE, 'timeout'))
    const third = await processOf(store, 'third')
    await third.shared.follow()
    t.match(third.known(), { snapshot: { fetchedAtMs: NOW }, attempt: { outcome: 'timeout' } })
    await first.shared.publishTick(tickAt(NOW + 2 * MINUTE))
    const fourth = await processOf(store, 'fourth')
    await fourth.shared.follow()
    t.match(fourth.known(), {
      snapshot: { fetchedAtMs: NOW + 2 * MINUTE },
      attempt: { outcome: 'ok' },
    })
  },
)

t.test('a snapshot of a clock that ran ahead does not stand', async (t) => {
  const { first, second } = await two()
  const ahead = tickAt(NOW + 120 * MINUTE)
  const [attempt] = ahead.attempts
  if (attempt !== undefined) second.state.note(MILL_ROAD, attempt, ahead.snapshot)
  await first.shared.publishTick(tickAt(NOW))
  await second.shared.follow()
  t.match(second.known(), { snapshot: { fetchedAtMs: NOW } })
})

t.test('what is older than what is known does not take its place', async (t) => {
  const { first, second } = await two()
  await first.shared.publishTick(tickAt(NOW))
  const newer = tickAt(NOW + MINUTE)
  const [attempt] = newer.attempts
  if (attempt !== undefined) second.state.note(MILL_ROAD, attempt, newer.snapshot)
  await second.shared.follow()
  t.match(second.known(), {
    snapshot: { fetchedAtMs: NOW + MINUTE },
    attempt: { atMs: NOW + MINUTE },
  })
})
