import { z } from 'zod'
import { startOfDate } from '../corridors/buckets.ts'

/** Older years have clocks and calendars of their own; no road was measured in them. */
const notBefore1970 = (text: string): boolean => text >= '1970'

/** A moment, or a calendar date, which stands for its first moment in a corridor's time zone. */
export const momentSchema = z.union(
  [
    z.iso
      .datetime({ offset: true })
      .refine(notBefore1970)
      .transform((text) => ({ atMs: Date.parse(text) })),
    z.iso
      .date()
      .refine(notBefore1970)
      .transform((date) => ({ date })),
  ],
  'must be a date such as 2026-11-21, or a time such as 2026-11-21T05:00:00Z, from 1970 on',
)
export type Moment = z.infer<typeof momentSchema>

/** Epoch milliseconds of a moment. */
export function momentMs(moment: Moment, timeZone: string): number {
  if ('atMs' in moment) return moment.atMs
  const [year = 0, month = 0, day = 0] = moment.date.split('-').map(Number)
  return startOfDate(year, month, day, timeZone)
}
