import t, { type Test } from 'tap'
import type { FailureOutcome } from '../../src/corridors/outcome.ts'
import { type Guard, savedGuard } from '../../src/providers/upstream/guard.ts'
import { guardOf } from '../helpers/guards.ts'
import { MemoryStore } from '../helpers/memory-store.ts'
import {
  failure,
  HOUR,
  MINUTE,
  never,
  played,
  rejectionOf,
  SECOND,
  START,
  standingClock,
  timeIsOver,
  waitsOf,
} from './fixtures/calls.ts'
import { failureOf } from './fixtures/failure-of.ts'

const now = (): number => Date.now()

/** A guard on a clock that stands; waits pass at once. */
function ready(t: Test, options: Parameters<typeof guardOf>[1] = {}) {
  const store = new MemoryStore()
  const move = standingClock(t)
  waitsOf(t)
  const guard = guardOf('here', { store, now, ...options })
  const used = async (): Promise<number | undefined> => (await guard.budget.use())[0]?.used
  return { guard, store, move, used }
}

const fail = (guard: Guard, outcome: FailureOutcome = 'serverError') =>
  failureOf(() => guard.run(never, played(failure(outcome)).call))

/** Five failed calls in a row: one with its three retries, and one more. */
async function open(guard: Guard): Promise<void> {
  await fail(guard)
  await fail(guard)
}

/** What another process makes of the guard: a text goes from one to the other. */
function handedOver(guard: Guard): Guard {
  const other = guardOf('here', { now })
  other.restore(savedGuard.parse(JSON.parse(JSON.stringify(guard.saved()))))
  return other
}

t.test('a guard that was never used is closed and knows of no call', async (t) => {
  const { guard } = ready(t)
  t.strictSame(guard.view, { state: 'closed', untilMs: null, pausedUntilMs: null })
  t.equal(guard.lastCall, null)
})

t.test('a spent budget refuses before the call, and ends the tries', async (t) => {
  const { guard, used } = ready(t, { limits: { hour: 3 } })
  const provider = played(failure('timeout'))
  const last = await failureOf(() => guard.run(never, provider.call))
  t.equal(last.outcome, 'timeout', 'what failed before says more')
  t.equal(provider.made, 3, 'the fourth try is not paid for')
  t.equal((await failureOf(() => guard.run(never, provider.call))).outcome, 'quotaSpent')
  t.equal(provider.made, 3)
  t.equal(await used(), 3)
})

t.test('calls that cannot be counted are not made', async (t) => {
  const { guard, store } = ready(t)
  store.away = 'the database file cannot be opened'
  const provider = played('an answer')
  const refused = await failureOf(() => guard.run(never, provider.call))
  t.equal(refused.outcome, 'quotaSpent')
  t.match(refused.message, /cannot be counted: the database file cannot be opened$/)
  t.equal(provider.made, 0)
  store.away = null
  t.equal(await guard.run(never, provider.call), 'an answer', 'until they can')
})

t.test('while the breaker is open no call is made, and none counted', async (t) => {
  const { guard, used, move } = ready(t)
  await fail(guard)
  t.equal(guard.view.state, 'closed')
  const fifth = played(failure('timeout'))
  t.equal((await failureOf(() => guard.run(never, fifth.call))).message, 'it failed: timeout')
  t.equal(fifth.made, 1, 'the one that opens it is not tried again')
  t.match(guard.view, { state: 'open', untilMs: START + MINUTE })
  const kept = played('an answer')
  for (const ms of [0, 59_999]) {
    move(ms)
    const refused = await failureOf(() => guard.run(never, kept.call))
    t.equal(refused.outcome, 'timeout', 'as the last call failed')
    t.match(refused.message, `not asked until ${new Date(START + MINUTE).toISOString()}`)
  }
  t.equal(kept.made, 0)
  t.equal(await used(), 5)
  move(1)
  t.match(guard.view, { state: 'halfOpen', untilMs: null })
  t.equal(await guard.run(never, kept.call), 'an answer')
  t.equal(guard.view.state, 'closed')
  t.equal(await used(), 6)
})

t.test('a trial that fails is not tried again', async (t) => {
  const { guard, move } = ready(t)
  await open(guard)
  move(MINUTE)
  const trial = played(failure('unreachable'))
  await failureOf(() => guard.run(never, trial.call))
  t.equal(trial.made, 1)
  t.match(guard.view, { state: 'open', untilMs: START + MINUTE + 2 * MINUTE })
})

t.test('another process goes on with the breaker where this one was', async (t) => {
  const { guard, move } = ready(t)
  await open(guard)
  move(20 * SECOND)
  const other = handedOver(guard)
  t.match(other.view, { state: 'open', untilMs: START + MINUTE })
  const provider = played('an answer')
  const refused = await failureOf(() => other.run(never, provider.call))
  t.equal(refused.outcome, 'serverError', 'as it failed for the first')
  move(40 * SECOND)
  t.equal(other.view.state, 'halfOpen')
  t.equal(await other.run(never, provider.call), 'an answer')
  t.equal(other.view.state, 'closed')
  t.equal(handedOver(other).view.state, 'closed')
})

t.test('another process goes on with the row of failures', async (t) => {
  const { guard } = ready(t)
  await fail(guard)
  const other = handedOver(guard)
  await fail(other, 'timeout')
  t.equal(other.view.state, 'open', 'four there and one here')
})

t.test('another process keeps the wait that the provider asked for', async (t) => {
  const { guard, move } = ready(t)
  await failureOf(() => guard.run(never, played(failure('throttled', HOUR)).call))
  move(14 * MINUTE)
  const other = handedOver(guard)
  t.equal(other.view.pausedUntilMs, START + 15 * MINUTE)
  t.equal((await fail(other)).outcome, 'throttled')
  move(MINUTE)
  t.equal(other.view.pausedUntilMs, null)
})

t.test('the last call says whether the provider was reached', async (t) => {
  for (const [turn, reached] of [
    ['an answer', true],
    [failure('noCoverage'), true],
    [failure('unauthorized'), true],
    [failure('throttled', HOUR), true],
    [failure('serverError', HOUR), true],
    [failure('unreachable'), false],
    [failure('timeout'), false],
  ] as const)
    await t.test(String(turn), async (t) => {
      const { guard, move } = ready(t)
      await guard.run(never, played('an answer').call)
      move(SECOND)
      await rejectionOf(guard.run(never, played(turn).call))
      t.strictSame(guard.lastCall, { atMs: START + SECOND, reached })
      t.strictSame(handedOver(guard).lastCall, guard.lastCall, 'another process knows of it')
    })
})

t.test('what was not asked, or ended by ourselves, is no call', async (t) => {
  const { guard, store } = ready(t, { limits: { day: 1 } })
  const bug = new TypeError('a bug')
  t.equal(await rejectionOf(guard.run(never, played(bug).call)), bug)
  t.equal(guard.lastCall, null)
  t.equal((await fail(guard)).outcome, 'quotaSpent')
  store.away = 'gone'
  t.equal((await fail(guard)).outcome, 'quotaSpent')
  t.equal(guard.lastCall, null)
})

t.test('a saved guard that is damaged is refused', async (t) => {
  const { guard } = ready(t)
  await open(guard)
  const good = JSON.parse(JSON.stringify(guard.saved()))
  t.ok(savedGuard.safeParse(good).success)
  const { breaker } = good
  const { circuit } = breaker
  const withState = (ownState: unknown) => ({
    ...good,
    breaker: { ...breaker, circuit: { ...circuit, ownState } },
  })
  for (const damaged of [
    null,
    'open',
    {},
    { ...good, breaker: null },
    { ...good, pausedUntilMs: null },
    { ...good, pausedUntilMs: '0' },
    { ...good, lastCall: { atMs: 1 } },
    { ...good, lastCall: undefined },
    { ...good, breaker: { ...breaker, outcome: 'wrongRoad' } },
    { ...good, breaker: { ...breaker, circuit: { ...circuit, breakerState: 1.5 } } },
    withState(null),
    withState({ value: 1 }),
    withState({ value: 1, openedAt: null, attemptNo: 1 }),
    withState({ value: 1, openedAt: START, attemptNo: 1.5 }),
    withState({ value: 2, openedAt: START, attemptNo: 1 }),
    withState({ value: 3 }),
  ])
    t.notOk(savedGuard.safeParse(damaged).success, JSON.stringify(damaged))
})

t.test('what a wrong clock told does not hold for longer than it may', async (t) => {
  const { guard, move } = ready(t)
  await open(guard)
  const opened = handedOver(guard)
  opened.restore({ ...guard.saved(), pausedUntilMs: START + 15 * MINUTE })
  move(-24 * HOUR)
  t.match(opened.view, { state: 'halfOpen', pausedUntilMs: null })
  t.equal(await opened.run(never, played('an answer').call), 'an answer')
})

t.test('a call that the end of the time cut off is known when the guard gives up', async (t) => {
  const { guard } = ready(t)
  const time = new AbortController()
  const calling = Promise.withResolvers<void>()
  const ended = rejectionOf(
    guard.run(time.signal, () => {
      calling.resolve()
      return new Promise((_resolve, reject) => {
        time.signal.addEventListener('abort', () => reject(failure('timeout')))
      })
    }),
  )
  await calling.promise
  time.abort(timeIsOver)
  t.match(await ended, { outcome: 'timeout' })
  t.match(guard.lastCall, { reached: false })
})
