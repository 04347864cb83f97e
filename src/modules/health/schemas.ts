import { z } from 'zod'
import { PROVIDER_NAMES } from '../../corridors/snapshot.ts'

const status = z.enum(['ok', 'warning', 'error', 'unknown'])
const disabled = z.object({ status: z.literal('disabled') })
const percent = z.number().min(0).max(100).nullable()

/** The full health report, read from what background work last saw. */
export const healthSchema = z.object({
  status: z.enum(['healthy', 'degraded', 'unhealthy']),
  timestamp: z.iso.datetime(),
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
      lastObservedAt: z.iso.datetime().nullable().describe('Of the corridor that is oldest.'),
      ageSeconds: z.number().nullable(),
    }),
    database: z.object({
      status,
      detail: z.string().nullable().describe('What is wrong, where something is.'),
      queued: z.number().describe('Refreshes that wait on disk to be written.'),
    }),
    redis: z.union([
      disabled,
      z.object({
        status,
        detail: z.string().nullable().describe('What is wrong, where something is.'),
      }),
    ]),
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
export type HealthView = z.infer<typeof healthSchema>
