import t, { type Test } from 'tap'
import { FAILURE_OUTCOMES } from '../../src/corridors/outcome.ts'
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
  type Wait,
  waitsOf,
} from './fixtures/calls.ts'
import { failureOf } from './fixtures/failure-of.ts'

const now = (): number => Date.now()
/** Failures of a provider that is not well: the others are its judgement, or ours. */
const MAY_PASS = ['timeout', 'unreachable', 'serverError', 'throttled'] as const

/** A guard on a clock that stands, without any wait. */
function ready(t: Test, options: Parameters<typeof guardOf>[1] = {}) {
  const store = new MemoryStore()
  const move = standingClock(t)
  const guard = guardOf('here', { store, now, ...options })
  const used = async (): Promise<(number | undefined)[]> =>
    (await guard.budget.use()).map(({ used }) => used)
  return { guard, store, move, used }
}

/** Numbers in turn, as if they were random. */
const inTurn = (...numbers: number[]) => {
  const left = [...numbers]
  return () => left.shift() ?? 0
}

t.test('a call that is answered is made once, and its answer given', async (t) => {
  const { guard, used } = ready(t)
  const waits = waitsOf(t)
  const { call } = played('an answer')
  t.equal(await guard.run(never, call), 'an answer')
  t.strictSame(waits, [])
  t.strictSame(await used(), [1, 1, 1])
})

t.test('a failure that may pass is tried again after up to 1, 2 and 4 s', async (t) => {
  for (const outcome of MAY_PASS)
    await t.test(outcome, async (t) => {
      const { guard } = ready(t, { random: inTurn(0.25, 0.5, 0.999) })
      const waits = waitsOf(t)
      const provider = played(failure('badAnswer'), failure(outcome))
      await failureOf(() => guard.run(never, provider.call))
      t.equal((await failureOf(() => guard.run(never, provider.call))).outcome, outcome)
      t.equal(provider.made, 1 + 4)
      t.strictSame(waits, [250, 1000, 3996])
    })
})

t.test('the first answer ends the tries', async (t) => {
  const { guard, used } = ready(t, { random: () => 0.5 })
  const waits = waitsOf(t)
  const provider = played(failure('serverError'), failure('timeout'), 'an answer')
  t.equal(await guard.run(never, provider.call), 'an answer')
  t.strictSame(waits, [500, 1000])
  t.strictSame(await used(), [3, 3, 3], 'a retry is a call too')
})

t.test('what the provider judged, and what nobody foresaw, is not tried again', async (t) => {
  const { guard } = ready(t)
  const waits = waitsOf(t)
  const others = FAILURE_OUTCOMES.filter((outcome) => !MAY_PASS.some((one) => one === outcome))
  t.equal(others.length, 5)
  for (const error of [...others.map((outcome) => failure(outcome)), new TypeError('a bug')]) {
    const provider = played(error)
    t.equal(await rejectionOf(guard.run(never, provider.call)), error)
    t.equal(provider.made, 1, String(error))
  }
  t.strictSame(waits, [])
})

t.test(
  'a wait of up to 30 s that the provider asks for is kept, and it is never shorter than the usual one',
  async (t) => {
    const { guard } = ready(t, { random: () => 0.5 })
    const waits = waitsOf(t)
    const provider = played(
      failure('throttled', 30 * SECOND),
      failure('serverError', 0),
      failure('serverError'),
      'an answer',
    )
    t.equal(await guard.run(never, provider.call), 'an answer')
    t.strictSame(waits, [30 * SECOND, SECOND, 2 * SECOND])
    t.equal(guard.view.pausedUntilMs, null)
  },
)

t.test('a wait that no retry was left for is kept by the next who asks', async (t) => {
  const { guard } = ready(t)
  waitsOf(t)
  const provider = played(failure('throttled', 20 * SECOND))
  await failureOf(() => guard.run(never, provider.call))
  t.equal(provider.made, 4)
  t.equal(guard.view.pausedUntilMs, START + 20 * SECOND)
  await failureOf(() => guard.run(never, provider.call))
  t.equal(provider.made, 4)
})

t.test('a provider that asks for more is left alone as long, 15 min at most', async (t) => {
  for (const [asked, kept] of [
    [30_001, 30_001],
    [15 * MINUTE, 15 * MINUTE],
    [24 * HOUR, 15 * MINUTE],
  ] as const)
    await t.test(`${asked} ms`, async (t) => {
      const { guard, move, used } = ready(t)
      const waits = waitsOf(t)
      const provider = played(failure('throttled', asked), 'an answer')
      await failureOf(() => guard.run(never, provider.call))
      t.equal(guard.view.pausedUntilMs, START + kept)
      move(kept - 1)
      const paused = await failureOf(() => guard.run(never, provider.call))
      t.equal(paused.outcome, 'throttled')
      t.match(paused.message, `not to be asked until ${new Date(START + kept).toISOString()}`)
      t.equal(provider.made, 1)
      t.strictSame(await used(), [1, 1, 1], 'a call that is not made costs nothing')
      t.strictSame(waits, [], 'nor is it tried again')
      move(1)
      t.equal(guard.view.pausedUntilMs, null)
      t.equal(await guard.run(never, provider.call), 'an answer')
    })
})

t.test('whatever failed, a wait that was asked for is kept by the next calls', async (t) => {
  const { guard } = ready(t)
  await failureOf(() => guard.run(never, played(failure('badAnswer', MINUTE)).call))
  t.equal(guard.view.pausedUntilMs, START + MINUTE)
})

t.test('a stop ends a wait at once with its own reason, and no other call is made', async (t) => {
  const { guard } = ready(t)
  const stop = new AbortController()
  const reason = new Error('the service stops')
  const begun = Promise.withResolvers<Wait>()
  waitsOf(t, begun.resolve)
  const provider = played(failure('serverError'))
  const ended = rejectionOf(guard.run(stop.signal, provider.call))
  const { end } = await begun.promise
  stop.abort(reason)
  t.equal(await ended, reason)
  end()
  await new Promise(setImmediate)
  t.equal(provider.made, 1)
})

t.test('time that runs out in a wait tells of the failure before it', async (t) => {
  const { guard } = ready(t)
  const time = new AbortController()
  waitsOf(t, () => time.abort(timeIsOver))
  const error = failure('serverError')
  t.equal(await rejectionOf(guard.run(time.signal, played(error).call)), error)
})

t.test('time that runs out in a call is a timeout; a stop keeps its reason', async (t) => {
  const { guard } = ready(t)
  const stopped = new Error('the service stops')
  for (const reason of [timeIsOver, stopped]) {
    const end = new AbortController()
    const calling = Promise.withResolvers<void>()
    const ended = rejectionOf(
      guard.run(end.signal, () => {
        calling.resolve()
        return new Promise((_resolve, reject) => {
          end.signal.addEventListener('abort', () => reject(failure('timeout')))
        })
      }),
    )
    await calling.promise
    end.abort(reason)
    if (reason === stopped) t.equal(await ended, stopped)
    else t.match(await ended, { outcome: 'timeout' })
  }
})

t.test('after the end nothing is asked and nothing counted', async (t) => {
  const { guard, used } = ready(t)
  const provider = played('an answer')
  const reason = new Error('stopped before')
  t.equal(await rejectionOf(guard.run(AbortSignal.abort(reason), provider.call)), reason)
  const late = await failureOf(() => guard.run(AbortSignal.abort(timeIsOver), provider.call))
  t.match(late, { outcome: 'timeout', message: 'the time for this refresh is over' })
  t.equal(provider.made, 0)
  t.strictSame(await used(), [0, 0, 0])
})

t.test('a stop while a call is counted keeps it from being made', async (t) => {
  const stop = new AbortController()
  const reason = new Error('the service stops')
  class Stopping extends MemoryStore {
    override countCall(...args: Parameters<MemoryStore['countCall']>) {
      stop.abort(reason)
      return super.countCall(...args)
    }
  }
  const { guard } = ready(t, { store: new Stopping() })
  const provider = played('an answer')
  t.equal(await rejectionOf(guard.run(stop.signal, provider.call)), reason)
  await new Promise(setImmediate)
  t.equal(provider.made, 0)
})

t.test('retries stay few in an hour: ten, or a fifth of the calls', async (t) => {
  const { guard, move } = ready(t)
  waitsOf(t)
  /** Makes calls of which the first fails and the second would not; how many were tried again. */
  const retried = async (calls: number): Promise<number> => {
    let retries = 0
    for (let done = 0; done < calls; done += 1) {
      const provider = played(failure('serverError'), 'an answer')
      await rejectionOf(guard.run(never, provider.call))
      retries += provider.made - 1
      await guard.run(never, played('an answer').call)
    }
    return retries
  }
  t.equal(await retried(12), 10)
  for (let calls = 24; calls < 50; calls += 1) await guard.run(never, played('').call)
  t.equal(await retried(1), 1, 'a fifth of 51 calls is more than ten')
  t.equal(await retried(1), 0)
  move(HOUR - 1)
  t.equal(await retried(1), 0)
  move(1)
  t.equal(await retried(11), 10, 'the hour is over')
})
