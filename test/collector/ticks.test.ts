import t, { type Test } from 'tap'
import { type Corridor, sectionsOf } from '../../src/corridors/corridor.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import type { Provider, ProviderCall } from '../../src/providers/provider.ts'
import { CurrentState } from '../../src/storage/current-state.ts'
import { type Tick, tickSchema } from '../../src/storage/ticks/tick.ts'
import { MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { WEDNESDAY_8H } from '../helpers/build-app.ts'
import { collectorOf } from '../helpers/collector.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { answerOf, failing, scripted, type Turn } from '../helpers/providers.ts'

/** A collector on a clock that stands, with what it hands over to be kept. */
function start(
  t: Test,
  makeProviders: (clock: FakeClock) => readonly [Provider, ...Provider[]],
  corridors: readonly Corridor[] = [MILL_ROAD],
) {
  const clock = new FakeClock(WEDNESDAY_8H)
  const state = new CurrentState()
  const ticks: Tick[] = []
  const providers = makeProviders(clock)
  const record = (tick: Tick): void => void ticks.push(tick)
  const collector = collectorOf({ corridors, providers, state, clock, record })
  t.teardown(() => collector.loop.stop())
  collector.loop.start()
  return { clock, state, ticks, collector }
}

const good: Turn = (corridor) => answerOf(corridor, 30)
const timeout = failing(new ProviderFailure('timeout', 'no answer within 10 ms'))
const untilStopped: Turn = (_corridor, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })

const callOf = (name: string, change: Partial<ProviderCall> = {}): ProviderCall => ({
  name,
  atMs: WEDNESDAY_8H,
  durationMs: 40,
  outcome: 'ok',
  body: `{"of":"${name}"}`,
  ...change,
})

t.test('every refresh is handed over to be kept, with all that it found', async (t) => {
  const { clock, state, ticks } = start(t, () => [scripted('here', good)])
  await clock.asleep(1)
  await clock.advance(300_000)
  t.equal(ticks.length, 2)
  const [first, second] = ticks
  t.match(first, { source: 'live', endedAtMs: WEDNESDAY_8H, attempts: [{ provider: 'here' }] })
  t.equal(first?.corridor, MILL_ROAD)
  t.equal(second?.snapshot, state.of(MILL_ROAD.id).snapshot)
  t.match(second, { endedAtMs: WEDNESDAY_8H + 300_000, attempts: [{ outcome: 'ok', detail: '' }] })
  t.equal(second?.snapshot?.sections.length, 4)
})

t.test('a tick that waited on a disk is the tick that it was', async (t) => {
  const { clock, ticks } = start(t, () => [
    scripted('here', timeout),
    scripted('tomtom', (corridor, { noteCall }) => {
      noteCall(callOf('mill-road.north-1'))
      return { ...answerOf(corridor, 30), refused: [{ reason: 'lowConfidence', pieces: 2 }] }
    }),
  ])
  await clock.asleep(1)
  t.strictSame(tickSchema.parse(JSON.parse(JSON.stringify(ticks[0]))), ticks[0])
})

t.test('what the answers are is told by their source', async (t) => {
  for (const [name, source] of [
    ['here', 'live'],
    ['tomtom', 'live'],
    ['simulated', 'simulated'],
    ['replay', 'replay'],
  ] as const) {
    const { clock, ticks } = start(t, () => [scripted(name, good)])
    await clock.asleep(1)
    t.match(ticks, [{ source, snapshot: { provider: name } }])
  }
})

t.test('a provider that calls nobody counts as one call, as long as the refresh', async (t) => {
  const { clock, ticks } = start(t, (clock) => [
    scripted('simulated', (corridor) => {
      clock.move(70)
      return answerOf(corridor, 30)
    }),
  ])
  await clock.asleep(1)
  const call = { name: 'mill-road', atMs: WEDNESDAY_8H, durationMs: 70, outcome: 'ok', body: null }
  t.match(ticks, [{ endedAtMs: WEDNESDAY_8H + 70, attempts: [{ durationMs: 70 }] }])
  t.strictSame(ticks[0]?.attempts[0]?.calls, [call])
})

t.test('a refresh of several calls keeps each of them, whatever came of it', async (t) => {
  const calls = sectionsOf(MILL_ROAD).map(({ id }, index) =>
    callOf(`mill-road.${id}`, {
      atMs: WEDNESDAY_8H + index * 40,
      ...(index === 1 && { outcome: 'noCoverage', body: null }),
    }),
  )
  const { clock, ticks } = start(t, () => [
    scripted('tomtom', (corridor, { noteCall }) => {
      for (const call of calls) noteCall(call)
      return answerOf(corridor, 30)
    }),
  ])
  await clock.asleep(1)
  t.match(ticks, [{ attempts: [{ outcome: 'ok' }] }])
  t.strictSame(ticks[0]?.attempts[0]?.calls, calls)
})

t.test('a refresh that fails half-way keeps the calls that it made', async (t) => {
  const calls = [callOf('mill-road.north-1'), callOf('mill-road.north-2', { outcome: 'throttled' })]
  const { clock, ticks } = start(t, () => [
    scripted('tomtom', (_corridor, { noteCall }) => {
      for (const call of calls) noteCall(call)
      throw new ProviderFailure('throttled', 'the provider answered with status 429')
    }),
  ])
  await clock.asleep(1)
  t.match(ticks, [
    { snapshot: null, attempts: [{ outcome: 'throttled', detail: /429/, calls: [{}, {}] }] },
  ])
  t.strictSame(ticks[0]?.attempts[0]?.calls, calls)
})

t.test('every provider that was asked is an attempt with its own calls', async (t) => {
  const { clock, ticks } = start(t, () => [
    scripted('here', (_corridor, { noteCall }) => {
      noteCall(callOf('mill-road', { outcome: 'timeout', body: null }))
      throw new ProviderFailure('timeout', 'no answer')
    }),
    scripted('tomtom', (corridor, { noteCall }) => {
      noteCall(callOf('mill-road.north-1'))
      return answerOf(corridor, 30)
    }),
  ])
  await clock.asleep(1)
  t.match(ticks, [
    {
      snapshot: { provider: 'tomtom', warnings: [{ reason: 'timeout' }] },
      attempts: [
        {
          provider: 'here',
          outcome: 'timeout',
          calls: [{ name: 'mill-road', outcome: 'timeout' }],
        },
        { provider: 'tomtom', outcome: 'ok', calls: [{ name: 'mill-road.north-1' }] },
      ],
    },
  ])
  t.equal(ticks[0]?.attempts.length, 2)
  t.equal(new Set(ticks[0]?.attempts.map(({ id }) => id)).size, 2, 'each has an id of its own')
})

t.test('when all fail every failure is kept, and no snapshot', async (t) => {
  const broken = failing(new TypeError('a bug'))
  const { clock, ticks } = start(t, () => [scripted('here', timeout), scripted('tomtom', broken)])
  await clock.asleep(1)
  t.match(ticks, [
    {
      snapshot: null,
      attempts: [
        { provider: 'here', outcome: 'timeout' },
        { provider: 'tomtom', outcome: 'internalError', detail: 'an unexpected error' },
      ],
    },
  ])
  for (const { calls } of ticks[0]?.attempts ?? [])
    t.strictSame(calls, [], 'a call that never left is none')
})

t.test('an answer that is refused is kept as an attempt, not as a snapshot', async (t) => {
  const old: Turn = (corridor) => answerOf(corridor, 80, WEDNESDAY_8H - 60_000)
  const { clock, ticks } = start(t, () => [scripted('here', good, old)])
  await clock.asleep(1)
  await clock.advance(300_000)
  t.match(ticks[1], { snapshot: null, attempts: [{ outcome: 'badAnswer', detail: /older/ }] })
})

t.test('a stop in mid-call keeps the calls and says that they were stopped', async (t) => {
  const asked = Promise.withResolvers<void>()
  const { state, ticks, collector } = start(t, () => [
    scripted('tomtom', async (corridor, context) => {
      context.noteCall(callOf('mill-road.north-1'))
      asked.resolve()
      try {
        return await untilStopped(corridor, context)
      } finally {
        context.noteCall(callOf('mill-road.north-2', { outcome: 'stopped', body: null }))
      }
    }),
  ])
  await asked.promise
  await collector.loop.stop()
  t.match(ticks, [
    {
      source: 'live',
      snapshot: null,
      attempts: [
        { outcome: 'stopped', calls: [{ outcome: 'ok' }, { outcome: 'stopped', body: null }] },
      ],
    },
  ])
  t.equal(ticks.length, 1)
  t.strictSame(state.of(MILL_ROAD.id), { snapshot: null, attempt: null, recent: [] })
})

t.test('a stop while the second provider is asked keeps the failure of the first', async (t) => {
  const asked = Promise.withResolvers<void>()
  const { ticks, collector } = start(t, () => [
    scripted('here', timeout),
    scripted('tomtom', (corridor, context) => {
      asked.resolve()
      return untilStopped(corridor, context)
    }),
    scripted('simulated', good),
  ])
  await asked.promise
  await collector.loop.stop()
  t.match(ticks, [{ snapshot: null, attempts: [{ outcome: 'timeout' }, { outcome: 'stopped' }] }])
  t.equal(ticks[0]?.attempts.length, 2, 'nobody else is asked')
})

t.test('an answer that comes after the stop is no snapshot any more', async (t) => {
  const asked = Promise.withResolvers<void>()
  const { state, ticks, collector } = start(t, () => [
    scripted('here', async (corridor, context) => {
      asked.resolve()
      await Promise.allSettled([untilStopped(corridor, context)])
      return answerOf(corridor, 30)
    }),
  ])
  await asked.promise
  await collector.loop.stop()
  t.match(ticks, [{ snapshot: null }])
  t.equal(state.of(MILL_ROAD.id).snapshot, null)
})

t.test('every corridor has a tick of its own; after a stop no other is asked for', async (t) => {
  const other = { ...MILL_ROAD, id: 'ford-road' }
  const asked = Promise.withResolvers<void>()
  const provider = scripted('here', good, good, (corridor, context) => {
    asked.resolve()
    return untilStopped(corridor, context)
  })
  const { clock, ticks, collector } = start(t, () => [provider], [MILL_ROAD, other])
  await clock.asleep(1)
  clock.move(300_000)
  await asked.promise
  await collector.loop.stop()
  t.strictSame(
    ticks.map(({ corridor, snapshot }) => [corridor.id, snapshot === null]),
    [
      ['mill-road', false],
      ['ford-road', false],
      ['mill-road', true],
    ],
  )
  t.equal(provider.calls, 3)
})
