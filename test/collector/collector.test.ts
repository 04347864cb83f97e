import t, { type Test } from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { CurrentState } from '../../src/storage/current-state.ts'
import type { Tick } from '../../src/storage/ticks/tick.ts'
import { WEDNESDAY_8H } from '../helpers/build-app.ts'
import { collectorOf } from '../helpers/collector.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { answerOf, failing, piecesOf, scripted } from '../helpers/providers.ts'

const good = (speedKmh: number) => () => answerOf(AYALON, speedKmh)
const timeout = failing(new ProviderFailure('timeout', 'no answer within 10 ms'))

function start(
  t: Test,
  providers: readonly [Provider, ...Provider[]],
  seconds: { pollSeconds?: number; minIntervalSeconds?: number } = {},
) {
  const clock = new FakeClock(WEDNESDAY_8H)
  const state = new CurrentState()
  const ticks: Tick[] = []
  const collector = collectorOf({
    corridors: [AYALON],
    providers,
    state,
    clock,
    record: (tick) => void ticks.push(tick),
    ...seconds,
  })
  t.teardown(() => collector.loop.stop())
  collector.loop.start()
  const speed = (): number | null | undefined => state.of('ayalon').snapshot?.sections[0]?.speedKmh
  return {
    clock,
    state,
    collector,
    ticks,
    speed,
    outcome: () => state.of('ayalon').attempt?.outcome,
  }
}

t.test('it refreshes at once and then every POLL_SECONDS', async (t) => {
  const provider = scripted('here', good(90))
  const { clock, state } = start(t, [provider])
  await clock.asleep(1)
  t.equal(provider.calls, 1)
  t.equal(state.nextPollAtMs, WEDNESDAY_8H + 300_000)
  await clock.advance(299_999)
  t.equal(provider.calls, 1)
  await clock.advance(1)
  t.equal(provider.calls, 2)
})

t.test('it never asks sooner than MIN_INTERVAL_SECONDS, whatever the poll says', async (t) => {
  const provider = scripted('here', good(90))
  const { clock } = start(t, [provider], { pollSeconds: 1 })
  await clock.asleep(1)
  await clock.advance(59_999)
  t.equal(provider.calls, 1)
  await clock.advance(1)
  t.equal(provider.calls, 2)
})

t.test('a refresh that takes longer than the poll is not overtaken by the next', async (t) => {
  const asked = Promise.withResolvers<void>()
  const { promise, resolve } = Promise.withResolvers<void>()
  const provider = scripted(
    'here',
    async () => {
      asked.resolve()
      await promise
      return answerOf(AYALON, 90)
    },
    good(50),
  )
  const { clock } = start(t, [provider])
  await asked.promise
  clock.move(1_000_000)
  t.equal(provider.calls, 1)
  resolve()
  await clock.asleep(1)
  t.equal(provider.calls, 1)
  await clock.advance(60_000)
  t.equal(provider.calls, 2, 'the next one waits the least interval')
})

t.test('stopping aborts the call in flight and notes nothing', async (t) => {
  const asked = Promise.withResolvers<void>()
  const provider = scripted('here', (_corridor, { signal }) => {
    asked.resolve()
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  })
  const { collector, state } = start(t, [provider])
  await asked.promise
  await collector.loop.stop()
  t.equal(provider.calls, 1)
  t.equal(state.of('ayalon').attempt, null)
})

t.test('a stop before the first round asks nobody', async (t) => {
  const provider = scripted('here', good(50))
  const { collector, ticks } = start(t, [provider])
  await collector.loop.stop()
  t.equal(provider.calls, 0)
  t.strictSame(ticks, [])
})

t.test('a failed answer leaves the last good snapshot and says how it failed', async (t) => {
  const { clock, speed, outcome, state } = start(t, [scripted('here', good(50), timeout, good(40))])
  await clock.asleep(1)
  t.equal(outcome(), 'ok')
  await clock.advance(300_000)
  t.equal(outcome(), 'timeout')
  t.equal(state.of('ayalon').attempt?.detail, 'no answer within 10 ms')
  t.equal(Math.round(speed() ?? 0), 50)
  await clock.advance(300_000)
  t.equal(outcome(), 'ok', 'it recovers without a restart')
  t.equal(Math.round(speed() ?? 0), 40)
})

t.test('an error that nobody foresaw is noted, and the loop goes on', async (t) => {
  const { clock, outcome } = start(t, [scripted('here', failing(new TypeError('bug')), good(50))])
  await clock.asleep(1)
  t.equal(outcome(), 'internalError')
  await clock.advance(300_000)
  t.equal(outcome(), 'ok')
})

t.test('an answer that measures no section does not replace one that does', async (t) => {
  const elsewhere = () => ({
    pieces: piecesOf(AYALON, 80, 2).map((piece) => ({
      ...piece,
      points: piece.points.map(([lat, lon]) => [lat, lon + 0.05] as const),
    })),
    observedAtMs: null,
    refused: [{ reason: 'lowConfidence' as const, pieces: 1 }],
  })
  const { clock, speed, outcome, state } = start(t, [scripted('here', good(50), elsewhere)])
  await clock.asleep(1)
  await clock.advance(300_000)
  t.equal(outcome(), 'noCoverage', 'the commonest refusal says what the answer is as a whole')
  t.match(state.of('ayalon').attempt?.detail, /wrongRoad 2, lowConfidence 1/)
  t.equal(Math.round(speed() ?? 0), 50)
})

t.test(
  'an answer that covers too little, without any refusal, does not replace either',
  async (t) => {
    const few = () => ({
      pieces: piecesOf(AYALON, 80, 1).map((piece) => ({
        ...piece,
        points: piece.points.slice(0, 2),
      })),
      observedAtMs: null,
      refused: [],
    })
    const { clock, outcome, state } = start(t, [scripted('here', good(50), few)])
    await clock.asleep(1)
    await clock.advance(300_000)
    t.equal(outcome(), 'noCoverage')
    t.match(state.of('ayalon').attempt?.detail, /cover too little/)
  },
)

t.test(
  'the first answer is shown even when it measures nothing: its quality says why',
  async (t) => {
    const elsewhere = () => ({
      pieces: [],
      observedAtMs: null,
      refused: [{ reason: 'lowConfidence' as const, pieces: 7 }],
    })
    const { clock, state } = start(t, [scripted('here', elsewhere)])
    await clock.asleep(1)
    const { snapshot } = state.of('ayalon')
    t.match(snapshot?.refused, [{ reason: 'lowConfidence', pieces: 7 }])
    t.ok(snapshot?.sections.every(({ status }) => status === 'insufficientCoverage'))
  },
)

t.test('an answer without anything in it is no coverage', async (t) => {
  const empty = () => ({ pieces: [], observedAtMs: null, refused: [] })
  const { clock, outcome, state } = start(t, [scripted('here', empty)])
  await clock.asleep(1)
  t.equal(outcome(), 'noCoverage')
  t.equal(state.of('ayalon').snapshot, null)
})

t.test(
  'an observation older than the last one is refused; the same one again is not',
  async (t) => {
    const at = (ms: number, speedKmh: number) => () => answerOf(AYALON, speedKmh, WEDNESDAY_8H + ms)
    const provider = scripted('here', at(-60_000, 50), at(-120_000, 80), at(-60_000, 51))
    const { clock, speed, outcome, state } = start(t, [provider])
    await clock.asleep(1)
    await clock.advance(300_000)
    t.equal(outcome(), 'badAnswer')
    t.match(state.of('ayalon').attempt?.detail, /older/)
    t.equal(Math.round(speed() ?? 0), 50)
    await clock.advance(300_000)
    t.equal(outcome(), 'ok')
    t.equal(Math.round(speed() ?? 0), 51)
  },
)

t.test(
  'a time in the future is not believed, and more than two minutes of it is said',
  async (t) => {
    const at = (ms: number) => () => answerOf(AYALON, 50, WEDNESDAY_8H + ms)
    const { clock, state, outcome } = start(t, [
      scripted('here', at(3 * 3_600_000), at(300_000 + 60_000), good(50)),
    ])
    await clock.asleep(1)
    t.equal(state.of('ayalon').snapshot?.observedAtMs, WEDNESDAY_8H)
    t.match(state.of('ayalon').snapshot?.warnings, [{ reason: 'providerClockAhead' }])
    await clock.advance(300_000)
    t.equal(outcome(), 'ok', 'the next answer is not older than an invented future')
    t.strictSame(state.of('ayalon').snapshot?.warnings, [])
  },
)

t.test('when the preferred provider fails the next one is asked in the same tick', async (t) => {
  const here = scripted('here', timeout, good(60))
  const tomtom = scripted('tomtom', good(50))
  const { clock, state, outcome } = start(t, [here, tomtom])
  await clock.asleep(1)
  t.equal(state.of('ayalon').snapshot?.provider, 'tomtom')
  t.equal(outcome(), 'ok')
  await clock.advance(300_000)
  t.equal(state.of('ayalon').snapshot?.provider, 'here', 'it returns to the first')
  t.equal(tomtom.calls, 1)
})

t.test('when all providers fail the failure of the preferred one is told', async (t) => {
  const noCoverage = failing(new ProviderFailure('noCoverage', 'no road'))
  const { clock, state } = start(t, [scripted('here', timeout), scripted('tomtom', noCoverage)])
  await clock.asleep(1)
  t.match(state.of('ayalon').attempt, { provider: 'here', outcome: 'timeout' })
})

t.test('a provider that lags is not refused because another one answered in between', async (t) => {
  const lagging = (_corridor: unknown, { atMs }: { atMs: number }) =>
    answerOf(AYALON, 60, atMs - 400_000)
  const here = scripted('here', lagging, timeout, lagging)
  const { clock, state } = start(t, [here, scripted('tomtom', good(50))])
  await clock.asleep(1)
  await clock.advance(300_000)
  t.equal(state.of('ayalon').snapshot?.provider, 'tomtom')
  await clock.advance(300_000)
  t.equal(state.of('ayalon').snapshot?.provider, 'here')
})

t.test('what the preferred provider did wrong is told beside the answer of the next', async (t) => {
  const { clock, state } = start(t, [scripted('here', timeout), scripted('tomtom', good(50))])
  await clock.asleep(1)
  t.strictSame(state.of('ayalon').snapshot?.warnings, [
    {
      reason: 'timeout',
      detail: 'The provider here was of no use: no answer within 10 ms.',
    },
  ])
})

t.test('an answer that measures nothing makes room for a provider that measures', async (t) => {
  const blank = () => ({
    pieces: [],
    observedAtMs: null,
    refused: [{ reason: 'wrongRoad' as const, pieces: 1 }],
  })
  const helped = start(t, [scripted('here', blank), scripted('tomtom', good(50))])
  await helped.clock.asleep(1)
  const { snapshot } = helped.state.of('ayalon')
  t.equal(snapshot?.provider, 'tomtom')
  t.match(snapshot?.warnings, [
    { reason: 'noCoverage', detail: /here .* measures no section \(wrongRoad 1\)/ },
  ])
  const alone = start(t, [scripted('here', timeout), scripted('tomtom', blank)])
  await alone.clock.asleep(1)
  t.match(alone.state.of('ayalon').snapshot, { provider: 'tomtom' }, 'better than none')
})
