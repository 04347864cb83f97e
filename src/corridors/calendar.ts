import { israeliHoliday } from './israel-holidays.ts'
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

const DAY_MS = 86_400_000
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
  const dayMs = Date.UTC(day.year, day.month - 1, day.day)
  const holiday = israeliHoliday(dayMs)
  if (holiday !== null) return holiday
  if (day.weekday === SATURDAY) return 'rest'
  return day.weekday === FRIDAY || israeliHoliday(dayMs + DAY_MS) !== null ? 'eve' : 'working'
}
