import t from 'tap'
import { Budget } from '../../src/providers/upstream/budget.ts'
import { type QuotaLimits, windowsAt } from '../../src/providers/upstream/quota-windows.ts'
import type { SharedStore } from '../../src/storage/shared/shared-store.ts'
import { listenedLog } from '../helpers/log.ts'
import { MemoryStore } from '../helpers/memory-store.ts'
import { HOUR, MINUTE, rejectionOf, SECOND, START } from './fixtures/calls.ts'
import { failureOf } from './fixtures/failure-of.ts'

const NONE: QuotaLimits = { hour: null, day: null, month: null }

/** A budget of a process that holds the lease, on a clock that can be set. */
function ready(
  limits: Partial<QuotaLimits> = {},
  options: { store?: SharedStore; owner?: string; provider?: 'here' | 'tomtom' } = {},
) {
  const { store = new MemoryStore(), owner = 'this-process', provider = 'here' } = options
  const { log, lines } = listenedLog()
  const clock = { atMs: START }
  const budget = new Budget({
    provider,
    limits: { ...NONE, ...limits },
    leastIntervalMs: MINUTE,
    store,
    owner,
    now: () => clock.atMs,
    log,
  })
  /** The calls of the hour, the day and the month. */
  const used = async () => (await budget.use()).map(({ used }) => used)
  return { budget, store, clock, lines, used }
}

const iso = (ms: number): string => new Date(ms).toISOString()

t.test('the windows are the hour, the day and the month in UTC', async (t) => {
  for (const [at, hour, day, month] of [
    ['2026-11-18T06:30:00.5Z', ['18T06', '18T07'], ['11-18', '11-19'], ['2026-11', '2026-12']],
    ['2026-11-18T06:00:00Z', ['18T06', '18T07'], ['11-18', '11-19'], ['2026-11', '2026-12']],
    ['2026-11-18T23:59:59.999Z', ['18T23', '19T00'], ['11-18', '11-19'], ['2026-11', '2026-12']],
    ['2026-11-30T23:30:00Z', ['30T23', '01T00'], ['11-30', '12-01'], ['2026-11', '2026-12']],
    ['2026-12-31T23:59:59.999Z', ['31T23', '01T00'], ['12-31', '01-01'], ['2026-12', '2027-01']],
    ['2027-01-01T00:00:00Z', ['01T00', '01T01'], ['01-01', '01-02'], ['2027-01', '2027-02']],
    ['2027-02-28T12:00:00Z', ['28T12', '28T13'], ['02-28', '03-01'], ['2027-02', '2027-03']],
    ['2028-02-28T12:00:00Z', ['28T12', '28T13'], ['02-28', '02-29'], ['2028-02', '2028-03']],
    ['2028-02-29T12:00:00Z', ['29T12', '29T13'], ['02-29', '03-01'], ['2028-02', '2028-03']],
    // Where clocks in Europe and Israel are set, UTC has no gap.
    ['2026-10-25T01:00:00Z', ['25T01', '25T02'], ['10-25', '10-26'], ['2026-10', '2026-11']],
  ] as const) {
    const windows = windowsAt(Date.parse(at), { hour: 3, day: null, month: 5 })
    t.strictSame(
      windows.map(({ period, limit }) => [period, limit]),
      [
        ['hour', 3],
        ['day', null],
        ['month', 5],
      ],
    )
    const spans = windows.map(({ fromMs, toMs }) => [iso(fromMs), iso(toMs)])
    t.strictSame(
      [
        spans[0]?.map((text) => text.slice(8, 13)),
        spans[1]?.map((text) => text.slice(5, 10)),
        spans[2]?.map((text) => text.slice(0, 7)),
      ],
      [hour, day, month],
      at,
    )
    const rest = [spans[0]?.map((text) => text.slice(13)), spans[1]?.map((text) => text.slice(10))]
    t.strictSame(rest, [
      [':00:00.000Z', ':00:00.000Z'],
      ['T00:00:00.000Z', 'T00:00:00.000Z'],
    ])
    t.match(spans[2], [/-01T00:00:00\.000Z$/, /-01T00:00:00\.000Z$/])
  }
})

t.test('every call counts in every window, for all processes and one provider', async (t) => {
  const { budget, used, store } = ready()
  const other = ready({}, { store, owner: 'another' })
  const tomtom = ready({}, { store, provider: 'tomtom' })
  await budget.take()
  await other.budget.take()
  t.strictSame(await used(), [2, 2, 2])
  t.strictSame(await tomtom.used(), [0, 0, 0])
})

t.test('the use tells each window with its limit', async (t) => {
  const { budget } = ready({ hour: 5, month: 100 })
  await budget.take()
  t.match(await budget.use(), [
    { window: { period: 'hour', limit: 5, toMs: START + HOUR }, used: 1 },
    { window: { period: 'day', limit: null }, used: 1 },
    { window: { period: 'month', limit: 100, toMs: Date.parse('2026-12-01') }, used: 1 },
  ])
})

t.test('a call beyond a limit is refused, with the window and when it ends', async (t) => {
  for (const [limits, message] of [
    [{ hour: 2 }, 'the budget of 2 calls for this hour is spent until 2026-11-18T07:00:00.000Z'],
    [{ day: 2 }, 'the budget of 2 calls for this day is spent until 2026-11-19T00:00:00.000Z'],
    [{ month: 2 }, 'the budget of 2 calls for this month is spent until 2026-12-01T00:00:00.000Z'],
  ] as const) {
    const { budget, used } = ready(limits)
    await budget.take()
    await budget.take()
    const refused = await failureOf(() => budget.take())
    t.equal(refused.outcome, 'quotaSpent')
    t.equal(refused.message, message)
    t.equal(refused.retryAfterMs, null)
    t.strictSame(await used(), [2, 2, 2], 'what is refused does not count')
  }
})

t.test('a window is new when it begins, and the longer ones go on', async (t) => {
  const { budget, clock, used } = ready({ hour: 1, day: 2 })
  await budget.take()
  clock.atMs += HOUR - 1
  t.match(await failureOf(() => budget.take()), { message: /this hour/ })
  clock.atMs += 1
  await budget.take()
  t.strictSame(await used(), [1, 2, 2])
  clock.atMs += HOUR
  t.match(await failureOf(() => budget.take()), { message: /this day/ })
  clock.atMs = Date.parse('2026-11-19')
  await budget.take()
  t.strictSame(await used(), [1, 1, 3])
})

t.test('without a limit any number of calls may be made, and none is warned of', async (t) => {
  const { budget, lines, used } = ready()
  for (let call = 0; call < 100; call += 1) await budget.take()
  t.strictSame(await used(), [100, 100, 100])
  t.strictSame(lines, [])
})

t.test('80 and 90 % of a limit are told once, by the call that reaches them', async (t) => {
  for (const [limit, told] of [
    [1, ['90 % at 1']],
    [2, ['90 % at 2']],
    [3, ['90 % at 3']],
    [5, ['80 % at 4', '90 % at 5']],
    [10, ['80 % at 8', '90 % at 9']],
    [100, ['80 % at 80', '90 % at 90']],
  ] as const) {
    const { budget, lines } = ready({ hour: limit })
    for (let call = 0; call < limit; call += 1) await budget.take()
    await failureOf(() => budget.take())
    t.strictSame(
      lines.map(({ msg, used }) => `${String(msg).slice(0, 4)} at ${used}`),
      told,
      `${limit}`,
    )
    t.ok(lines.every((line) => line.period === 'hour' && line.limit === limit && line.level === 40))
  }
})

t.test('one call may reach a share of several limits; only what it reaches is told', async (t) => {
  const { budget, lines } = ready({ hour: 5, day: 10, month: 4 })
  for (let call = 0; call < 4; call += 1) await budget.take()
  t.strictSame(
    lines.map(({ period, used, msg }) => [period, used, msg]),
    [
      ['hour', 4, '80 % of the budget is spent'],
      ['month', 4, '90 % of the budget is spent'],
    ],
  )
})

t.test('while calls cannot be counted none may be made, and it says why', async (t) => {
  const store = new MemoryStore()
  const { budget } = ready({}, { store })
  await store.holdLease('this-process', START, MINUTE)
  store.away = 'the Redis server cannot be reached'
  for (const work of [() => budget.take(), () => budget.claim(START)]) {
    const refused = await failureOf(work)
    t.equal(refused.outcome, 'quotaSpent')
    t.equal(refused.message, 'the budget cannot be counted: the Redis server cannot be reached')
  }
  for (const work of [() => budget.use(), () => budget.lastRound()])
    t.match(await rejectionOf(work()), { name: 'StoreAway' }, 'who only looks is told so')
})

t.test('a window of which the store tells nothing has no calls', async (t) => {
  class Silent extends MemoryStore {
    override async countCall() {
      return { granted: true, used: [] } as const
    }
    override async callsIn() {
      return []
    }
  }
  const { budget, used, lines } = ready({ hour: 1 }, { store: new Silent() })
  await budget.take()
  t.strictSame(await used(), [0, 0, 0])
  t.strictSame(lines, [])
})

t.test('a fault of the store that nobody foresaw is not taken for a spent budget', async (t) => {
  const bug = new TypeError('a bug')
  class Broken extends MemoryStore {
    override async countCall(): Promise<never> {
      throw bug
    }
  }
  const { budget } = ready({}, { store: new Broken() })
  t.equal(await rejectionOf(budget.take()), bug)
})

t.test(
  'a round is claimed by who holds the lease, the least interval after the last',
  async (t) => {
    const store = new MemoryStore()
    const { budget, clock } = ready({}, { store })
    t.equal(await budget.lastRound(), null)
    t.equal(await budget.claim(START), false, 'nobody has the lease')
    await store.holdLease('this-process', START, HOUR)
    t.equal(await budget.claim(START), true)
    t.equal(await budget.claim(START), true, 'the same round again')
    t.equal(await budget.lastRound(), START)
    clock.atMs += MINUTE
    t.equal(await budget.claim(START + MINUTE - SECOND), false, 'too early')
    t.equal(await ready({}, { store, owner: 'another' }).budget.claim(START + MINUTE), false)
    t.equal(await ready({}, { store, provider: 'tomtom' }).budget.claim(START + MINUTE), true)
    t.equal(await budget.claim(START + MINUTE), true)
    t.equal(await budget.lastRound(), START + MINUTE)
  },
)
