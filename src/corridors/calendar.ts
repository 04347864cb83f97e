import { flags, HebrewCalendar } from '@hebcal/core'
import type { LocalTime } from './local-time.ts'

/** How a day's traffic compares with a working day's. */
export type DayType = 'working' | 'eve' | 'rest' | 'yomKippur'
export type CalendarName = 'israel' | 'monday-friday'

/** A day's traffic as a share of a working day's. Assumption. */
export const DAY_FACTORS: Readonly<Record<DayType, number>> = {
  working: 1,
  eve: 0.8,
  rest: 0.65,
  yomKippur: 0.02,
}

/** The calendar day only; the clock does not matter. */
type LocalDay = Pick<LocalTime, 'year' | 'month' | 'day' | 'weekday'>

const SUNDAY = 0
const FRIDAY = 5
const SATURDAY = 6

/**
 * The kind of day. In Israel Sunday to Thursday are working days; Friday and the eve of a
 * holiday are eves; Saturday and holidays are days of rest; Yom Kippur stands alone.
 * Elsewhere Saturday counts as an eve and Sunday as a day of rest.
 */
export function dayType(day: LocalDay, calendar: CalendarName): DayType {
  if (calendar === 'monday-friday') {
    if (day.weekday === SUNDAY) return 'rest'
    return day.weekday === SATURDAY ? 'eve' : 'working'
  }
  const date = new Date(day.year, day.month - 1, day.day)
  const holiday = israeliHoliday(date)
  if (holiday !== null) return holiday
  if (day.weekday === SATURDAY) return 'rest'
  const tomorrow = new Date(day.year, day.month - 1, day.day + 1)
  return day.weekday === FRIDAY || israeliHoliday(tomorrow) !== null ? 'eve' : 'working'
}

/** Days on which Israel rests by law: the biblical feasts and Independence Day. */
function israeliHoliday(date: Date): 'rest' | 'yomKippur' | null {
  const names = (HebrewCalendar.getHolidaysOnDate(date, true) ?? [])
    .filter((event) => (event.getFlags() & flags.CHAG) !== 0 || isIndependenceDay(event.getDesc()))
    .map((event) => event.getDesc())
  if (names.length === 0) return null
  return names.includes('Yom Kippur') ? 'yomKippur' : 'rest'
}

const isIndependenceDay = (name: string): boolean => name === "Yom HaAtzma'ut"
