import fc from 'fast-check'
import t from 'tap'
import { type PollPlan, type PollSituation, planPoll } from '../../src/collector/poll-plan.ts'
import {
  LEAST_WEIGHT,
  MEAN_WEIGHT,
  weightedSeconds,
  weightsOf,
} from '../../src/collector/poll-weight.ts'
import { isTrafficChanging } from '../../src/collector/traffic-change.ts'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { localTime } from '../../src/corridors/local-time.ts'
import type { Observed } from '../../src/corridors/observed.ts'
import type { ProviderName } from '../../src/corridors/snapshot.ts'
import type { QuotaWindow } from '../../src/storage/shared/shared-store.ts'
import { corridorWith, MILL_ROAD, seen, unseen } from '../corridors/fixtures/straight-road.ts'
import { holds } from '../impact/fixtures/holds.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** A week without holidays; in Jerusalem (winter time) the Wednesday begins at 22:00 UTC. */
const TUESDAY = Date.UTC(2026, 10, 17)
const WEDNESDAY = TUESDAY + DAY

type Period = QuotaWindow['period']
type Limits = Readonly<Partial<Record<Period, number>>>

/** The calendar window in UTC that a moment lies in. */
function windowAt(atMs: number, period: Period, limit: number | null): QuotaWindow {
  const date = new Date(atMs)
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  const hour = date.getUTCHours()
  const [fromMs, toMs] = {
    hour: [Date.UTC(year, month, day, hour), Date.UTC(year, month, day, hour + 1)] as const,
    day: [Date.UTC(year, month, day), Date.UTC(year, month, day + 1)] as const,
    month: [Date.UTC(year, month), Date.UTC(year, month + 1)] as const,
  }[period]
  return { period, fromMs, toMs, limit }
}
const windowsAt = (atMs: number, limits: Limits): QuotaWindow[] =>
  (['hour', 'day', 'month'] as const).map((period) =>
    windowAt(atMs, period, limits[period] ?? null),
  )

type Always = Omit<PollSituation, 'nowMs' | 'windows' | 'isChanging'>
const ALWAYS: Always = {
  corridors: [AYALON],
  pollSeconds: 300,
  leastIntervalSeconds: 10,
  callsPerPoll: 1,
}

/** The plan at a moment at which each limited window has so many calls counted. */
const planAt = (
  nowMs: number,
  limits: Limits,
  used: Limits = {},
  change: Partial<PollSituation> = {},
): PollPlan =>
  planPoll({
    ...ALWAYS,
    nowMs,
    windows: windowsAt(nowMs, limits).map((window) => ({
      window,
      used: used[window.period] ?? 0,
    })),
    isChanging: false,
    ...change,
  })

interface Days extends Partial<Always> {
  readonly fromMs: number
  readonly toMs: number
  readonly limits?: Limits
  /** Calls that the windows around the beginning have already. */
  readonly used?: Limits
  readonly isChanging?: (poll: number) => boolean
  /** Calls of a poll that has no retries, where `callsPerPoll` is a mean. */
  readonly callsCounted?: number
  /** Calls that a poll costs beyond its own. */
  readonly retries?: (poll: number) => number
  /** Whether a plan is made, and waited for, before the first poll. */
  readonly isWaiting?: boolean
}

interface Polls {
  readonly atMs: number[]
  readonly plans: PollPlan[]
  /** Windows with a limit, with the calls that were made in each. */
  readonly windows: { window: QuotaWindow; used: number }[]
}

/** Polls as planned from one moment to another. */
function simulate({ fromMs, toMs, limits = {}, used = {}, ...days }: Days): Polls {
  const { isChanging = () => false, retries = () => 0, isWaiting = false, ...always } = days
  const counted = new Map<string, { window: QuotaWindow; used: number }>()
  const budgetsAt = (atMs: number) =>
    windowsAt(atMs, limits).map((window) => {
      const key = `${window.period} ${window.fromMs}`
      const before = window.fromMs <= fromMs ? (used[window.period] ?? 0) : 0
      const budget = counted.get(key) ?? { window, used: before }
      counted.set(key, budget)
      return budget
    })
  const atMs: number[] = []
  const plans: PollPlan[] = []
  const plan = (nowMs: number): number => {
    const windows = budgetsAt(nowMs)
    const options = { ...ALWAYS, ...always, nowMs, windows, isChanging: isChanging(atMs.length) }
    plans.push(planPoll(options))
    return nowMs + (plans.at(-1)?.intervalSeconds ?? Number.NaN) * 1000
  }
  for (let at = isWaiting ? plan(fromMs) : fromMs; at < toMs; at = plan(at)) {
    const calls = (days.callsCounted ?? days.callsPerPoll ?? 1) + retries(atMs.length)
    for (const budget of budgetsAt(at)) budget.used += calls
    atMs.push(at)
  }
  const windows = [...counted.values()].filter(({ window }) => window.limit !== null)
  return { atMs, plans, windows }
}

const isWithin = ({ windows }: Polls): boolean =>
  windows.every(({ window: { limit }, used }) => used <= (limit ?? 0))

/** Between polls, seconds; the first is after the first poll. */
const gapsOf = ({ atMs }: Polls): number[] =>
  atMs.slice(1).map((at, index) => (at - (atMs[index] ?? at)) / 1000)
const longestGap = (polls: Polls): number => Math.max(...gapsOf(polls))
const between = ({ atMs }: Polls, fromMs: number, toMs: number): number =>
  atMs.filter((at) => fromMs <= at && at < toMs).length

/** Those of the local Wednesday from 06 to 22 h. */
const untilNight = (polls: Polls): Polls => ({
  ...polls,
  atMs: polls.atMs.filter((at) => at >= WEDNESDAY + 4 * HOUR && at < WEDNESDAY + 20 * HOUR),
})

/** Polls an hour of the local Wednesday in some of its hours. */
const hourly = (polls: Polls, ...spans: (readonly [from: number, to: number])[]): number => {
  const start = WEDNESDAY - 2 * HOUR
  const counts = spans.map(([from, to]) => between(polls, start + from * HOUR, start + to * HOUR))
  const hours = spans.reduce((sum, [from, to]) => sum + to - from, 0)
  return counts.reduce((sum, count) => sum + count) / hours
}

const threeDays = { fromMs: TUESDAY, toMs: TUESDAY + 3 * DAY }

for (const pollSeconds of [60, 300])
  t.test(`500 calls a day last all day when asked every ${pollSeconds} s`, async (t) => {
    const polls = simulate({ ...threeDays, pollSeconds, limits: { day: 500 } })
    t.ok(longestGap(polls) < 600, `no gap over 10 minutes, by day or night: ${longestGap(polls)}`)
    const [peak, night] = [hourly(polls, [7, 9], [15, 18]), hourly(polls, [0, 4])]
    t.ok(peak >= 2 * night, `twice as many in the peak: ${peak} and ${night} an hour`)
    for (const { window, used } of polls.windows) {
      t.ok(used <= 500, `${used} calls`)
      t.ok(between(polls, window.toMs - 600_000, window.toMs) > 0, 'and one just before its end')
    }
    t.equal(polls.windows.length, 3)
  })

t.test('POLL_SECONDS is the mean interval of a working day', async (t) => {
  const polls = simulate({ ...threeDays, limits: { day: 500 } })
  const a = between(polls, WEDNESDAY, WEDNESDAY + DAY)
  t.ok(Math.abs(a - 288) <= 3, `${a} polls`)
  t.ok(polls.plans.every(({ limitedBy }) => limitedBy === 'pollSeconds'))
  t.ok((300 * MEAN_WEIGHT) / LEAST_WEIGHT < 600, 'and no observation ends before the next')
})

t.test('more is asked for than the day can pay: nearly all of it is spent', async (t) => {
  const polls = simulate({ ...threeDays, pollSeconds: 60, limits: { day: 500 } })
  const [, wednesday] = polls.windows
  t.ok((wednesday?.used ?? 0) > 490, `${wednesday?.used} calls`)
  t.ok(polls.plans.every(({ limitedBy }) => limitedBy === 'day'))
})

t.test('a day that is mostly spent goes on slower', async (t) => {
  const noon = WEDNESDAY + DAY / 2
  for (const spent of [400, 480, 495]) {
    const start = { fromMs: noon, toMs: WEDNESDAY + DAY, isWaiting: true }
    const polls = simulate({ ...start, limits: { day: 500 }, used: { day: spent } })
    t.ok(isWithin(polls))
    t.ok(polls.atMs.length >= 0.8 * (500 - spent), `${polls.atMs.length} polls`)
    const evening = between(polls, WEDNESDAY + DAY - 6 * HOUR, WEDNESDAY + DAY)
    t.ok(evening >= 0.2 * polls.atMs.length, `${evening} in the evening and at night`)
  }
})

t.test('retries that cost a fifth more slow the plan, and the day still lasts', async (t) => {
  const retries = (poll: number): number => (poll % 5 === 0 ? 1 : 0)
  const day = { ...threeDays, pollSeconds: 60, limits: { day: 500 }, retries }
  const polls = simulate(day)
  t.ok(isWithin(polls))
  t.ok(longestGap(untilNight(polls)) < 600, `${longestGap(untilNight(polls))} s by day`)
  for (const { window, used } of polls.windows) {
    t.ok(used > 480, `${used} calls`)
    t.ok(between(polls, window.toMs - HOUR / 2, window.toMs) > 0, 'never dry')
  }
  const known = simulate({ ...day, callsPerPoll: 1.2, callsCounted: 1 })
  t.ok(isWithin(known))
  t.ok(longestGap(known) < 600, `where they are known, ever: ${longestGap(known)} s`)
})

t.test('one poll in twenty that are left is kept for retries, and none of a few', async (t) => {
  const waitOf = (hour: number, used: number): number =>
    planAt(WEDNESDAY, { hour }, { hour: used }, { pollSeconds: 10 }).intervalSeconds
  // Those that are planned and the first of the next hour share out the hour.
  t.equal(waitOf(100, 0), Math.ceil(3600 / (95 + 1)))
  t.equal(waitOf(100, 40), Math.ceil(3600 / (57 + 1)))
  t.equal(waitOf(100, 97), 3600 / (2 + 1), 'one to the last')
  t.equal(waitOf(100, 99), 3600)
  t.equal(waitOf(19, 0), 3600 / (19 + 1))
})

t.test('a month of 8,000 calls leaves no day dry', async (t) => {
  // With Yom Kippur, three days of holidays and a change to winter time.
  const month = { fromMs: Date.UTC(2026, 8, 1), toMs: Date.UTC(2026, 9, 1) }
  const polls = simulate({ ...month, pollSeconds: 60, limits: { month: 8000 } })
  t.ok(isWithin(polls))
  t.ok(longestGap(polls) < 720, `${longestGap(polls)} s`)
  const dayAt = (date: number): number =>
    // Local days, in summer time.
    between(polls, Date.UTC(2026, 8, date) - 3 * HOUR, Date.UTC(2026, 8, date + 1) - 3 * HOUR)
  const [working, friday, saturday, yomKippur] = [dayAt(16), dayAt(18), dayAt(19), dayAt(21)]
  t.ok(working > friday && friday > saturday && saturday > yomKippur, 'fewer on days of rest')
  t.ok(yomKippur > 140, `${[working, friday, saturday, yomKippur]}`)
  const last = dayAt(29)
  t.ok(Math.abs(last - working) < 0.25 * working, `as many at its end: ${last}`)
})

t.test('a limit of the hour alone stretches every interval alike', async (t) => {
  const polls = simulate({ fromMs: WEDNESDAY, toMs: WEDNESDAY + DAY, limits: { hour: 10 } })
  t.strictSame(new Set(gapsOf(polls)), new Set([360]))
  t.ok(isWithin(polls))
  t.ok(polls.plans.every(({ limitedBy }) => limitedBy === 'hour'))
  const free = simulate({ fromMs: WEDNESDAY, toMs: WEDNESDAY + DAY, limits: { hour: 30 } })
  t.strictSame(new Set(gapsOf(free)), new Set([300]), 'and none that it can pay for')
})

t.test('without limits polls come exactly every POLL_SECONDS', async (t) => {
  const polls = simulate({ ...threeDays, isChanging: () => true })
  t.strictSame(new Set(gapsOf(polls)), new Set([300]), 'whatever the traffic does')
  t.ok(polls.plans.every(({ limitedBy }) => limitedBy === 'pollSeconds'))
})

t.test('where nothing is left the wait ends with the window', async (t) => {
  const now = WEDNESDAY + 10 * HOUR + 1500
  const plan = (limits: Limits, used: Limits) => planAt(now, limits, used)
  const untilDay = 14 * 3600 - 1
  t.strictSame(plan({ day: 5 }, { day: 5 }), { intervalSeconds: untilDay, limitedBy: 'day' })
  t.strictSame(plan({ day: 5 }, { day: 9 }).intervalSeconds, untilDay, 'also when overspent')
  t.strictSame(plan({ hour: 5, day: 500 }, { hour: 5 }), {
    intervalSeconds: 3599,
    limitedBy: 'hour',
  })
  t.strictSame(plan({ hour: 5, day: 5, month: 9 }, { hour: 5, day: 5, month: 9 }), {
    intervalSeconds: 12 * 86_400 + untilDay,
    limitedBy: 'month',
  })
})

t.test('the smallest limits still poll, spread over their window', async (t) => {
  const fromMs = WEDNESDAY
  const pollsOf = (day: number) =>
    simulate({ fromMs, toMs: fromMs + DAY, limits: { day } }).atMs.map((at) => (at - fromMs) / HOUR)
  t.strictSame(pollsOf(1), [0])
  // By noon in UTC, 14 h in Jerusalem, half of the vehicles that are to come have come.
  t.strictSame(pollsOf(2).map(Math.round), [0, 12])
  t.strictSame(pollsOf(4).map(Math.round), [0, 7, 12, 16])
  const oncePerHour = simulate({ fromMs, toMs: fromMs + DAY, limits: { hour: 1 } })
  t.strictSame(new Set(gapsOf(oncePerHour)), new Set([3600]))
})

t.test('a poll of eight calls counts eight', async (t) => {
  const limits = { day: 2500 }
  const polls = simulate({ ...threeDays, pollSeconds: 60, callsPerPoll: 8, limits })
  t.ok(isWithin(polls))
  t.ok(longestGap(polls) < 600, `${longestGap(polls)} s`)
  for (const { used } of polls.windows.slice(0, 3)) t.ok(used > 2400, `${used} calls`)
  const seven = planAt(WEDNESDAY, { day: 20 }, { day: 13 }, { callsPerPoll: 8 })
  t.equal(seven.intervalSeconds, 86_400, 'and seven calls are none')
})

t.test('no interval is below the least one', async (t) => {
  const change = { pollSeconds: 10, leastIntervalSeconds: 60 }
  const floor = { intervalSeconds: 60, limitedBy: 'leastInterval' }
  t.strictSame(planAt(WEDNESDAY, {}, {}, change), floor)
  const rich = { hour: 1e6, day: 1e6, month: 1e7 }
  t.strictSame(planAt(WEDNESDAY + 6 * HOUR, rich, {}, { ...change, isChanging: true }), floor)
})

t.test('of several windows the tightest decides', async (t) => {
  const at = WEDNESDAY + 10 * HOUR
  const by = (limits: Limits, used?: Limits): string => planAt(at, limits, used).limitedBy
  t.equal(by({ hour: 4, day: 500, month: 30_000 }), 'hour')
  t.equal(by({ hour: 60, day: 100, month: 30_000 }), 'day')
  t.equal(by({ hour: 60, day: 500, month: 3000 }), 'month')
  t.equal(by({ hour: 60, day: 500, month: 30_000 }), 'pollSeconds')
  t.equal(by({ hour: 60, day: 500, month: 30_000 }, { day: 450 }), 'day')
  const limits = { hour: 20, day: 300, month: 6000 }
  const polls = simulate({ ...threeDays, pollSeconds: 60, limits })
  t.ok(isWithin(polls))
  t.equal(polls.windows.filter(({ window }) => window.period === 'hour').length, 72)
})

t.test('intervals are whole seconds, rounded up', async (t) => {
  const at = WEDNESDAY + 10 * HOUR
  t.equal(planAt(at, { hour: 10 }).intervalSeconds, Math.ceil(3600 / 11))
  const { intervalSeconds } = planAt(at, { day: 1000 })
  t.equal(intervalSeconds, Math.ceil((300 * MEAN_WEIGHT) / weightsOf([AYALON])(at)))
})

t.test('days that begin elsewhere are planned for their own hours', async (t) => {
  // The window ends at 16:00 in Los Angeles and at 14:00 in Kiritimati, among the busy hours.
  for (const timeZone of ['America/Los_Angeles', 'Pacific/Kiritimati', 'Asia/Kathmandu']) {
    const corridors = [corridorWith({ timeZone, calendar: 'monday-friday' })]
    const polls = simulate({ ...threeDays, corridors, pollSeconds: 60, limits: { day: 500 } })
    t.ok(isWithin(polls))
    t.ok(longestGap(polls) < 600, `${timeZone}: ${longestGap(polls)} s`)
    for (const { window } of polls.windows.slice(0, 3))
      t.ok(between(polls, window.toMs - 600_000, window.toMs) > 0, `${timeZone}: never dry`)
  }
})

t.test('on the days when clocks change the weight follows the clocks', async (t) => {
  const before = WEDNESDAY + 5 * HOUR
  for (const [day, winter] of [
    [Date.UTC(2026, 9, 25), true], // a Sunday
    [Date.UTC(2027, 2, 28), false], // the Sunday after the change
  ] as const) {
    const sevenH = day + (winter ? 5 : 4) * HOUR
    t.equal(localTime(sevenH, 'Asia/Jerusalem').hour, 7)
    t.equal(weightsOf([AYALON])(sevenH), weightsOf([AYALON])(before), '07 h of a working day')
  }
  const friday = Date.UTC(2026, 2, 27)
  t.equal(weightsOf([AYALON])(friday + 5 * HOUR), (0.8 * 5.75) / 5.86, '08 h of a Friday')
  for (const day of [Date.UTC(2026, 9, 25), friday]) {
    const polls = simulate({
      fromMs: day - DAY,
      toMs: day + 2 * DAY,
      pollSeconds: 60,
      limits: { day: 500 },
    })
    t.ok(isWithin(polls))
    t.ok(longestGap(polls) < 600, `${longestGap(polls)} s`)
  }
})

t.test('a poll tells most when most vehicles drive', async (t) => {
  const start = WEDNESDAY - 2 * HOUR
  const weights = Array.from({ length: 24 }, (_, hour) =>
    weightsOf([AYALON])(start + hour * HOUR + 59 * 60_000),
  )
  t.equal(Math.max(...weights), 1)
  t.equal(weights[15], 1)
  t.strictSame(weights.slice(0, 5), Array(5).fill(LEAST_WEIGHT))
  t.equal(weights[6], 4.93 / 5.86)
  const mean = weights.reduce((sum, weight) => sum + weight) / 24
  t.equal(mean.toFixed(12), MEAN_WEIGHT.toFixed(12))
  const whole = weightedSeconds({ fromMs: start, toMs: start + DAY }, weightsOf([AYALON]))
  t.equal(whole.toFixed(6), (86_400 * MEAN_WEIGHT).toFixed(6), 'summed over the day')
  const nepal = corridorWith({ timeZone: 'Asia/Kathmandu', calendar: 'monday-friday' })
  // From 05:45 to 06:45.
  const hour = weightedSeconds({ fromMs: WEDNESDAY, toMs: WEDNESDAY + HOUR }, weightsOf([nepal]))
  const expected = (900 * 3.37 + 2700 * 4.93) / 5.86
  t.equal(hour.toFixed(6), expected.toFixed(6), 'also where hours begin a quarter later')
})

t.test('of several corridors the one with most to tell counts', async (t) => {
  const abroad = corridorWith({ timeZone: 'America/New_York', calendar: 'monday-friday' })
  const dayFactors = { working: 5, eve: 0.8, rest: 0.65, yomKippur: 0 }
  const more = corridorWith({ demand: { ...MILL_ROAD.demand, dayFactors } })
  const night = WEDNESDAY
  t.equal(weightsOf([AYALON])(night), LEAST_WEIGHT)
  t.equal(weightsOf([AYALON, abroad])(night), 4.89 / 5.86, '19 h in New York')
  t.equal(weightsOf([more])(WEDNESDAY + 4 * HOUR), 1, 'never above 1')
})

t.test('while traffic changes polls come sooner', async (t) => {
  const at = WEDNESDAY + 6 * HOUR
  for (const pollSeconds of [60, 300]) {
    const wait = (isChanging: boolean): number =>
      planAt(at, { day: 500 }, {}, { pollSeconds, isChanging }).intervalSeconds
    const [steady, changing] = [wait(false), wait(true)]
    t.ok(Math.abs(steady / changing - 1.5) < 0.02, `${steady} and ${changing} s`)
  }
})

t.test('a day that changes all the time is paid for as well', async (t) => {
  const isChanging = () => true
  for (const pollSeconds of [60, 300]) {
    const polls = simulate({ ...threeDays, pollSeconds, limits: { day: 500 }, isChanging })
    t.ok(isWithin(polls))
    for (const { window } of polls.windows.slice(0, 3))
      t.ok(between(polls, window.toMs - HOUR, window.toMs) > 0, 'to its end')
    t.ok(longestGap(untilNight(polls)) < 600, `${longestGap(untilNight(polls))} s by day`)
  }
  const morning = (poll: number): boolean => poll > 60 && poll < 160
  const once = { ...threeDays, pollSeconds: 60, limits: { day: 500 }, isChanging: morning }
  t.ok(longestGap(simulate(once)) < 600, 'a morning that changes costs no gap later')
})

const ZONES = ['Asia/Jerusalem', 'UTC', 'America/New_York', 'Asia/Kathmandu', 'Africa/Cairo']

/** Limits of at least one poll each. */
const situations = fc
  .record({
    callsPerPoll: fc.integer({ min: 1, max: 12 }),
    polls: fc.record(
      {
        hour: fc.integer({ min: 1, max: 100 }),
        day: fc.integer({ min: 1, max: 1000 }),
        month: fc.integer({ min: 1, max: 10_000 }),
      },
      { requiredKeys: [] },
    ),
    odd: fc.integer({ min: 0, max: 11 }),
    shareUsed: fc.double({ min: 0, max: 1, noNaN: true }),
    fromMs: fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2035, 0) }),
    timeZone: fc.constantFrom(...ZONES),
    pollSeconds: fc.integer({ min: 1, max: 7200 }),
    leastIntervalSeconds: fc.integer({ min: 1, max: 3600 }),
    changes: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  })
  .map(({ callsPerPoll, polls, odd, shareUsed, timeZone, changes, ...rest }): Days => {
    const each = (value: (polls: number) => number): Limits =>
      Object.fromEntries(Object.entries(polls).map(([period, most]) => [period, value(most)]))
    const limitOf = (most: number): number => most * callsPerPoll + (odd % callsPerPoll)
    return {
      ...rest,
      // As long as 80 polls at most: minutes to days.
      toMs: rest.fromMs + 80_000 * rest.leastIntervalSeconds,
      callsPerPoll,
      corridors: [corridorWith({ timeZone })],
      limits: each(limitOf),
      used: each((most) => Math.floor(limitOf(most) * shareUsed)),
      isChanging: (poll) => changes[poll % changes.length] ?? false,
      isWaiting: true,
    }
  })

t.test('no window ever counts more calls than its limit', async (t) => {
  holds(
    t,
    'and every interval is a whole number of seconds, at least the least one',
    fc.property(situations, (days) => {
      const polls = simulate(days)
      const least = days.leastIntervalSeconds ?? 0
      return (
        isWithin(polls) &&
        polls.plans.every(
          ({ intervalSeconds }) =>
            Number.isSafeInteger(intervalSeconds) && intervalSeconds >= least,
        )
      )
    }),
  )
})

/** The mill road seen at speeds of its sections in order: north-1 (1 km), -2 (3 km), south-2, -1. */
const IDS = ['north-1', 'north-2', 'south-2', 'south-1'] as const
const observed = (
  speeds: readonly (number | null)[],
  provider: ProviderName = 'here',
): Observed => ({
  corridor: MILL_ROAD,
  snapshot: {
    provider,
    observedAtMs: WEDNESDAY,
    sections: IDS.map((id, index) => {
      const speed = speeds[index] ?? null
      return speed === null ? unseen(id, 'closed', 1) : seen(id, speed)
    }),
  },
})

t.test('traffic changes where its travel time differs by a tenth', async (t) => {
  const change = (...rows: (readonly (number | null)[])[]): boolean =>
    isTrafficChanging(rows.map((row) => observed(row)))
  t.notOk(change(), 'nothing was observed')
  t.notOk(change([80, 80, 80, 80]), 'nor anything before')
  t.notOk(change([80, 80, 80, 80], [75, 75, 75, 75]), 'seven per cent')
  t.ok(change([80, 80, 80, 80], [70, 70, 70, 70]), 'slower by a seventh')
  t.ok(change([70, 70, 70, 70], [80, 80, 80, 80]), 'faster')
  t.ok(change([80, 80, 80, 80], [80, 80, 70, 70]), 'in one direction')
  t.ok(change([60, 60, 40, 40], [40, 40, 60, 60]), 'in both, one for the other')
  t.notOk(change([80, 80, 80, 80], [60, 80, 80, 80]), 'a short section is a small part')
  t.notOk(change([80, 80, 80, 80], [40, 40, 40, 40], [40, 40, 40, 40]), 'not any more')
  t.notOk(change([2, 2, 2, 2], [4, 4, 4, 4]), 'standing traffic is noise')
})

t.test('only sections that are ok in both observations are compared', async (t) => {
  const change = (...rows: (readonly (number | null)[])[]): boolean =>
    isTrafficChanging(rows.map((row) => observed(row)))
  t.notOk(change([80, null, 80, 80], [80, 20, 80, 80]), 'it was closed before')
  t.notOk(change([80, 20, 80, 80], [80, null, 80, 80]), 'it is closed now')
  t.ok(change([80, null, 80, 80], [40, 20, 80, 80]), 'the other one alone')
  t.notOk(change([null, null, null, null], [80, 80, 80, 80]), 'none is in both')
})

t.test('two providers that differ are no change', async (t) => {
  const before = observed([80, 80, 80, 80], 'tomtom')
  t.notOk(isTrafficChanging([before, observed([40, 40, 40, 40])]))
})
