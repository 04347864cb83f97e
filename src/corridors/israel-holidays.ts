/** The day of the Hebrew calendar without its year, e.g. "10 Tishri". */
const hebrewDay = new Intl.DateTimeFormat('en-u-ca-hebrew', {
  timeZone: 'UTC',
  day: 'numeric',
  month: 'long',
})

/** The biblical feasts. None is in Adar, the month that a leap year has twice. */
const FEASTS: ReadonlyMap<string, 'rest' | 'yomKippur'> = new Map([
  ['1 Tishri', 'rest'], // Rosh Hashana
  ['2 Tishri', 'rest'],
  ['10 Tishri', 'yomKippur'],
  ['15 Tishri', 'rest'], // Sukkot
  ['22 Tishri', 'rest'], // Shemini Atzeret
  ['15 Nisan', 'rest'], // the first day of Passover
  ['21 Nisan', 'rest'], // and its last
  ['6 Sivan', 'rest'], // Shavuot
])

/**
 * Independence Day is 5 Iyar, which is a Monday, Wednesday, Friday or Saturday, and keeps off the
 * Sabbath. Which days can be it, with their weekday (0 is Sunday):
 */
const SINCE_1949 = [
  '3 Iyar 4', // the Thursday before, because 5 Iyar is a Saturday
  '4 Iyar 4', // the Thursday before, because it is a Friday
  '5 Iyar 3', // a Wednesday
]
const UNTIL_2003: ReadonlySet<string> = new Set([...SINCE_1949, '5 Iyar 1'])
/** A Monday is put off, so that Memorial Day, the eve, does not begin as the Sabbath ends. */
const SINCE_2004: ReadonlySet<string> = new Set([...SINCE_1949, '6 Iyar 2'])

/**
 * Days on which Israel rests by law: the biblical feasts and Independence Day (Independence Day
 * Law 5709-1949, as amended in 5764-2004); null on any other, an ordinary Saturday too.
 *
 * @param dayMs a moment of the calendar day as UTC shows it, epoch ms; from 1949
 */
export function israeliHoliday(dayMs: number): 'rest' | 'yomKippur' | null {
  const hebrew = hebrewDay.format(dayMs)
  const feast = FEASTS.get(hebrew)
  if (feast !== undefined) return feast
  const date = new Date(dayMs)
  const independenceDay = date.getUTCFullYear() < 2004 ? UNTIL_2003 : SINCE_2004
  return independenceDay.has(`${hebrew} ${date.getUTCDay()}`) ? 'rest' : null
}
