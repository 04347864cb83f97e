import t from 'tap'
import type { Observed } from '../../src/corridors/observed.ts'
import type { Snapshot } from '../../src/corridors/snapshot.ts'
import { type Attempt, CurrentState } from '../../src/storage/current-state.ts'
import { servedNow } from '../../src/storage/freshness.ts'
import { MILL_ROAD, SUNDAY_MORNING, snapshotOf } from '../corridors/fixtures/straight-road.ts'
import { HOUR, MINUTE, SECOND } from '../helpers/ticks.ts'

const NOW = SUNDAY_MORNING

const snapshotAt = (atMs: number, change: Partial<Snapshot> = {}): Snapshot => ({
  ...snapshotOf(),
  id: `mill-road-${atMs}`,
  observedAtMs: atMs,
  fetchedAtMs: atMs,
  ...change,
})

const attemptAt = (atMs: number, outcome: Attempt['outcome'] = 'ok'): Attempt => ({
  atMs,
  provider: 'replay',
  outcome,
  durationMs: 1,
  detail: '',
})

const MEASURED = {
  id: 'north-1',
  status: 'ok',
  coverage: 1,
  confidence: 1,
  speedKmh: 50,
  freeFlowKmh: 90,
} as const

const timesOf = (recent: readonly Observed[]): number[] =>
  recent.map(({ snapshot }) => (snapshot.observedAtMs - NOW) / MINUTE)

t.test('listeners are told of each new snapshot once, however it came', async (t) => {
  const state = new CurrentState()
  const told: (string | undefined)[] = []
  state.onSnapshot((id) => told.push(`${id} ${state.of(id).snapshot?.id}`))
  const kept = (atMs: number) => ({ snapshot: snapshotAt(atMs), attempt: null, recent: [] })
  state.restore('mill-road', { snapshot: null, attempt: attemptAt(NOW), recent: [] })
  state.note(MILL_ROAD, attemptAt(NOW, 'timeout'), null)
  t.strictSame(told, [])
  state.restore('mill-road', kept(NOW))
  state.note(MILL_ROAD, attemptAt(NOW), snapshotAt(NOW))
  state.note(MILL_ROAD, attemptAt(NOW + MINUTE), snapshotAt(NOW + MINUTE))
  state.restore('mill-road', kept(NOW))
  state.note(MILL_ROAD, attemptAt(NOW + HOUR, 'timeout'), null)
  t.strictSame(
    told,
    [NOW, NOW + MINUTE].map((atMs) => `mill-road mill-road-${atMs}`),
  )
})

t.test('of a road that was never asked about nothing is known', async (t) => {
  t.strictSame(new CurrentState().of('mill-road'), { snapshot: null, attempt: null, recent: [] })
})

t.test('a failed attempt leaves the snapshot that there is', async (t) => {
  const state = new CurrentState()
  state.note(MILL_ROAD, attemptAt(NOW), snapshotAt(NOW))
  state.note(MILL_ROAD, attemptAt(NOW + MINUTE, 'timeout'), null)
  const { snapshot, attempt } = state.of('mill-road')
  t.equal(snapshot?.observedAtMs, NOW)
  t.equal(attempt?.outcome, 'timeout')
})

t.test('what was observed is remembered for a long day, in order, each answer once', async (t) => {
  const state = new CurrentState()
  for (const atMs of [NOW, NOW + 10 * MINUTE, NOW + 10 * MINUTE, NOW + 5 * MINUTE])
    state.note(MILL_ROAD, attemptAt(atMs), snapshotAt(atMs))
  state.note(MILL_ROAD, attemptAt(NOW), snapshotAt(NOW, { provider: 'here' }))
  t.strictSame(timesOf(state.of('mill-road').recent), [0, 0, 5, 10])
  state.note(MILL_ROAD, attemptAt(NOW), snapshotAt(NOW + 26 * HOUR + 5 * MINUTE))
  t.strictSame(timesOf(state.of('mill-road').recent), [10, 26 * 60 + 5])
})

t.test('what comes back after a start stands behind what was found since', async (t) => {
  const kept = {
    snapshot: snapshotAt(NOW - HOUR),
    attempt: attemptAt(NOW - HOUR, 'throttled'),
    recent: [-60, 0].map((minutes) => ({
      corridor: MILL_ROAD,
      snapshot: snapshotAt(NOW + minutes * MINUTE),
    })),
  }
  const empty = new CurrentState()
  empty.restore('mill-road', kept)
  t.strictSame(empty.of('mill-road'), kept)
  const failing = new CurrentState()
  failing.note(MILL_ROAD, attemptAt(NOW, 'timeout'), null)
  failing.restore('mill-road', kept)
  t.match(failing.of('mill-road'), {
    snapshot: { observedAtMs: NOW - HOUR },
    attempt: { outcome: 'timeout' },
  })
  const good = new CurrentState()
  good.note(MILL_ROAD, attemptAt(NOW), snapshotAt(NOW))
  good.restore('mill-road', kept)
  t.equal(good.of('mill-road').snapshot?.observedAtMs, NOW)
  t.strictSame(timesOf(good.of('mill-road').recent), [-60, 0])
  empty.restore('mill-road', { snapshot: null, attempt: null, recent: [] })
  t.strictSame(empty.of('mill-road'), kept, 'and nothing takes nothing away')
})

t.test('a snapshot is fresh, then stale, then too old to be served', async (t) => {
  const state = { snapshot: snapshotAt(NOW), attempt: attemptAt(NOW), recent: [] }
  const at = (seconds: number) => servedNow(state, NOW + seconds * SECOND, 7200)
  t.match(at(600), { kind: 'fresh', ageSeconds: 600, live: true, failure: null })
  t.match(at(601), { kind: 'stale', ageSeconds: 601, live: false, failure: null })
  t.match(at(7200), { kind: 'stale' })
  t.strictSame(at(7201), { kind: 'expired', ageSeconds: 7201, attempt: state.attempt })
  t.match(at(-5), { kind: 'fresh', ageSeconds: 0 }, 'a clock that was set back makes none younger')
})

t.test('a failed attempt makes the snapshot before it stale', async (t) => {
  const attempt = attemptAt(NOW + 1, 'timeout')
  const state = { snapshot: snapshotAt(NOW, { sections: [MEASURED] }), attempt, recent: [] }
  t.match(servedNow(state, NOW, 7200), { kind: 'stale', live: false, failure: attempt })
  const setBack = servedNow(
    { ...state, attempt: attemptAt(NOW - HOUR, 'timeout') },
    NOW - HOUR,
    7200,
  )
  t.match(setBack, { kind: 'stale', live: false }, 'by a clock that was set back too')
  const empty = { ...state, snapshot: snapshotAt(NOW) }
  t.strictSame(servedNow(empty, NOW, 7200), { kind: 'missing', attempt }, 'nothing is not stale')
  t.strictSame(servedNow({ ...state, snapshot: null }, NOW, 7200), { kind: 'missing', attempt })
  t.match(servedNow({ ...state, attempt: null }, NOW, 7200), { kind: 'fresh', failure: null })
  const own = attemptAt(NOW, 'lowConfidence')
  t.match(
    servedNow({ ...state, attempt: own }, NOW, 7200),
    { kind: 'fresh', live: true, failure: null },
    'one that measures nothing is the present all the same, until the next attempt',
  )
})
