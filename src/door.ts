import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { KeySource } from './access/api-key.ts'
import type { LimitStore } from './access/limit-store.ts'
import type { Config } from './config/config.ts'
import { acceptHeaders } from './plugins/accepts.ts'
import { access } from './plugins/access.ts'
import { type AuditOptions, audit } from './plugins/audit.ts'
import { cors } from './plugins/cors.ts'
import { identity } from './plugins/identity.ts'
import { lifecycle } from './plugins/lifecycle.ts'
import { loadShedding } from './plugins/load-shedding.ts'
import { type MetricsOptions, metrics } from './plugins/metrics.ts'
import { problems } from './plugins/problems.ts'
import { limitCounts, rateLimit } from './plugins/rate-limit.ts'
import { requestId } from './plugins/request-id.ts'
import { requestLog } from './plugins/request-log.ts'
import { securityHeaders } from './plugins/security-headers.ts'
import { type StatisticsOptions, statistics } from './plugins/statistics.ts'
import { type TracingOptions, tracing } from './plugins/tracing.ts'
import { wellFormed } from './plugins/well-formed.ts'

/** The part of the configuration that is about the way from the socket to the modules. */
export type DoorConfig = Pick<
  Config,
  | 'AUTH_READS'
  | 'CORS_ORIGINS'
  | 'SHED_EVENT_LOOP_DELAY_MS'
  | 'SHED_MEMORY_PERCENT'
  | 'RATE_LIMIT_PER_MINUTE'
  | 'RATE_LIMIT_PER_HOUR'
  | 'RATE_LIMIT_WRITES_PER_MINUTE'
  | 'RATE_LIMIT_IMPACT_PER_MINUTE'
  | 'RATE_LIMIT_WRONG_KEYS_PER_MINUTE'
>

export interface DoorOptions
  extends StatisticsOptions,
    MetricsOptions,
    AuditOptions,
    TracingOptions {
  readonly config: DoorConfig
  readonly keys: readonly KeySource[]
  readonly limitStore: LimitStore
  /** What the process may use in all. */
  readonly memoryBytes: number
  /** How long open requests may take once no new ones are taken, ms. */
  readonly drainMs: number
}

/**
 * Everything between the socket and the modules, in the order in which a request meets it. What
 * comes first also holds for what later refuses.
 */
export const door = fp(async (app: FastifyInstance, options: DoorOptions) => {
  const { config, keys, limitStore, memoryBytes, drainMs } = options
  await app.register(metrics, options)
  await app.register(statistics, options)
  await app.register(requestId)
  await app.register(tracing, options)
  await app.register(requestLog)
  await app.register(audit, options)
  await app.register(problems)
  await app.register(securityHeaders)
  if (config.CORS_ORIGINS.length > 0) await app.register(cors, { origins: config.CORS_ORIGINS })
  await app.register(wellFormed)
  await app.register(lifecycle, { drainMs })
  await app.register(loadShedding, {
    maxEventLoopDelayMs: config.SHED_EVENT_LOOP_DELAY_MS,
    maxRssBytes: (memoryBytes * config.SHED_MEMORY_PERCENT) / 100,
  })
  await app.register(limitCounts, { store: limitStore })
  await app.register(identity, {
    sources: keys,
    wrongKeysPerMinute: config.RATE_LIMIT_WRONG_KEYS_PER_MINUTE,
  })
  await app.register(rateLimit, {
    perMinute: config.RATE_LIMIT_PER_MINUTE,
    perHour: config.RATE_LIMIT_PER_HOUR,
    writesPerMinute: config.RATE_LIMIT_WRITES_PER_MINUTE,
    impactPerMinute: config.RATE_LIMIT_IMPACT_PER_MINUTE,
  })
  await app.register(access, { reads: config.AUTH_READS })
  await app.register(acceptHeaders)
})
