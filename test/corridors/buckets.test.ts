import fc from 'fast-check'
import t from 'tap'
import {
  bucketOf,
  bucketsOf,
  countBuckets,
  dayOf,
  INTERVAL_SECONDS,
  INTERVALS,
  type Interval,
  type Span,
  startOfDate,
} from '../../src/corridors/buckets.ts'
import { holds } from '../impact/fixtures/holds.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const JERUSALEM = 'Asia/Jerusalem'

/** Zones with every kind of clock change that there is, and without any. */
const ZONES = [
  'UTC',
  JERUSALEM,
  'Europe/Berlin',
  'America/New_York',
  'Africa/Cairo', // forward at midnight, back to the day before
  'Asia/Beirut', // the same
  'America/Sao_Paulo', // the same, until 2019
  'America/Havana', // back to midnight, which is there twice
  'America/St_Johns', // back over midnight at 00:01, until 2011
  'Asia/Kolkata', // half an hour
  'Asia/Kathmandu', // a quarter
  'Australia/Lord_Howe', // changes by half an hour
  'Pacific/Kiritimati', // 14 hours ahead
  'Pacific/Pago_Pago', // 11 behind
]

/** Dates as the runtime itself tells them; shares no code with what is tested. */
function dateTeller(timeZone: string): (atMs: number) => string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
  return (atMs) => format.format(atMs).split('/').toReversed().join('-')
}

/** The first minute that shows an ISO date, found by looking at every one. */
function firstMinuteOf(date: string, timeZone: string): number {
  const dateAt = dateTeller(timeZone)
  let atMs = Date.parse(date) - DAY
  while (dateAt(atMs) !== date) atMs += MINUTE
  return atMs
}

const startOf = (date: string, timeZone: string): number => {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number)
  return startOfDate(year, month, day, timeZone)
}

/** The day that begins with a date. */
const dayBeginning = (date: string, timeZone: string): Span =>
  dayOf(startOf(date, timeZone), timeZone)

const lengthOf = ({ fromMs, toMs }: Span): number => toMs - fromMs
const isoOf = ({ fromMs, toMs }: Span): string[] =>
  [fromMs, toMs].map((atMs) => new Date(atMs).toISOString())

/** Noon in UTC of the days of some years on which, or after which, a zone's clocks change. */
const CHANGES = new Map(ZONES.map((timeZone) => [timeZone, changesOf(timeZone)]))

function changesOf(timeZone: string): number[] {
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
  const days = [2009, 2018, 2026].flatMap((year) =>
    Array.from({ length: 366 }, (_, day) => Date.UTC(year, 0, 1 + day, 12)),
  )
  const offsets = days.map((atMs) => format.format(atMs).replace(/.*GMT/, ''))
  return days.filter((_, index) => offsets[index] !== (offsets[index + 1] ?? offsets[index]))
}

/** A zone and a moment in it of the years 2000 to 2040, as often as not near a change of clocks. */
const moments = fc.constantFrom(...ZONES).chain((timeZone) => {
  const [first = Date.UTC(2026, 0), ...more] = CHANGES.get(timeZone) ?? []
  const near = fc
    .tuple(fc.constantFrom(first, ...more), fc.integer({ min: -DAY, max: 2 * DAY }))
    .map(([changeMs, offMs]) => changeMs + offMs)
  const any = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2040, 0) })
  return fc.record({ timeZone: fc.constant(timeZone), atMs: fc.oneof(any, near) })
})

t.test('a day has 23, 24 or 25 hours, as the clocks of its zone say', async (t) => {
  for (const [zone, date, hours] of [
    [JERUSALEM, '2026-03-26', 24],
    [JERUSALEM, '2026-03-27', 23],
    [JERUSALEM, '2026-10-24', 24],
    [JERUSALEM, '2026-10-25', 25],
    ['Europe/Berlin', '2026-03-29', 23],
    ['Europe/Berlin', '2026-10-25', 25],
    ['Australia/Lord_Howe', '2026-04-05', 24.5],
    ['Australia/Lord_Howe', '2026-10-04', 23.5],
    ['Africa/Cairo', '2026-04-24', 23],
    ['Africa/Cairo', '2026-10-29', 25],
    ['America/Sao_Paulo', '2018-02-17', 25],
    ['America/Sao_Paulo', '2018-11-04', 23],
    ['Asia/Kolkata', '2026-03-27', 24],
    ['Asia/Kathmandu', '2026-10-25', 24],
  ] as const) {
    t.equal(lengthOf(dayBeginning(date, zone)) / HOUR, hours, `${zone} ${date}`)
    t.equal(
      bucketsOf(dayBeginning(date, zone), '1h', zone).toArray().length,
      Math.ceil(hours),
      'half an hour at its end is a bucket of its own',
    )
  }
})

t.test('the days of the clock change begin and end at local midnight', async (t) => {
  t.strictSame(isoOf(dayBeginning('2026-03-27', JERUSALEM)), [
    '2026-03-26T22:00:00.000Z',
    '2026-03-27T21:00:00.000Z',
  ])
  t.strictSame(isoOf(dayBeginning('2026-10-25', JERUSALEM)), [
    '2026-10-24T21:00:00.000Z',
    '2026-10-25T22:00:00.000Z',
  ])
})

t.test('a day without midnight begins when its clocks begin', async (t) => {
  for (const [zone, date, start] of [
    ['Africa/Cairo', '2026-04-24', '2026-04-23T22:00:00.000Z'],
    ['Asia/Beirut', '2026-03-29', '2026-03-28T22:00:00.000Z'],
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00.000Z'],
  ] as const) {
    t.equal(new Date(startOf(date, zone)).toISOString(), start, `${zone} ${date}`)
    const { fromMs } = bucketOf(startOf(date, zone) + 10 * MINUTE, '1h', zone)
    t.equal(new Date(fromMs).toISOString(), start, 'and its first hour with it')
  }
})

t.test('a day begins with the first minute that shows its date', async (t) => {
  for (const zone of ZONES) {
    const dateAt = dateTeller(zone)
    const changed = (CHANGES.get(zone) ?? []).flatMap((noonMs) => [noonMs, noonMs + DAY])
    const dates = changed.map(dateAt)
    for (const date of [...dates, '2000-02-29', '2030-01-01', '2039-12-31'])
      t.equal(startOf(date, zone), firstMinuteOf(date, zone), `${zone} ${date}`)
  }
})

t.test('a date that a zone left out is empty, and the days beside it are whole', async (t) => {
  // Samoa moved across the date line at the end of 29 December 2011: the 30th never was.
  const zone = 'Pacific/Apia'
  const span = { fromMs: startOf('2011-12-28', zone), toMs: startOf('2012-01-02', zone) }
  const days = bucketsOf(span, '1d', zone).take(9).toArray()
  const dateAt = dateTeller(zone)
  t.strictSame(
    days.map(({ fromMs }) => dateAt(fromMs)),
    ['2011-12-28', '2011-12-29', '2011-12-31', '2012-01-01'],
  )
  t.ok(days.every((day) => lengthOf(day) === DAY))
  t.equal(startOf('2011-12-30', zone), startOf('2011-12-31', zone))
})

t.test('where clocks go back over midnight the day that began goes on', async (t) => {
  // At 00:01 on 1 November 2009 it was 23:01 on 31 October once more.
  const zone = 'America/St_Johns'
  const twice = Date.parse('2009-11-01T02:45:00Z')
  t.equal(dateTeller(zone)(twice), '2009-10-31')
  t.strictSame(dayOf(twice, zone), dayBeginning('2009-11-01', zone))
  const span = { fromMs: twice - DAY, toMs: twice + DAY }
  t.equal(bucketsOf(span, '1d', zone).take(9).toArray().length, 2, 'a walk comes to its end')
})

t.test('hours are whole in zones that are half an hour off', async (t) => {
  const at = Date.parse('2026-11-18T06:10:00Z')
  t.strictSame(isoOf(bucketOf(at, '1h', 'Asia/Kolkata')), [
    '2026-11-18T05:30:00.000Z',
    '2026-11-18T06:30:00.000Z',
  ])
  t.strictSame(isoOf(bucketOf(at, '1h', 'Asia/Kathmandu')), [
    '2026-11-18T05:15:00.000Z',
    '2026-11-18T06:15:00.000Z',
  ])
})

t.test('a bucket ends where the next one begins: its end lies in the next', async (t) => {
  const at = Date.parse('2026-11-18T06:00:00Z')
  for (const interval of INTERVALS) {
    const { fromMs, toMs } = bucketOf(at, interval, JERUSALEM)
    t.equal(bucketOf(toMs - 1, interval, JERUSALEM).fromMs, fromMs, interval)
    t.equal(bucketOf(toMs, interval, JERUSALEM).fromMs, toMs, interval)
  }
  t.equal(bucketOf(at, '1h', JERUSALEM).fromMs, at)
})

t.test('every moment lies in its bucket, which is no longer than its interval', async (t) => {
  const isIn = (atMs: number, { fromMs, toMs }: Span) => fromMs <= atMs && atMs < toMs
  holds(
    t,
    'from below to',
    fc.property(moments, fc.constantFrom(...INTERVALS), ({ atMs, timeZone }, interval) => {
      const bucket = bucketOf(atMs, interval, timeZone)
      const longest = INTERVAL_SECONDS[interval] * 1000 + (interval === '1d' ? HOUR : 0)
      return isIn(atMs, bucket) && lengthOf(bucket) <= longest
    }),
  )
  holds(
    t,
    'and every moment of a bucket has the same bucket',
    fc.property(
      moments,
      fc.constantFrom(...INTERVALS),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      ({ atMs, timeZone }, interval, share) => {
        const bucket = bucketOf(atMs, interval, timeZone)
        const other = bucket.fromMs + Math.floor(share * lengthOf(bucket))
        const { fromMs, toMs } = bucketOf(other, interval, timeZone)
        return fromMs === bucket.fromMs && toMs === bucket.toMs
      },
    ),
  )
})

t.test('each bucket lies wholly in one of the next longer interval', async (t) => {
  for (const [short, long] of [
    ['5m', '15m'],
    ['15m', '1h'],
    ['1h', '1d'],
  ] as const)
    holds(
      t,
      `${short} in ${long}`,
      fc.property(moments, ({ atMs, timeZone }) => {
        const inner = bucketOf(atMs, short, timeZone)
        const outer = bucketOf(atMs, long, timeZone)
        return outer.fromMs <= inner.fromMs && inner.toMs <= outer.toMs
      }),
    )
})

/** Longest walk of a property, in buckets. */
const MOST = 400

const spans = fc.record({
  start: moments,
  interval: fc.constantFrom(...INTERVALS),
  steps: fc.double({ min: 0.001, max: MOST - 5, noNaN: true }),
})
const spanOf = (atMs: number, interval: Interval, steps: number): Span => ({
  fromMs: atMs,
  toMs: atMs + Math.ceil(steps * INTERVAL_SECONDS[interval] * 1000),
})

t.test('the buckets of a span tile it without a hole or an overlap', async (t) => {
  holds(
    t,
    'and are those that its moments lie in',
    fc.property(spans, ({ start: { atMs, timeZone }, interval, steps }) => {
      const span = spanOf(atMs, interval, steps)
      const buckets = bucketsOf(span, interval, timeZone).take(MOST).toArray()
      const [first, last] = [buckets[0], buckets.at(-1)]
      if (first === undefined || last === undefined) return false
      return (
        first.fromMs <= span.fromMs &&
        span.fromMs < first.toMs &&
        last.fromMs < span.toMs &&
        span.toMs <= last.toMs &&
        buckets.every(({ fromMs, toMs }, index) => {
          const own = bucketOf(fromMs, interval, timeZone)
          const next = buckets[index + 1]?.fromMs ?? toMs
          return toMs === next && own.fromMs === fromMs && own.toMs === toMs
        })
      )
    }),
  )
  t.strictSame(bucketsOf({ fromMs: 5, toMs: 5 }, '1h', 'UTC').toArray(), [], 'nothing has none')
})

t.test('the parts of a day are the whole day', async (t) => {
  holds(
    t,
    'at every interval',
    fc.property(moments, fc.constantFrom(...INTERVALS), ({ atMs, timeZone }, interval) => {
      const day = dayOf(atMs, timeZone)
      const parts = bucketsOf(day, interval, timeZone).take(500).toArray()
      const sum = parts.reduce((total, part) => total + lengthOf(part), 0)
      return sum === lengthOf(day) && parts[0]?.fromMs === day.fromMs
    }),
  )
})

t.test('counting buckets gives what walking through them gives', async (t) => {
  const whole = ZONES.filter((zone) => zone !== 'Australia/Lord_Howe')
  holds(
    t,
    'for spans of whole buckets',
    fc.property(
      spans.filter(({ start }) => whole.includes(start.timeZone)),
      ({ start: { atMs, timeZone }, interval, steps }) => {
        const { fromMs, toMs } = spanOf(atMs, interval, steps)
        const span = {
          fromMs: bucketOf(fromMs, interval, timeZone).fromMs,
          toMs: bucketOf(toMs - 1, interval, timeZone).toMs,
        }
        const walked = bucketsOf(span, interval, timeZone).take(MOST).toArray().length
        return countBuckets(span, interval) === walked
      },
    ),
  )
  const year = { fromMs: startOf('2026-01-01', JERUSALEM), toMs: startOf('2027-01-01', JERUSALEM) }
  t.strictSame(
    INTERVALS.map((interval) => countBuckets(year, interval)),
    [105_120, 35_040, 8760, 365],
  )
})
