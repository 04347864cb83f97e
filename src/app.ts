import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { validatorCompiler } from 'fastify-type-provider-zod'
import type { Clock } from './clock.ts'
import { Collector } from './collector/collector.ts'
import type { Config } from './config/config.ts'
import type { Corridor } from './corridors/corridor.ts'
import { sourceOf } from './corridors/snapshot.ts'
import { HostSampler, type Memory } from './modules/health/host.ts'
import { healthRoutes } from './modules/health/routes.ts'
import { historyRoutes } from './modules/history/routes.ts'
import { impactRoutes } from './modules/impact/routes.ts'
import { trafficRoutes } from './modules/traffic/routes.ts'
import { acceptHeaders } from './plugins/accepts.ts'
import { lifecycle } from './plugins/lifecycle.ts'
import { problems } from './plugins/problems.ts'
import { requestId } from './plugins/request-id.ts'
import { requestLog } from './plugins/request-log.ts'
import { statistics } from './plugins/statistics.ts'
import type { Provider } from './providers/provider.ts'
import type { Storage } from './storage/storage.ts'

/** Everything the app is made of. */
export interface AppOptions {
  readonly config: Pick<
    Config,
    'POLL_SECONDS' | 'MIN_INTERVAL_SECONDS' | 'MAX_STALE_SECONDS' | 'DATA_DIR'
  >
  readonly corridors: readonly Corridor[]
  /** In order of preference. */
  readonly providers: readonly [Provider, ...Provider[]]
  readonly storage: Storage
  readonly clock: Clock
  readonly memory: Memory
  readonly version: string
  /** How long open requests may take after the stop began, ms. */
  readonly drainMs: number
}

/**
 * The composition root: plugins, then modules, then the background work, which starts when the
 * app is ready and stops when it closes.
 */
export const app = fp(async (fastify: FastifyInstance, options: AppOptions) => {
  const { config, corridors, providers, storage, clock, memory, version, drainMs } = options
  const { state } = storage
  const collector = new Collector({
    corridors,
    providers,
    state,
    clock,
    log: fastify.log,
    pollSeconds: config.POLL_SECONDS,
    minIntervalSeconds: config.MIN_INTERVAL_SECONDS,
    record: (tick) => storage.recorder.record(tick),
  })
  const sampler = new HostSampler(clock, memory, config.DATA_DIR)

  fastify.setValidatorCompiler(validatorCompiler)
  await fastify.register(requestId)
  await fastify.register(problems)
  await fastify.register(lifecycle, { drainMs })
  await fastify.register(requestLog)
  await fastify.register(statistics)
  await fastify.register(acceptHeaders)

  const pollSeconds = config.POLL_SECONDS
  const maxStaleSeconds = config.MAX_STALE_SECONDS
  await fastify.register(trafficRoutes, { corridors, state, clock, pollSeconds, maxStaleSeconds })
  await fastify.register(impactRoutes)
  const [{ name: provider }] = providers
  const { connection } = storage
  await fastify.register(historyRoutes, {
    corridors,
    source: sourceOf(provider),
    connection,
    clock,
  })
  const load = () => sampler.load
  const database = () => storage.health
  const health = { corridors, state, clock, version, provider, maxStaleSeconds, load, database }
  await fastify.register(healthRoutes, health)

  fastify.addHook('onReady', async () => {
    // What an earlier process left is served before the first refresh of this one.
    await storage.start()
    collector.loop.start()
    sampler.loop.start()
  })
  fastify.addHook('preClose', async () => {
    await Promise.all([collector.loop.stop(), sampler.loop.stop()])
    await storage.stop()
  })
})
