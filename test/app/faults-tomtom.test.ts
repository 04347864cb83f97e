import t from 'tap'
import type { FailureOutcome } from '../../src/corridors/outcome.ts'
import { type Answer, reset, silence } from '../helpers/stand-in.ts'
import { TOMTOM_TOO_FAR } from '../providers/fixtures/roads.ts'
import { inTurn, type LiveOptions, liveApp, PATH, POLL_MS, tomtomAt } from './fixtures/live-app.ts'

const GOOD = tomtomAt(60)
const TOO_FAR: Answer = { status: 400, body: TOMTOM_TOO_FAR }
const live = (options: LiveOptions = {}): LiveOptions => ({ names: ['tomtom'], ...options })

interface Fault {
  readonly what: string
  readonly answer: Answer
  readonly outcome: FailureOutcome
  readonly words: RegExp
  /** Calls of a refresh whose first, and whose third call fails first. */
  readonly calls: readonly [first: number, third: number]
  readonly timeoutMs?: number
  readonly code: string
}

const retried = { calls: [4, 6] } as const
const ends = { calls: [1, 3] } as const
/** Every failing call ends the refresh; an answer that cannot be read does not. */
const ENDS: readonly Fault[] = [
  {
    ...retried,
    what: 'status 503',
    answer: { status: 503 },
    outcome: 'serverError',
    words: /status 503/,
    code: 'source_unavailable',
  },
  {
    ...retried,
    what: 'status 429',
    answer: { status: 429 },
    outcome: 'throttled',
    words: /status 429/,
    code: 'source_unavailable',
  },
  {
    ...retried,
    what: 'a reset connection',
    answer: reset,
    outcome: 'unreachable',
    words: /broke off/,
    code: 'network_error',
  },
  {
    ...retried,
    what: 'headers that never come',
    answer: silence,
    outcome: 'timeout',
    words: /no answer within 300 ms/,
    timeoutMs: 300,
    code: 'network_error',
  },
  {
    ...ends,
    what: 'status 401',
    answer: { status: 401 },
    outcome: 'unauthorized',
    words: /status 401/,
    code: 'source_unavailable',
  },
  {
    ...ends,
    what: 'status 404',
    answer: { status: 404 },
    outcome: 'badAnswer',
    words: /status 404/,
    code: 'source_unavailable',
  },
  {
    ...ends,
    what: 'a status 400 that does not speak of roads',
    answer: { status: 400, body: '{"error":"Wrong"}' },
    outcome: 'badAnswer',
    words: /status 400/,
    code: 'source_unavailable',
  },
]

for (const { what, answer, outcome, words, calls, timeoutMs = 10_000, code } of ENDS)
  t.test(`TomTom: ${what} ends the refresh at the call that fails`, async (t) => {
    const app = await liveApp(t, live({ tomtom: answer, timeoutMs }))
    t.match(app.attempt(), { outcome, detail: words })
    t.match((await app.server.inject(PATH)).json(), { status: 503, code })
    t.equal(app.tomtom.requests.length, calls[0])
    t.equal(await app.counted('tomtom'), calls[0])
    app.tomtom.answer = GOOD
    await app.clock.advance(POLL_MS)
    const before = await app.snapshot()
    t.match(before, { snapshot: { tier: 'live', provider: 'tomtom' }, coverage: 1 })
    t.equal(app.tomtom.requests.length, calls[0] + 8)
    app.tomtom.answer = inTurn(tomtomAt(90), tomtomAt(90), answer)
    await app.clock.advance(POLL_MS)
    t.match(app.attempt(), { outcome, detail: words })
    t.equal(app.tomtom.requests.length, calls[0] + 8 + calls[1])
    t.equal(await app.counted('tomtom'), calls[0] + 8 + calls[1])
    const after = await app.snapshot()
    t.match(after.snapshot, { id: before.snapshot.id, tier: 'lastKnownGood', freshness: 'stale' })
    t.strictSame(after.directions, before.directions, 'what two sections said is not mixed in')
    t.match(after.quality.warnings, [{ reason: outcome, detail: words }])
    app.tomtom.answer = GOOD
    await app.clock.advance(POLL_MS)
    t.match((await app.snapshot()).snapshot, { tier: 'live', freshness: 'fresh' })
  })

t.test('TomTom: a section that it does not cover is left out, and only that one', async (t) => {
  const app = await liveApp(t, live({ tomtom: inTurn(GOOD, TOO_FAR, GOOD) }))
  t.equal(app.attempt()?.outcome, 'ok')
  t.equal(app.tomtom.requests.length, 8)
  const { snapshot, directions, quality } = await app.snapshot()
  t.match(snapshot, { tier: 'live', freshness: 'fresh' })
  t.strictSame(
    directions.flatMap(({ sections }) => sections.map(({ status }) => status)),
    ['ok', 'insufficientCoverage', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok'],
  )
  t.strictSame(quality.refused, [{ reason: 'noCoverage', pieces: 1 }])
})

t.test('TomTom: a road that it does not cover at all is no coverage, and no retry', async (t) => {
  const app = await liveApp(t, live({ tomtom: TOO_FAR }))
  t.match(app.attempt(), { outcome: 'noCoverage', detail: /no road near the point/ })
  t.equal(app.tomtom.requests.length, 8)
  t.equal(await app.counted('tomtom'), 8)
  const response = await app.server.inject(PATH)
  t.match(response.json(), { status: 503, code: 'no_coverage' })
  t.equal(response.headers['retry-after'], undefined)
  t.match((await app.health()).checks.provider, { reachable: true, lastOutcome: 'noCoverage' })
  app.tomtom.answer = GOOD
  await app.clock.advance(POLL_MS)
  t.match((await app.snapshot()).snapshot, { tier: 'live' })
  app.tomtom.answer = TOO_FAR
  await app.clock.advance(POLL_MS)
  t.match(await app.snapshot(), {
    snapshot: { tier: 'lastKnownGood', freshness: 'stale' },
    quality: { warnings: [{ reason: 'noCoverage' }] },
  })
})

/** Bodies that arrive and are of no use. */
for (const [what, answer, outcome] of [
  ['HTML', { body: '<html>' }, 'badAnswer'],
  ['speeds of 0', tomtomAt(60, { currentSpeed: 0 }), 'badAnswer'],
  ['negative speeds', tomtomAt(60, { currentSpeed: -3, currentTravelTime: -9 }), 'badAnswer'],
  ['absurd speeds', tomtomAt(900), 'badAnswer'],
  ['speeds of null', tomtomAt(60, { currentSpeed: null }), 'badAnswer'],
  ['times that contradict the speeds', tomtomAt(60, { currentTravelTime: 7 }), 'badAnswer'],
  ['guesses', tomtomAt(60, { confidence: 0.49 }), 'lowConfidence'],
] as const)
  t.test(`TomTom: ${what} for every section: the last good snapshot stays`, async (t) => {
    const app = await liveApp(t, live())
    const before = await app.snapshot()
    app.tomtom.answer = answer
    await app.clock.advance(POLL_MS)
    t.equal(app.attempt()?.outcome, outcome)
    t.equal(app.tomtom.requests.length, 16, 'none is retried')
    const after = await app.snapshot()
    t.match(after.snapshot, { id: before.snapshot.id, tier: 'lastKnownGood', freshness: 'stale' })
    t.strictSame(after.directions, before.directions)
    t.match(after.quality.warnings, [{ reason: outcome }])
  })

t.test('TomTom: a 403 is a matter of pace until the third refresh in a row', async (t) => {
  const app = await liveApp(t, live({ tomtom: { status: 403 } }))
  const refreshes: [string | undefined, number][] = []
  let before = 0
  const note = (): void => {
    refreshes.push([app.attempt()?.outcome, app.tomtom.requests.length - before])
    before = app.tomtom.requests.length
  }
  note()
  const poll = async (answer: Answer): Promise<void> => {
    app.tomtom.answer = answer
    await app.clock.advance(POLL_MS)
    note()
  }
  for (const _more of [2, 3, 4]) await poll({ status: 403 })
  await poll(GOOD)
  for (const _more of [1, 2, 3]) await poll({ status: 403 })
  t.strictSame(refreshes, [
    ['throttled', 4],
    ['throttled', 1],
    ['unauthorized', 1],
    ['unauthorized', 1],
    ['ok', 8],
    ['throttled', 4],
    ['throttled', 1],
    ['unauthorized', 1],
  ])
  t.equal(await app.counted('tomtom'), before, 'within the hour')
})

t.test('TomTom: a budget that ends in the middle keeps what was answered', async (t) => {
  const app = await liveApp(t, live({ limits: { tomtom: { hour: 3 } } }))
  t.equal(app.attempt()?.outcome, 'ok')
  t.equal(app.tomtom.requests.length, 3)
  t.equal(await app.counted('tomtom'), 3)
  const { directions, quality } = await app.snapshot()
  t.equal(
    directions.flatMap(({ sections }) => sections).filter(({ status }) => status === 'ok').length,
    3,
  )
  t.strictSame(quality.refused, [{ reason: 'quotaSpent', pieces: 1 }])
})
