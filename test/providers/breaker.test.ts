import { pino } from 'pino'
import t, { type Test } from 'tap'
import { FAILURE_OUTCOMES, type FailureOutcome } from '../../src/corridors/outcome.ts'
import { Breaker, savedBreaker } from '../../src/providers/upstream/breaker.ts'
import { listenedLog } from '../helpers/log.ts'
import {
  failure,
  MINUTE,
  played,
  rejectionOf,
  SECOND,
  START,
  standingClock,
} from './fixtures/calls.ts'

/** Failures of a provider that is not well. */
const UNWELL: readonly FailureOutcome[] = ['timeout', 'unreachable', 'serverError', 'throttled']
const WELL = FAILURE_OUTCOMES.filter((outcome) => !UNWELL.includes(outcome))
const broken = failure('serverError')

/** Makes a call; what came of it. */
const made = (breaker: Breaker, turn: string | Error): Promise<unknown> =>
  rejectionOf(breaker.run(played(turn).call))

async function fail(breaker: Breaker, times: number): Promise<void> {
  for (let done = 0; done < times; done += 1) await made(breaker, broken)
}

/** A breaker on a clock that stands, with what it logs. */
function ready(t: Test) {
  const move = standingClock(t)
  const { log, lines } = listenedLog()
  const breaker = new Breaker(log)
  /** The breaker as it is now, and in how many ms a trial is due. */
  const view = () => {
    const { state, untilMs } = breaker.at(Date.now())
    return [state, untilMs === null ? null : untilMs - Date.now()]
  }
  const messages = () => lines.map(({ msg }) => msg)
  return { breaker, move, view, lines, messages }
}

/** Another process' breaker, that goes on where the first was. */
function another(breaker: Breaker): Breaker {
  const other = new Breaker(pino({ level: 'silent' }))
  other.restore(savedBreaker.parse(JSON.parse(JSON.stringify(breaker.saved()))))
  return other
}

t.test('five failures in a row open it, not four', async (t) => {
  for (const outcome of UNWELL)
    await t.test(outcome, async (t) => {
      const { breaker, view } = ready(t)
      for (const _ of [1, 2, 3, 4]) {
        t.equal(await made(breaker, broken), broken)
        t.strictSame(view(), ['closed', null])
      }
      await made(breaker, failure(outcome))
      t.strictSame(view(), ['open', MINUTE])
      t.equal(breaker.outcome, outcome, 'it tells of the last one')
    })
})

t.test('an answer ends the row', async (t) => {
  const { breaker, view } = ready(t)
  await fail(breaker, 4)
  await made(breaker, 'an answer')
  await fail(breaker, 4)
  t.strictSame(view(), ['closed', null])
  await fail(breaker, 1)
  t.strictSame(view(), ['open', MINUTE])
})

t.test('what the provider judged, a stop and a fault of ours do not open it', async (t) => {
  const { breaker, view, messages } = ready(t)
  const stopped = new DOMException('This operation was aborted', 'AbortError')
  for (const error of [...WELL.map((outcome) => failure(outcome)), stopped, new TypeError('a bug')])
    for (const _ of [1, 2, 3, 4, 5, 6]) t.equal(await made(breaker, error), error)
  t.strictSame(view(), ['closed', null])
  t.strictSame(messages(), [])
})

t.test('while it is open it refuses, whatever would have come', async (t) => {
  const { breaker, move } = ready(t)
  await fail(breaker, 5)
  move(MINUTE - 1)
  const provider = played('an answer')
  t.match(await rejectionOf(breaker.run(provider.call)), { isBrokenCircuitError: true })
  t.equal(provider.made, 0)
})

t.test('when its time is over one call is made on trial, and an answer closes it', async (t) => {
  const { breaker, view, move } = ready(t)
  await fail(breaker, 5)
  move(MINUTE)
  t.strictSame(view(), ['halfOpen', null])
  const answered = Promise.withResolvers<string>()
  const trial = breaker.run(() => answered.promise)
  const second = played('another')
  const waiting = breaker.run(second.call)
  t.strictSame(view(), ['halfOpen', null], 'until the trial has ended')
  t.equal(second.made, 0, 'nobody else is let through')
  answered.resolve('an answer')
  t.equal(await trial, 'an answer')
  t.strictSame(view(), ['closed', null])
  t.equal(await waiting, 'another')
  await fail(breaker, 4)
  t.strictSame(view(), ['closed', null], 'the row begins anew')
})

t.test('a trial that fails opens it for longer, nine minutes at most', async (t) => {
  const { breaker, view, move } = ready(t)
  await fail(breaker, 5)
  for (const seconds of [60, 120, 240, 540, 540, 540]) {
    t.strictSame(view(), ['open', seconds * SECOND])
    move(seconds * SECOND - 1)
    t.strictSame(view(), ['open', 1])
    move(1)
    t.strictSame(view(), ['halfOpen', null])
    await made(breaker, failure('timeout'))
  }
  move(540 * SECOND)
  await made(breaker, 'an answer')
  await fail(breaker, 5)
  t.strictSame(view(), ['open', MINUTE], 'the next outage begins with the shortest')
})

t.test('a provider that judges a trial is well', async (t) => {
  for (const outcome of WELL)
    await t.test(outcome, async (t) => {
      const { breaker, view, move } = ready(t)
      await fail(breaker, 5)
      move(MINUTE)
      await made(breaker, failure(outcome))
      t.strictSame(view(), ['closed', null])
    })
})

t.test('an outage is told when it begins and when it ends, the trials are not', async (t) => {
  const { breaker, move, lines, messages } = ready(t)
  await fail(breaker, 4)
  t.strictSame(messages(), [])
  await made(breaker, failure('unreachable'))
  t.strictSame(messages(), ['the breaker opened'])
  t.match(lines[0], { level: 40, outcome: 'unreachable' })
  for (const seconds of [60, 120, 240]) {
    await made(breaker, 'is not made')
    move(seconds * SECOND)
    await fail(breaker, 1)
  }
  t.equal(lines.length, 1)
  move(540 * SECOND)
  await made(breaker, 'an answer')
  t.strictSame(messages(), ['the breaker opened', 'the breaker closed'])
  t.match(lines[1], { level: 30 })
})

t.test('another process goes on where this one was, whatever the state', async (t) => {
  const { breaker, move } = ready(t)
  const atOnce = (one: Breaker) => one.at(Date.now())
  t.match(atOnce(another(breaker)), { state: 'closed' })
  await fail(breaker, 4)
  const almost = another(breaker)
  t.match(atOnce(almost), { state: 'closed' })
  await fail(almost, 1)
  t.match(atOnce(almost), { state: 'open' }, 'the row is not begun anew')
  await made(breaker, failure('throttled'))
  t.match(atOnce(another(breaker)), { state: 'open', untilMs: START + MINUTE })
  t.equal(another(breaker).outcome, 'throttled')
  move(MINUTE)
  t.match(atOnce(another(breaker)), { state: 'halfOpen', untilMs: null })
  const inTrial = another(breaker)
  const trial = Promise.withResolvers<string>()
  const trying = inTrial.run(() => trial.promise)
  t.match(atOnce(another(inTrial)), { state: 'halfOpen' }, 'also from the middle of a trial')
  trial.resolve('an answer')
  await trying
  t.match(atOnce(another(inTrial)), { state: 'closed' })
})

t.test('another process opens it for longer, as this one would have', async (t) => {
  const { breaker, move } = ready(t)
  await fail(breaker, 5)
  move(MINUTE)
  await fail(breaker, 1)
  move(2 * MINUTE)
  await fail(breaker, 1)
  move(4 * MINUTE)
  const other = another(another(breaker))
  await fail(other, 1)
  t.equal(other.at(Date.now()).untilMs, Date.now() + 540 * SECOND)
})

t.test('a judgement of the provider ends the row: it answers', async (t) => {
  const { breaker, view } = ready(t)
  await fail(breaker, 4)
  t.match(await made(breaker, failure('noCoverage')), { outcome: 'noCoverage' })
  await fail(breaker, 4)
  t.strictSame(view(), ['closed', null])
})

t.test('a stop or a fault of ours leaves the row as it is', async (t) => {
  const { breaker, view } = ready(t)
  await fail(breaker, 4)
  await made(breaker, new TypeError('a bug'))
  await fail(breaker, 1)
  t.strictSame(view(), ['open', MINUTE])
})

t.test('a stop or a fault of ours in a trial leaves the trial to be made', async (t) => {
  const { breaker, view, move, messages } = ready(t)
  await fail(breaker, 5)
  move(MINUTE)
  const stopped = new DOMException('This operation was aborted', 'AbortError')
  for (const error of [stopped, new TypeError('a bug')]) {
    t.equal(await made(breaker, error), error)
    t.strictSame(view(), ['halfOpen', null])
  }
  await fail(breaker, 1)
  t.strictSame(view(), ['open', 2 * MINUTE])
  t.strictSame(messages(), ['the breaker opened'])
})

t.test('a breaker that a wrong clock opened in the future is due for a trial', async (t) => {
  const { breaker, view, move } = ready(t)
  await fail(breaker, 5)
  move(-1)
  t.strictSame(view(), ['halfOpen', null])
  t.equal(await made(breaker, 'an answer'), 'no rejection')
  t.strictSame(view(), ['closed', null])
})
