import { z } from 'zod'
import { INTERVALS } from '../../corridors/buckets.ts'
import { SOURCES } from '../../corridors/snapshot.ts'
import { GROUPINGS } from '../../storage/totals/read-totals.ts'
import { modelChoice } from '../../views/choices.ts'
import { modelSchema } from '../../views/model.ts'
import { momentSchema } from '../../views/moment.ts'
import { numberText } from '../../views/number-text.ts'
import { totalsSchema } from '../../views/totals.ts'
import { utcTime } from '../../views/utc-time.ts'

const MOST_ROWS = 1000

/** Which totals of a corridor are asked for. `to` is not part of the range itself. */
export const historyQuery = z.strictObject({
  from: momentSchema
    .optional()
    .describe("A time, or a date in the corridor's time zone. Default: a day before the end."),
  to: momentSchema
    .optional()
    .describe('End of the range, which is not part of it. Default, and at most: now.'),
  interval: z
    .enum(INTERVALS)
    .default('1h')
    .describe('Length of a bucket; 1d is a calendar day in the time zone of the corridor.'),
  format: z
    .enum(['json', 'csv'])
    .optional()
    .describe('Stands before the Accept header. Default: json.'),
  model: modelChoice.optional().describe('The model that computed. Default: physical.'),
  by: z
    .enum(GROUPINGS)
    .optional()
    .describe(
      'What each row is for. Default: corridor, in CSV section; what is named is narrower.',
    ),
  direction: z.string().optional().describe('Only this direction.'),
  section: z.string().optional().describe('Only the section with this id.'),
  limit: numberText(/^\d{1,9}$/, z.int('must be a whole number').min(1).max(MOST_ROWS))
    .prefault(500)
    .describe('Most rows of a page of JSON. CSV has no pages.'),
})
export type HistoryQuery = z.infer<typeof historyQuery>

/** One page of a corridor's totals, bucket by bucket; what was not measured is a bucket too. */
export const historySchema = z
  .object({
    corridor: z.string(),
    name: z.string(),
    timeZone: z.string(),
    currency: z.string(),
    source: z.enum(SOURCES).describe('What the totals stand on: live, simulated or replay.'),
    interval: z.enum(INTERVALS),
    from: utcTime.describe('Start of the first bucket of the range.'),
    to: utcTime.describe('End of the last bucket of the range.'),
    by: z.enum(GROUPINGS),
    model: modelSchema.describe(
      'The model asked for, as it computes now; each bucket tells the version that computed it.',
    ),
    buckets: z.array(
      totalsSchema
        .extend({
          direction: z.string().nullable().describe('Null where the totals are of all directions.'),
          section: z.string().nullable().describe('Null where the totals are of all sections.'),
          modelVersion: z
            .string()
            .nullable()
            .describe(
              'Version that computed the bucket; several are joined by +. Null without data.',
            ),
        })
        .meta({ id: 'HistoryBucket', description: 'Totals of one bucket of time.' }),
    ),
    next: z.string().nullable().describe('Path of the next page; null on the last.'),
  })
  .meta({ id: 'History', description: "One page of a corridor's totals." })

/** The same as a file: a header line, then a line for each bucket of each group. */
export const historyCsv = z
  .string()
  .meta({ id: 'HistoryCsv', description: 'Columns name their units; empty: not measured.' })
export type HistoryView = z.infer<typeof historySchema>
