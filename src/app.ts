import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { atMost } from './at-most.ts'
import type { Clock } from './clock.ts'
import { createCollector } from './collector/create.ts'
import type { Config } from './config/config.ts'
import type { Corridor } from './corridors/corridor.ts'
import { type ProviderName, sourceOf } from './corridors/snapshot.ts'
import { HostSampler, type Memory } from './modules/health/host.ts'
import { healthRoutes } from './modules/health/routes.ts'
import { historyRoutes } from './modules/history/routes.ts'
import { impactRoutes } from './modules/impact/routes.ts'
import { trafficRoutes } from './modules/traffic/routes.ts'
import { upstreamRoutes } from './modules/upstream/routes.ts'
import { acceptHeaders } from './plugins/accepts.ts'
import { access } from './plugins/access.ts'
import { lifecycle } from './plugins/lifecycle.ts'
import { problems } from './plugins/problems.ts'
import { requestId } from './plugins/request-id.ts'
import { requestLog } from './plugins/request-log.ts'
import { statistics } from './plugins/statistics.ts'
import type { Provider } from './providers/provider.ts'
import { Reachability, type Reached } from './providers/upstream/reachability.ts'
import type { Lease } from './storage/shared/lease.ts'
import type { Storage } from './storage/storage.ts'

/** How long a stop waits for the background work, ms. */
const STOP_MS = 3000

/** Everything the app is made of. */
export interface AppOptions {
  readonly config: Pick<
    Config,
    'POLL_SECONDS' | 'MIN_INTERVAL_SECONDS' | 'MAX_STALE_SECONDS' | 'DATA_DIR' | 'API_KEYS'
  >
  readonly corridors: readonly Corridor[]
  /** In order of preference. */
  readonly providers: readonly [Provider, ...Provider[]]
  readonly storage: Storage
  /** The right to collect. */
  readonly lease: Lease
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
  const { config, corridors, providers, storage, lease, clock, memory, version, drainMs } = options
  const { state, shared: store } = storage
  const { POLL_SECONDS: pollSeconds, MAX_STALE_SECONDS: maxStaleSeconds } = config
  const record = storage.recorder.record.bind(storage.recorder)
  const collector = createCollector({
    corridors,
    providers,
    state,
    clock,
    log: fastify.log,
    store,
    lease,
    pollSeconds,
    leastIntervalSeconds: config.MIN_INTERVAL_SECONDS,
    record,
    recordOthers: storage.isAlone ? record : null,
  })
  const reachabilities = new Map<ProviderName, Reachability>()
  for (const { name, guard } of providers)
    if (guard !== null) reachabilities.set(name, new Reachability(guard, clock))
  const reached: Reached = (provider) => reachabilities.get(provider)?.reached
  const sampler = new HostSampler(clock, memory, config.DATA_DIR)
  const watching = [...reachabilities.values()].map(({ loop }) => loop)
  const loops = [lease.loop, collector.loop, sampler.loop, ...watching]

  fastify.setValidatorCompiler(validatorCompiler)
  await fastify.register(requestId)
  await fastify.register(problems)
  await fastify.register(lifecycle, { drainMs })
  await fastify.register(requestLog)
  await fastify.register(statistics)
  await fastify.register(access, { keys: config.API_KEYS })
  await fastify.register(acceptHeaders)

  const { countServed } = fastify.statistics
  const polling = { pollSeconds, maxStaleSeconds }
  await fastify.register(trafficRoutes, { corridors, state, clock, ...polling, countServed })
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
  const seen = { corridors, state, clock, version, provider, maxStaleSeconds }
  await fastify.register(healthRoutes, { ...seen, load, database, reached })
  await fastify.register(upstreamRoutes, {
    corridors,
    providers,
    state,
    store,
    lease,
    collector,
    reached,
  })

  fastify.addHook('onReady', async () => {
    // What an earlier process left is served before the first refresh of this one.
    await storage.start()
    for (const loop of loops) loop.start()
  })
  fastify.addHook('preClose', async () => {
    const stopped = Promise.all(loops.map((loop) => loop.stop())).then(() => lease.release())
    // A store that hangs must not keep the storage from being closed.
    await atMost(clock, STOP_MS, stopped)
    await storage.stop()
  })
})
