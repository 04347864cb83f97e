import { z } from 'zod'
import { numberText } from '../../views/number-text.ts'
import { utcTime } from '../../views/utc-time.ts'

const MOST_DAYS = 400

const count = z.int().min(0)
const share = z.number().min(0).max(1).nullable()
const milliseconds = z.number().min(0)

/** Whether days are asked for too, and how many. */
export const analyticsQuery = z.strictObject({
  days: numberText(/^\d{1,9}$/, z.int('must be a whole number').min(1).max(MOST_DAYS))
    .optional()
    .describe('Tells of so many calendar days in UTC too, of which today is the last.'),
})

export const summaryQuery = z.strictObject({})

const requestsSchema = z.object({
  total: count.describe('Requests that ended; those to probes do not count.'),
  successful: count.describe('With a status below 400.'),
  failed: count.describe(
    'With a status of 400 or more but 429, or ended by the client before there was an answer.',
  ),
  rateLimited: count.describe('With the status 429.'),
  successRate: share.describe('Successful ones of all. Null before the first.'),
})
const cacheSchema = z.object({
  hits: count.describe('Reads of a corridor that were served what is as new as it should be.'),
  misses: count.describe('Reads of a corridor for which there was nothing young enough to serve.'),
  staleServed: count.describe('Reads of a corridor that were served its last good snapshot.'),
  hitRatio: share.describe('Hits of all reads. Null before the first.'),
})
const errorsSchema = z
  .record(z.string(), count)
  .describe(
    'By the code of the problem; `aborted` where the client left before it had its whole answer.',
  )
const upstreamCounts = z.object({
  calls: count.describe('Calls to traffic providers, retries included.'),
  failures: count.describe('Calls that gave no usable answer.'),
})

const freshnessSchema = z.object({
  corridor: z.string(),
  state: z
    .enum(['fresh', 'stale', 'unavailable'])
    .describe('As it would be served now; unavailable: no snapshot is young enough.'),
  ageSeconds: count.nullable().describe('Of the last good snapshot; null before the first.'),
})

/** What this process counted in its life and, where asked for, what all processes did day by day. */
export const analyticsSchema = z
  .object({
    since: utcTime.describe('Start of this process: all but the days is counted since.'),
    uptimeSeconds: count,
    requests: requestsSchema.extend({
      perMinute: z.number().min(0).describe('Mean since the start, over a minute at least.'),
    }),
    cache: cacheSchema,
    errors: errorsSchema,
    upstream: upstreamCounts.extend({
      latencyMs: z
        .object({ p50: milliseconds.nullable(), p95: milliseconds.nullable() })
        .describe('Exactly, of the last 1,000 calls. Null before the first.'),
    }),
    byRoute: z
      .array(
        z.object({
          route: z.string().describe('Method and pattern, or `unmatched`.'),
          total: count,
          failed: count.describe('As of all requests.'),
          meanMs: milliseconds,
        }),
      )
      .describe('The busiest first, without what was refused before a route was looked for.'),
    freshness: z.array(freshnessSchema),
    days: z
      .array(
        z.object({
          date: z.iso.date().describe('In UTC.'),
          requests: requestsSchema,
          cache: cacheSchema,
          errors: errorsSchema,
          upstream: upstreamCounts,
        }),
      )
      .nullable()
      .describe(
        'Of all processes that share the database, each day on which anything was counted, the newest last. The last minute may be missing. Null where not asked for.',
      ),
  })
  .meta({ id: 'Analytics', description: 'What was counted.' })
export type AnalyticsView = z.infer<typeof analyticsSchema>

const percent = z
  .string()
  .regex(/^\d+\.\d%$/)
  .nullable()

/** The short form, as texts for a screen. */
export const summarySchema = z
  .object({
    status: z
      .enum(['operational', 'degraded', 'down'])
      .describe('Of the data: every corridor is fresh, some are not, or none can be served.'),
    successRate: percent.describe('Null before the first request.'),
    cacheHitRatio: percent.describe('Null before the first read of a corridor.'),
    errors: count.describe('Answers with a status of 500 or more since the start of this process.'),
    uptime: z.string().describe('Hours and minutes since the start of this process: `3h 12m`.'),
  })
  .meta({ id: 'AnalyticsSummary', description: 'The figures as texts for a screen.' })
export type SummaryView = z.infer<typeof summarySchema>
