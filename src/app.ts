import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { LimitStore } from './access/limit-store.ts'
import { ListedKeys } from './access/listed-keys.ts'
import { atMost } from './at-most.ts'
import type { Clock } from './clock.ts'
import { createCollector } from './collector/create.ts'
import type { Config } from './config/config.ts'
import type { Corridor } from './corridors/corridor.ts'
import { type ProviderName, sourceOf } from './corridors/snapshot.ts'
import { type DoorConfig, door } from './door.ts'
import { HostSampler, type Memory } from './modules/health/host.ts'
import { healthRoutes } from './modules/health/routes.ts'
import { historyRoutes } from './modules/history/routes.ts'
import { impactRoutes } from './modules/impact/routes.ts'
import { trafficRoutes } from './modules/traffic/routes.ts'
import { upstreamRoutes } from './modules/upstream/routes.ts'
import type { Provider } from './providers/provider.ts'
import { Reachability, type Reached } from './providers/upstream/reachability.ts'
import type { Lease } from './storage/shared/lease.ts'
import type { Storage } from './storage/storage.ts'

/** How long a stop waits for the background work, ms. */
const STOP_MS = 3000

/** The part of the configuration that the app reads; what is made of the rest is handed in. */
export type AppConfig = DoorConfig &
  Pick<
    Config,
    | 'POLL_SECONDS'
    | 'MIN_INTERVAL_SECONDS'
    | 'MAX_STALE_SECONDS'
    | 'DATA_DIR'
    | 'REDIS_URL'
    | 'API_KEYS'
    | 'KEY_PEPPER'
  >

/** Everything the app is made of. */
export interface AppOptions {
  readonly config: AppConfig
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
  const limitStore = new LimitStore(config.REDIS_URL, clock, fastify.log)
  const keys = config.API_KEYS === null ? [] : [new ListedKeys(config.API_KEYS, fastify.log)]
  await fastify.register(door, { config, keys, limitStore, drainMs })

  const polling = { pollSeconds, maxStaleSeconds }
  await fastify.register(trafficRoutes, { corridors, state, clock, ...polling })
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
    await Promise.all([storage.start(), limitStore.connect()])
    for (const loop of loops) loop.start()
  })
  fastify.addHook('preClose', async () => {
    const stopped = Promise.all(loops.map((loop) => loop.stop())).then(() => lease.release())
    // A store that hangs must not keep the storage from being closed.
    await atMost(clock, STOP_MS, stopped)
    await storage.stop()
    limitStore.close()
  })
})
