import { z } from 'zod'
import { PROVIDER_NAMES } from '../../corridors/snapshot.ts'
import { utcTime } from '../../views/utc-time.ts'

const status = z.enum(['ok', 'warning', 'error', 'unknown'])
const disabled = z.object({ status: z.literal('disabled') })
/** The check of what not every service uses. */
const whereUsed = z.union([
  disabled,
  z.object({
    status,
    detail: z.string().nullable().describe('What is wrong, where something is.'),
  }),
])
const percent = z.number().min(0).max(100).nullable()

export const livenessSchema = z.object({ status: z.literal('alive') }).meta({ id: 'Liveness' })
export const readinessSchema = z.object({ status: z.literal('ready') }).meta({ id: 'Readiness' })

/** The full health report, read from what background work last saw. */
export const healthSchema = z
  .object({
    status: z.enum(['healthy', 'degraded', 'unhealthy']),
    timestamp: utcTime,
    uptimeSeconds: z.number(),
    version: z.string(),
    checks: z.object({
      provider: z.object({
        status,
        provider: z.enum(PROVIDER_NAMES),
        reachable: z
          .boolean()
          .nullable()
          .describe('By the last call or, when that is old, a connection. Null before the first.'),
        lastOutcome: z.string().nullable(),
        responseTimeMs: z.number().nullable(),
      }),
      cache: z.object({
        status,
        entries: z.number().describe('Corridors with a snapshot that measures anything.'),
      }),
      dataFreshness: z.object({
        status: z.enum(['ok', 'warning', 'stale', 'unknown']),
        lastObservedAt: utcTime.nullable().describe('Of the corridor that is oldest.'),
        ageSeconds: z.number().nullable(),
      }),
      database: z.object({
        status,
        detail: z.string().nullable().describe('What is wrong, where something is.'),
        queued: z.number().describe('Refreshes that wait on disk to be written.'),
      }),
      redis: whereUsed,
      limits: z
        .object({
          status: z.enum(['ok', 'warning']),
          store: z.enum(['memory', 'redis']).describe('Where requests are meant to be counted.'),
          detail: z.string().nullable().describe('Why each process counts for itself meanwhile.'),
        })
        .describe('How the limits of clients are counted.'),
      keys: whereUsed.describe(
        'The keys of the database. Those known stand while they cannot be read.',
      ),
      mqtt: disabled,
      system: z.object({
        status,
        cpuPercent: percent,
        memoryPercent: percent,
        diskPercent: percent,
      }),
    }),
    statistics: z.object({
      totalRequests: z.number(),
      errorCount: z.number().describe('Answers with a status of 500 or more.'),
      errorRate: z.number(),
      served: z
        .object({
          live: z.number(),
          lastKnownGood: z.number(),
          simulated: z.number(),
          replay: z.number(),
          unavailable: z.number(),
        })
        .describe('Reads of a corridor, by the tier that served them.'),
    }),
  })
  .meta({ id: 'Health', description: 'How the service is, from what background work last saw.' })
export type HealthView = z.infer<typeof healthSchema>
