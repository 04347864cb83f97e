import { z } from 'zod'
import { INTERVALS } from '../../corridors/buckets.ts'
import { SOURCES } from '../../corridors/snapshot.ts'
import { GROUPINGS } from '../../storage/totals/read-totals.ts'
import { modelChoice } from '../../views/choices.ts'
import { modelSchema } from '../../views/model.ts'
import { momentSchema } from '../../views/moment.ts'
import { totalsSchema } from '../../views/totals.ts'

export const corridorParams = z.object({ corridor: z.string() })

const MOST_ROWS = 1000

/** Which totals of a corridor are asked for. `to` is not part of the range itself. */
export const historyQuery = z.strictObject({
  from: momentSchema.optional(),
  to: momentSchema.optional(),
  interval: z.enum(INTERVALS).default('1h'),
  format: z.enum(['json', 'csv']).optional(),
  model: modelChoice.optional(),
  by: z.enum(GROUPINGS).optional(),
  direction: z.string().optional(),
  section: z.string().optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(1).max(MOST_ROWS))
    .default(500),
})
export type HistoryQuery = z.infer<typeof historyQuery>

/** One page of a corridor's totals, bucket by bucket; what was not measured is a bucket too. */
export const historySchema = z.object({
  corridor: z.string(),
  name: z.string(),
  timeZone: z.string(),
  currency: z.string(),
  source: z.enum(SOURCES).describe('What the totals stand on: live, simulated or replay.'),
  interval: z.enum(INTERVALS),
  from: z.iso.datetime().describe('Start of the first bucket of the range.'),
  to: z.iso.datetime().describe('End of the last bucket of the range.'),
  by: z.enum(GROUPINGS),
  model: modelSchema.describe(
    'The model asked for, as it computes now; each bucket tells the version that computed it.',
  ),
  buckets: z.array(
    totalsSchema.extend({
      direction: z.string().nullable().describe('Null where the totals are of all directions.'),
      section: z.string().nullable().describe('Null where the totals are of all sections.'),
      modelVersion: z
        .string()
        .nullable()
        .describe('Version that computed the bucket; several are joined by +. Null without data.'),
    }),
  ),
  next: z.string().nullable().describe('Path of the next page; null on the last.'),
})
export type HistoryView = z.infer<typeof historySchema>
