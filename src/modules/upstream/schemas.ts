import { z } from 'zod'
import { OUTCOMES } from '../../corridors/outcome.ts'
import { PROVIDER_NAMES } from '../../corridors/snapshot.ts'
import { POLL_LIMITS } from '../../storage/current-state.ts'
import { utcTime as time } from '../../views/utc-time.ts'

const count = z.int().min(0)

const quotaSchema = z.object({
  period: z.enum(['hour', 'day', 'month']).describe('Of the calendar, in UTC.'),
  from: time,
  to: time,
  used: count.describe('Calls of all processes, retries included.'),
  limit: count.nullable().describe('Null: any number.'),
  left: count.nullable(),
  status: z
    .enum(['ok', 'warning', 'critical', 'spent'])
    .describe('Warning from 80 % on, critical from 90 %.'),
})

/** How the providers are asked, and what is left of their budgets. */
export const upstreamSchema = z
  .object({
    collects: z
      .boolean()
      .nullable()
      .describe('Whether this process asks the providers; null while the shared store is away.'),
    store: z
      .enum(['database', 'redis'])
      .describe('Where the processes share what they must agree on.'),
    plan: z
      .object({
        nextPollAt: time,
        limitedBy: z.enum(POLL_LIMITS).describe('The setting or the budget that decides the pace.'),
        hours: z
          .array(z.object({ at: time, intervalSeconds: count }))
          .describe('How often polls come in the next 24 hours, by the plan as it is now.'),
      })
      .nullable()
      .describe('Null before the first poll.'),
    providers: z.array(
      z.object({
        provider: z.enum(PROVIDER_NAMES),
        reachable: z.boolean().nullable(),
        lastOutcome: z
          .enum(OUTCOMES)
          .nullable()
          .describe('How the last refresh ended, of any process as far as this one knows.'),
        lastCallAt: time.nullable().describe('The last call over the network of any process.'),
        breaker: z.object({
          state: z.enum(['closed', 'open', 'halfOpen']),
          until: time.nullable().describe('No call is made before.'),
        }),
        pausedUntil: time.nullable().describe('The provider asked not to be asked before.'),
        quota: z
          .array(quotaSchema)
          .nullable()
          .describe('Null while the shared store is away: then no call is made.'),
        outcomes: z
          .partialRecord(z.enum(OUTCOMES), count)
          .describe('Refreshes by this process since its start, by how they ended.'),
      }),
    ),
  })
  .meta({ id: 'Upstream', description: 'How the providers are asked.' })
export type UpstreamView = z.infer<typeof upstreamSchema>
