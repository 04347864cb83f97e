import { flags, HebrewCalendar } from '@hebcal/core'
import t from 'tap'
import { type DayType, dayType } from '../../src/corridors/calendar.ts'

const DAY_MS = 86_400_000
/** The Independence Day Law is of April 1949. */
const FROM_MS = Date.UTC(1949, 3, 1)
const TO_MS = Date.UTC(2100, 0, 1)

const INDEPENDENCE_DAY = "Yom HaAtzma'ut"

/** What the calendar of others calls the day. */
function holidayBy(atMs: number): 'rest' | 'yomKippur' | null {
  const date = new Date(atMs)
  const day = new Date(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate())
  const names = (HebrewCalendar.getHolidaysOnDate(day, true) ?? [])
    .filter((event) => event.getFlags() & flags.CHAG || event.getDesc() === INDEPENDENCE_DAY)
    .map((event) => event.getDesc())
  if (names.length === 0) return null
  return names.includes('Yom Kippur') ? 'yomKippur' : 'rest'
}

function kindBy(atMs: number, weekday: number): DayType {
  const holiday = holidayBy(atMs)
  if (holiday !== null) return holiday
  if (weekday === 6) return 'rest'
  return weekday === 5 || holidayBy(atMs + DAY_MS) !== null ? 'eve' : 'working'
}

t.test('every day from 1949 to 2099 is of the kind that another calendar gives it', async (t) => {
  const different: string[] = []
  let days = 0
  for (let atMs = FROM_MS; atMs < TO_MS; atMs += DAY_MS) {
    const date = new Date(atMs)
    const weekday = date.getUTCDay()
    const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]
    const [ours, theirs] = [dayType({ year, month, day, weekday }, 'israel'), kindBy(atMs, weekday)]
    if (ours !== theirs) different.push(`${date.toISOString()}: ${ours}, not ${theirs}`)
    days += 1
  }
  t.strictSame(different, [])
  t.equal(days, 55_062)
})
