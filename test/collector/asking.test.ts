import t, { type Test } from 'tap'
import { Asking } from '../../src/collector/asking.ts'
import type { Corridor } from '../../src/corridors/corridor.ts'
import { FAILURE_OUTCOMES } from '../../src/corridors/outcome.ts'
import { outcomeOf, REFUSAL_REASONS } from '../../src/corridors/road-piece.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { CurrentState } from '../../src/storage/current-state.ts'
import { MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { guardOf, OWNER } from '../helpers/guards.ts'
import { listenedLog } from '../helpers/log.ts'
import { MemoryStore } from '../helpers/memory-store.ts'
import { answerOf, failing, scripted, type Turn } from '../helpers/providers.ts'
import { HOUR, MINUTE, SECOND } from '../helpers/ticks.ts'
import { failure, never, START } from '../providers/fixtures/calls.ts'
import { guarded } from './fixtures/processes.ts'

const FORD_ROAD = { ...MILL_ROAD, id: 'ford-road' }
const good: Turn = (corridor) => answerOf(corridor, 50)
const timeout = failing(failure('timeout'))

/** Those who are asked, on a clock that stands, and how long each of them has, ms. */
function ready(
  t: Test,
  makeProviders: (clock: FakeClock) => readonly [Provider, ...Provider[]],
  corridors: readonly Corridor[] = [MILL_ROAD],
) {
  const clock = new FakeClock(START)
  const { log, lines, withMessage } = listenedLog()
  const times: number[] = []
  t.intercept(AbortSignal, 'timeout', {
    value(ms: number) {
      times.push(ms)
      return never
    },
  })
  const state = new CurrentState()
  const providers = makeProviders(clock)
  const asking = new Asking({ corridors, providers, state, clock, log })
  /** One round of five minutes; how each corridor's attempts ended. */
  const round = async (
    stop: AbortSignal = never,
    isDue: (provider: Provider) => boolean = () => true,
  ) => {
    const ended: Record<string, string[]> = {}
    for await (const { corridor, endings } of asking.round(clock.now(), 5 * MINUTE, stop, isDue))
      ended[corridor.id] = endings.map(
        ({ attempt: { provider, outcome } }) => `${provider} ${outcome}`,
      )
    return ended
  }
  return { asking, clock, round, times, lines, withMessage }
}

t.test('the providers are asked in turn until one measures something', async (t) => {
  const tomtom = scripted('tomtom', timeout, good)
  const { round } = ready(t, () => [scripted('here', good, timeout), tomtom], [
    MILL_ROAD,
    FORD_ROAD,
  ])
  t.strictSame(await round(), {
    'mill-road': ['here ok'],
    'ford-road': ['here timeout', 'tomtom timeout'],
  })
})

t.test('the time of a round is shared out among what is still to be asked', async (t) => {
  const takes =
    (clock: FakeClock, ms: number): Turn =>
    () => {
      clock.move(ms)
      throw failure('timeout')
    }
  const { round, times } = ready(
    t,
    (clock) => [scripted('here', takes(clock, 75 * SECOND)), scripted('tomtom', good)],
    [MILL_ROAD, FORD_ROAD],
  )
  await round()
  t.strictSame(
    times,
    [75, 75, 112.5, 150].map((seconds) => seconds * SECOND),
  )
})

t.test('who is not due is not asked, and the time is the others', async (t) => {
  const here = scripted('here', good)
  const { round, times } = ready(t, () => [here, scripted('tomtom', good)])
  t.strictSame(await round(never, ({ name }) => name === 'tomtom'), { 'mill-road': ['tomtom ok'] })
  t.strictSame(await round(never, () => false), { 'mill-road': [] })
  t.equal(here.calls, 0)
  t.strictSame(times, [300 * SECOND])
})

t.test('when the time is over nobody has any left', async (t) => {
  const { round, times } = ready(t, (clock) => [
    scripted('here', () => {
      clock.move(HOUR)
      throw failure('timeout')
    }),
    scripted('tomtom', good),
  ])
  await round()
  t.strictSame(times, [150 * SECOND, 0])
})

t.test('whose turn it is not is passed over, and counts for nothing', async (t) => {
  const store = new MemoryStore()
  const guard = guardOf('here', { store, now: () => START })
  const here = guarded('here', guard, good)
  const { round, asking, lines } = ready(t, () => [here])
  t.strictSame(await round(), { 'mill-road': [] })
  t.strictSame(asking.counts.of('here'), {})
  t.strictSame(lines, [])
  await store.holdLease(OWNER, START, HOUR)
  t.strictSame(await round(), { 'mill-road': ['here ok'] })
  t.equal(here.calls, 1)
})

t.test('how often each provider was asked is counted by how it ended', async (t) => {
  const { round, asking } = ready(t, () => [
    scripted('here', timeout, timeout, failing(new TypeError('a bug')), good),
    scripted('tomtom', good),
  ])
  for (const _ of [1, 2, 3, 4]) await round()
  t.strictSame(asking.counts.of('here'), { timeout: 2, internalError: 1, ok: 1 })
  t.strictSame(asking.counts.of('tomtom'), { ok: 3 })
  t.strictSame(asking.counts.of('replay'), {})
})

t.test('an answer is logged, a failure that goes on is not logged every time', async (t) => {
  const { round, withMessage, clock } = ready(t, () => [
    scripted('here', timeout),
    scripted('tomtom', good),
  ])
  for (const _ of [1, 2, 3]) {
    await round()
    clock.move(30 * MINUTE)
  }
  t.match(withMessage('refreshed')[0], { corridor: 'mill-road', provider: 'tomtom', refused: [] })
  t.equal(withMessage('refreshed').length, 3)
  t.strictSame(
    withMessage('refresh failed').map(({ timesSince }) => timesSince),
    [undefined, 2],
  )
})

t.test('what nobody foresaw is logged whole', async (t) => {
  const { round, withMessage } = ready(t, () => [scripted('here', failing(new TypeError('a bug')))])
  t.strictSame(await round(), { 'mill-road': ['here internalError'] })
  t.match(withMessage('refresh broke'), [{ level: 50, err: { message: 'a bug', stack: /a bug/ } }])
})

t.test('a stop ends the round, and is no failure of the provider', async (t) => {
  const stop = new AbortController()
  const { round, lines, asking } = ready(
    t,
    () => [
      scripted('here', () => {
        stop.abort()
        throw stop.signal.reason
      }),
      scripted('tomtom', good),
    ],
    [MILL_ROAD, FORD_ROAD],
  )
  t.strictSame(await round(stop.signal), { 'mill-road': ['here stopped'] })
  t.strictSame(lines, [])
  t.strictSame(asking.counts.of('here'), { stopped: 1 })
  t.strictSame(await round(stop.signal), {}, 'after it nobody is asked')
})

t.test('why nothing of an answer could be used says what the answer is', async (t) => {
  const others = {
    wrongRoad: 'noCoverage',
    oppositeCarriageway: 'noCoverage',
    implausible: 'badAnswer',
    older: 'badAnswer',
    duplicate: 'badAnswer',
  }
  const expected = new Map<string, string>([
    ...FAILURE_OUTCOMES.map((outcome) => [outcome, outcome] as const),
    ...Object.entries(others),
  ])
  for (const reason of REFUSAL_REASONS) {
    t.equal(outcomeOf(reason), expected.get(reason), reason)
    const blank: Turn = () => ({ pieces: [], observedAtMs: null, refused: [{ reason, pieces: 1 }] })
    const { round } = ready(t, () => [scripted('here', blank)])
    t.strictSame(await round(), { 'mill-road': [`here ${expected.get(reason)}`] })
  }
})
