import t from 'tap'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { WEDNESDAY_8H } from '../helpers/build-app.ts'
import { answerOf, failing, scripted, type Turn } from '../helpers/providers.ts'
import { processOf, shared } from './fixtures/processes.ts'

const good =
  (speedKmh: number): Turn =>
  (corridor) =>
    answerOf(corridor, speedKmh)
const broken = failing(new ProviderFailure('serverError', 'the provider answered with status 500'))
const POLL_MS = 300_000

t.test('one of two collects, and the other shows what it collected', async (t) => {
  const between = shared(t)
  const first = processOf(t, between, 'first', { turns: [good(50), good(40)] })
  const second = processOf(t, between, 'second', { turns: [good(99)] })
  first.loop.start()
  await between.clock.asleep(1)
  second.loop.start()
  await between.clock.asleep(2)
  t.equal(first.provider.calls, 1)
  t.strictSame(second.known(), first.known(), 'already when it starts')
  t.strictSame(second.state.nextPoll, first.state.nextPoll)
  t.strictSame(second.guard.lastCall, first.guard.lastCall)
  await between.pass(300)
  t.equal(first.provider.calls, 2)
  await between.pass(5)
  t.equal(second.speed(), 40)
  t.strictSame(second.known(), first.known())
  t.equal(second.state.nextPollAtMs, WEDNESDAY_8H + 2 * POLL_MS)
  t.equal(second.provider.calls, 0)
  t.strictSame(second.ticks, [], 'what it did not collect is not its own to keep')
})

t.test('the other knows of an outage, when it begins and when it ends', async (t) => {
  const between = shared(t)
  const turns = [broken, broken, broken, broken, broken, good(50)] as const
  const first = processOf(t, between, 'first', { turns })
  const second = processOf(t, between, 'second')
  first.loop.start()
  await between.clock.asleep(1)
  second.loop.start()
  await between.clock.asleep(2)
  t.match(second.known(), { snapshot: null, attempt: { outcome: 'serverError' } })
  t.equal(second.guard.view.state, 'closed')
  await between.pass(305)
  t.match(first.guard.view, { state: 'open', untilMs: WEDNESDAY_8H + POLL_MS + 60_000 })
  t.strictSame(second.guard.view, first.guard.view)
  await between.pass(300)
  t.equal(first.provider.calls, 6)
  t.equal(first.guard.view.state, 'closed')
  t.strictSame(second.guard.view, first.guard.view)
  t.strictSame(second.known(), first.known())
})

t.test('when one dies the other goes on after its lease, with the next tick', async (t) => {
  const between = shared(t)
  const first = processOf(t, between, 'first')
  const second = processOf(t, between, 'second', { turns: [good(40)] })
  first.loop.start()
  await between.clock.asleep(1)
  second.loop.start()
  await between.clock.asleep(2)
  await between.pass(20)
  await first.loop.stop()
  await between.pass(5)
  t.equal(await between.store.holdLease('third', between.clock.now(), 1), false, 'the dead has it')
  await between.pass(270)
  t.equal(await between.store.holdLease('third', between.clock.now(), 1), false, 'the other has it')
  t.equal(second.provider.calls, 0, 'the tick of the first is not asked for again')
  t.equal(second.state.nextPollAtMs, WEDNESDAY_8H + POLL_MS)
  await between.pass(5)
  t.equal(second.provider.calls, 1)
  t.equal(second.speed(), 40)
  t.equal(first.provider.calls, 1)
})

t.test('one that gives its lease back is followed at once', async (t) => {
  const between = shared(t)
  const first = processOf(t, between, 'first')
  const second = processOf(t, between, 'second')
  first.loop.start()
  await between.clock.asleep(1)
  second.loop.start()
  await between.clock.asleep(2)
  await between.pass(290)
  await first.loop.stop()
  await between.store.releaseLease('first')
  await between.pass(10)
  t.equal(second.provider.calls, 1)
})

t.test('a lease that is lost in a round ends the asking, and nothing more is told', async (t) => {
  const between = shared(t)
  const { clock, store } = between
  const ford = { ...MILL_ROAD, id: 'ford-road' }
  const losing: Turn = async (corridor) => {
    await store.releaseLease('first')
    await store.holdLease('second', clock.now(), 10_000)
    return answerOf(corridor, 30)
  }
  const first = processOf(t, between, 'first', {
    turns: [good(50), good(50), losing, good(20)],
    corridors: [MILL_ROAD, ford],
  })
  first.loop.start()
  await clock.asleep(1)
  const told = new Map(store.values)
  await between.pass(300)
  t.equal(first.provider.calls, 3, 'the second road is not asked for')
  t.strictSame(store.values, told)
  t.equal(first.ticks.length, 3, 'what was answered is kept all the same')
  t.match(first.known(ford).snapshot?.fetchedAtMs, WEDNESDAY_8H)
  t.equal(first.speed(), 30)
  await between.pass(15)
  t.equal(await store.holdLease('third', clock.now(), 1), false, 'it takes the lease when it ends')
})

t.test('while nobody can count only a provider that costs nothing is asked', async (t) => {
  const between = shared(t)
  between.store.away = 'the database file cannot be opened'
  const free = scripted('tomtom', good(30))
  const { loop, provider, known, guard } = processOf(t, between, 'first', { others: [free] })
  loop.start()
  await between.clock.asleep(1)
  t.equal(provider.calls, 0)
  t.equal(guard.lastCall, null)
  t.equal(free.calls, 1)
  t.match(known().snapshot, {
    provider: 'tomtom',
    warnings: [{ reason: 'quotaSpent', detail: /cannot be counted: the database file cannot/ }],
  })
  between.store.away = null
  await between.pass(300)
  t.equal(provider.calls, 1, 'when somebody can it is asked again')
  t.equal(known().snapshot?.provider, 'here')
})

t.test('when the store comes back one of two asks, not both', async (t) => {
  const between = shared(t)
  const both = ['first', 'second'].map((owner) => processOf(t, between, owner))
  for (const [number, { loop }] of both.entries()) {
    loop.start()
    await between.clock.asleep(number + 1)
  }
  const calls = () => both.reduce((sum, { provider }) => sum + provider.calls, 0)
  t.equal(calls(), 1)
  between.store.away = 'gone'
  await between.pass(600)
  t.equal(calls(), 1)
  const outcomes = both.map(({ known }) => known().attempt?.outcome)
  t.strictSame(outcomes, ['quotaSpent', 'ok'], 'the one that followed knows of no failure')
  between.store.away = null
  await between.pass(300)
  t.equal(calls(), 2)
  await between.pass(300)
  t.equal(calls(), 3)
  const [one, other] = both
  t.strictSame(other?.known().snapshot, one?.known().snapshot)
})
