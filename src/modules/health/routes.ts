import type { FastifyPluginAsync } from 'fastify'
import type { Clock } from '../../clock.ts'
import type { Corridor } from '../../corridors/corridor.ts'
import type { ProviderName } from '../../corridors/snapshot.ts'
import { Problem } from '../../problems/problem.ts'
import type { Reached } from '../../providers/upstream/reachability.ts'
import type { CorridorState, CurrentState } from '../../storage/current-state.ts'
import type { StorageHealth } from '../../storage/storage.ts'
import type { HostLoad } from './host.ts'
import { getHealth, getLiveness, getReadiness } from './operations.ts'
import { canServe, healthReport, type KeysSeen, type LimitsSeen } from './report.ts'

export interface HealthOptions {
  readonly corridors: readonly Corridor[]
  readonly state: CurrentState
  readonly clock: Clock
  readonly version: string
  /** The preferred provider. */
  readonly provider: ProviderName
  readonly maxStaleSeconds: number
  readonly load: () => HostLoad
  readonly database: () => StorageHealth
  readonly reached: Reached
  readonly limits: LimitsSeen
  readonly keys: KeysSeen | null
}

const RETRY_SECONDS = 5

/** Liveness, readiness and the full report. None of them calls a provider or waits for anything. */
export const healthRoutes: FastifyPluginAsync<HealthOptions> = async (app, options) => {
  const { corridors, state, clock, maxStaleSeconds } = options
  const startedAtMs = clock.now()
  const config = { access: 'open', probe: true } as const
  const states = (): CorridorState[] => corridors.map(({ id }) => state.of(id))

  // Checks nothing: a failing dependency must not get the process restarted.
  app.get('/health/live', { config, schema: getLiveness }, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return { status: 'alive' }
  })

  app.get('/health/ready', { config, schema: getReadiness }, async (_request, reply) => {
    const wait = { retryAfterSeconds: RETRY_SECONDS }
    if (app.lifecycle.draining) throw new Problem('overloaded', 'The process is stopping.', wait)
    if (options.database().schemaIsBehind)
      throw new Problem('source_unavailable', `Not ready: ${options.database().detail}.`, wait)
    if (!canServe(states(), clock.now(), maxStaleSeconds))
      throw new Problem('source_unavailable', 'No snapshot is young enough to serve.', wait)
    reply.header('cache-control', 'no-store')
    return { status: 'ready' }
  })

  app.get('/health', { config, schema: getHealth }, async (_request, reply) => {
    const report = healthReport({
      nowMs: clock.now(),
      startedAtMs,
      version: options.version,
      provider: options.provider,
      states: states(),
      maxStaleSeconds,
      load: options.load(),
      database: options.database(),
      reached: options.reached,
      limits: options.limits,
      keys: options.keys,
      statistics: app.statistics,
    })
    reply.header('cache-control', 'no-store')
    return reply.code(report.status === 'unhealthy' ? 503 : 200).send(report)
  })
}
