import fc from 'fast-check'
import t from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { type CalendarName, DAY_FACTORS, dayType } from '../../src/corridors/calendar.ts'
import { HOURLY_SHARE_PERCENT, profileVehH, shareOfHour } from '../../src/corridors/demand.ts'
import { localTime } from '../../src/corridors/local-time.ts'
import { holds } from '../impact/fixtures/holds.ts'
import { corridorWith } from './fixtures/straight-road.ts'

const HOUR = 3_600_000
const JERUSALEM = 'Asia/Jerusalem'

/** The kind of a day given as an ISO date. */
const kindOf = (date: string, calendar: CalendarName = 'israel') => {
  const utc = new Date(date)
  const [year, month, day] = [utc.getUTCFullYear(), utc.getUTCMonth() + 1, utc.getUTCDate()]
  return dayType({ year, month, day, weekday: utc.getUTCDay() }, calendar)
}

/** Every full hour of a local calendar day, as epoch milliseconds. */
const hoursOf = (date: string, timeZone = JERUSALEM): number[] => {
  const day = Number(date.slice(-2))
  return Array.from({ length: 72 }, (_, hour) => Date.parse(date) + (hour - 24) * HOUR).filter(
    (atMs) => localTime(atMs, timeZone).day === day,
  )
}

t.test('Israel works from Sunday to Thursday', async (t) => {
  // The week of 15 November 2026 has no holiday.
  const week = ['15', '16', '17', '18', '19', '20', '21'].map((day) => kindOf(`2026-11-${day}`))
  const working = 'working'
  t.strictSame(week, [working, working, working, working, working, 'eve', 'rest'])
  t.strictSame(DAY_FACTORS.working, 1)
  t.strictSame([DAY_FACTORS.eve, DAY_FACTORS.rest], [0.8, 0.65])
  t.ok(DAY_FACTORS.yomKippur >= 0 && DAY_FACTORS.yomKippur <= 0.05, 'about none')
})

t.test("Israel's holidays are days of rest, and the days before them eves", async (t) => {
  const days: Record<string, string> = {
    '2026-09-20': 'eve', // a Sunday, the eve of
    '2026-09-21': 'yomKippur', // a Monday
    '2026-09-22': 'working',
    '2027-10-11': 'yomKippur',
    '2024-10-12': 'yomKippur', // a Saturday
    '2026-09-11': 'eve', // a Friday, the eve of Rosh Hashana
    '2026-09-12': 'rest', // its first day, a Saturday
    '2026-09-13': 'rest', // its second day, a Sunday
    '2025-09-22': 'eve',
    '2025-09-23': 'rest', // Rosh Hashana on a Tuesday
    '2025-09-24': 'rest', // and a Wednesday
    '2026-04-01': 'eve',
    '2026-04-02': 'rest', // the first day of Passover, a Thursday
    '2026-04-08': 'rest', // its last day in Israel, a Wednesday
    '2026-04-09': 'working', // a holiday abroad only
    '2026-05-21': 'eve',
    '2026-05-22': 'rest', // Shavuot, a Friday: no eve
    '2026-04-21': 'eve', // Memorial Day, the eve of
    '2026-04-22': 'rest', // Independence Day, a Wednesday
    '2024-05-13': 'eve',
    '2024-05-14': 'rest', // Independence Day, put off by a day
    '2021-03-27': 'rest', // a Saturday that is the eve of Passover
    '2021-03-28': 'rest', // Passover on a Sunday
    '2026-03-03': 'working', // Purim, no day of rest by law
    '2026-12-31': 'working', // no Hebrew date ends with the year
  }
  for (const [date, kind] of Object.entries(days)) t.equal(kindOf(date), kind, date)
})

t.test('elsewhere Saturday counts as an eve and Sunday is a day of rest', async (t) => {
  // Monday 21 September 2026 is Yom Kippur, which this calendar does not know.
  const week = ['20', '21', '22', '23', '24', '25', '26'].map((day) =>
    kindOf(`2026-09-${day}`, 'monday-friday'),
  )
  const working = 'working'
  t.strictSame(week, ['rest', working, working, working, working, working, 'eve'])
})

t.test("the kind of a day does not depend on the machine's own time zone", async (t) => {
  const { TZ } = process.env
  t.teardown(() => {
    if (TZ === undefined) delete process.env.TZ
    else process.env.TZ = TZ
  })
  for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'America/New_York', 'UTC']) {
    process.env.TZ = zone
    t.strictSame(
      ['2026-09-20', '2026-09-21', '2026-09-22'].map((date) => kindOf(date)),
      ['eve', 'yomKippur', 'working'],
      zone,
    )
  }
})

t.test('local time follows the clocks of the zone', async (t) => {
  const new2026 = Date.UTC(2025, 11, 31, 22, 30)
  t.strictSame(localTime(new2026, JERUSALEM), {
    year: 2026,
    month: 1,
    day: 1,
    weekday: 4, // a Thursday
    hour: 0, // midnight is hour 0, never 24
    minute: 30,
  })
  t.match(localTime(new2026, 'America/Los_Angeles'), { year: 2025, day: 31, weekday: 3, hour: 14 })
  t.match(localTime(new2026, 'Asia/Kathmandu'), { day: 1, hour: 4, minute: 15 }, 'UTC+5:45')
  holds(
    t,
    'a local time is at most a day from UTC, by whole quarters of an hour',
    fc.property(
      fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2050, 0) }),
      fc.constantFrom('UTC', JERUSALEM, 'Asia/Kathmandu', 'Pacific/Kiritimati', 'America/St_Johns'),
      (atMs, zone) => {
        const { year, month, day, weekday, hour, minute } = localTime(atMs, zone)
        const shown = Date.UTC(year, month - 1, day, hour, minute)
        const offMinutes = (shown - Math.floor(atMs / 60_000) * 60_000) / 60_000
        return (
          Math.abs(offMinutes) <= 14 * 60 &&
          offMinutes % 15 === 0 &&
          weekday === new Date(shown).getUTCDay()
        )
      },
    ),
  )
})

t.test("Israel's days of 23 and 25 hours have the hours that its clocks show", async (t) => {
  const hours = (date: string) => hoursOf(date).map((atMs) => localTime(atMs, JERUSALEM).hour)
  const all = Array.from({ length: 24 }, (_, hour) => hour)
  t.strictSame(hours('2026-03-26'), all)
  t.strictSame(
    hours('2026-03-27'),
    all.filter((hour) => hour !== 2),
    'clocks go forward from 02:00 to 03:00',
  )
  t.strictSame(
    hours('2026-10-25'),
    all.toSpliced(1, 0, 1),
    'and back from 02:00 to 01:00: an hour twice',
  )
})

t.test('the profile gives every hour its share of the day, 100 % in all', async (t) => {
  // The model's weekday profile, percent from 00 h.
  const published = [
    1.21, 0.76, 0.67, 0.9, 1.8, 3.37, 4.93, 5.85, 5.75, 5.67, 5.59, 5.57, 5.63, 5.73, 5.83, 5.86,
    5.69, 5.59, 5.36, 4.89, 4.4, 3.91, 3, 2.04,
  ]
  t.strictSame([...HOURLY_SHARE_PERCENT], published)
  t.equal(published.reduce((sum, share) => sum + share).toFixed(9), '100.000000000')
  const totalOf = (date: string): string =>
    hoursOf(date)
      .reduce((sum, atMs) => sum + profileVehH(AYALON, atMs).central, 0)
      .toFixed(3)
  t.equal(totalOf('2026-11-15'), '100000.000', 'a working day')
  t.equal(totalOf('2026-11-20'), '80000.000', 'a Friday')
  t.equal(totalOf('2026-11-21'), '65000.000', 'a Saturday')
  t.equal(totalOf('2026-09-13'), '65000.000', 'a holiday on a Sunday')
  t.ok(Number(totalOf('2026-09-21')) < 5000, 'Yom Kippur')
  t.equal(totalOf('2026-03-27'), (80_000 * (1 - 0.0067)).toFixed(3), 'a Friday without 02 h')
  t.equal(totalOf('2026-10-25'), (100_000 * 1.0076).toFixed(3), 'a Sunday with 01 h twice')
})

t.test('a corridor may know its own days better', async (t) => {
  const dayFactors = { working: 1, eve: 0.5, rest: 0.25, yomKippur: 0 }
  const known = { ...AYALON, demand: { ...AYALON.demand, dayFactors } }
  const friday = Date.UTC(2026, 10, 20, 6, 10)
  t.equal(profileVehH(known, friday).central, 0.5 * 5750)
})

t.test('an hour that no day has carries no traffic', async (t) => {
  t.equal(shareOfHour(23), 0.0204)
  t.equal(shareOfHour(24), 0)
})

t.test('the profile carries the uncertainty of the demand', async (t) => {
  // Sunday 15 November 2026, 08:10 in Jerusalem (winter time): 5.75 % of 100,000.
  const { low, central, high } = profileVehH(AYALON, Date.UTC(2026, 10, 15, 6, 10))
  t.equal(central.toFixed(6), '5750.000000')
  t.equal(low.toFixed(6), (5750 * 0.75).toFixed(6))
  t.equal(high.toFixed(6), (5750 * 1.25).toFixed(6))
  const abroad = corridorWith({ timeZone: 'America/New_York', calendar: 'monday-friday' })
  // The same moment is 01:10 on a Sunday in New York: 0.76 % of 0.65 × 40,000.
  const night = profileVehH(abroad, Date.UTC(2026, 10, 15, 6, 10))
  t.equal(night.central.toFixed(6), (0.0076 * 0.65 * 40_000).toFixed(6))
})
