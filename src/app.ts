import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { IssuedKeys } from './access/issued-keys.ts'
import { LimitStore } from './access/limit-store.ts'
import { ListedKeys } from './access/listed-keys.ts'
import { pepperOf } from './access/pepper.ts'
import { atMost } from './at-most.ts'
import { AuditTrail } from './audit-trail.ts'
import type { Clock } from './clock.ts'
import { createCollector } from './collector/create.ts'
import type { Config } from './config/config.ts'
import type { Corridor } from './corridors/corridor.ts'
import { type ProviderName, sourceOf } from './corridors/snapshot.ts'
import { type DoorConfig, door } from './door.ts'
import { serviceMetrics } from './metrics/service.ts'
import { analyticsRoutes } from './modules/analytics/routes.ts'
import { HostSampler, type Memory, memoryBytes } from './modules/health/host.ts'
import { healthRoutes } from './modules/health/routes.ts'
import { historyRoutes } from './modules/history/routes.ts'
import { impactRoutes } from './modules/impact/routes.ts'
import { keyRoutes } from './modules/keys/routes.ts'
import { trafficRoutes } from './modules/traffic/routes.ts'
import { upstreamRoutes } from './modules/upstream/routes.ts'
import { docs } from './plugins/docs.ts'
import { scraping } from './plugins/metrics.ts'
import { openapi } from './plugins/openapi.ts'
import type { Provider } from './providers/provider.ts'
import { QuotaWatch } from './providers/upstream/quota-watch.ts'
import { Reachability, type Reached } from './providers/upstream/reachability.ts'
import { RequestStatistics } from './statistics/request-statistics.ts'
import { CountsWriter } from './storage/analytics/counts-writer.ts'
import type { Lease } from './storage/shared/lease.ts'
import type { Storage } from './storage/storage.ts'
import type { Tracer } from './tracing/tracer.ts'
import { toJson } from './views/json.ts'

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
    | 'AUDIT_RETENTION_DAYS'
    | 'DATABASE_URL'
    | 'REDIS_URL'
    | 'METRICS_PORT'
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
  /** Null where nobody collects traces. */
  readonly tracer: Tracer | null
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
  const guarded = providers.flatMap(({ name, guard }) => (guard === null ? [] : [{ name, guard }]))
  for (const { name, guard } of guarded) reachabilities.set(name, new Reachability(guard, clock))
  const reached: Reached = (provider) => reachabilities.get(provider)?.reached
  const sampler = new HostSampler(clock, memory, config.DATA_DIR)
  const quota = new QuotaWatch(guarded, clock)
  const watching = [...reachabilities.values(), ...(guarded.length > 0 ? [quota] : [])].map(
    ({ loop }) => loop,
  )
  const statistics = new RequestStatistics(() => clock.now())
  for (const { guard } of providers) guard?.onCall((call) => statistics.noteCall(call))
  const { connection } = storage
  const countsWriter = new CountsWriter({
    connection,
    counts: statistics.unkept,
    clock,
    log: fastify.log,
    process: lease.owner,
  })
  const listed = config.API_KEYS && new ListedKeys(config.API_KEYS, fastify.log)
  const pepper = pepperOf(config)
  const issued = pepper && new IssuedKeys({ connection, pepper, clock, log: fastify.log })
  const issuing = issued === null ? [] : [issued.loop]
  const trail = new AuditTrail({
    dataDir: config.DATA_DIR,
    retentionDays: config.AUDIT_RETENTION_DAYS,
    clock,
    onFault: (err) => fastify.log.error({ err }, 'the audit trail cannot be kept'),
  })
  const background = [lease, collector, sampler, trail].map(({ loop }) => loop)
  const loops = [...background, ...watching, countsWriter, ...issuing]

  fastify.setValidatorCompiler(validatorCompiler)
  fastify.setReplySerializer(toJson)
  await fastify.register(openapi, { version })
  const limitStore = new LimitStore(config.REDIS_URL, clock, fastify.log)
  const keys = [listed, issued].filter((source) => source !== null)
  const metrics = serviceMetrics({
    corridors,
    providers,
    guarded,
    counts: collector.counts,
    quota,
    state,
    storage,
    lease,
    limitStore,
    clock,
    maxStaleSeconds,
    version,
  })
  await fastify.register(door, {
    config,
    metrics,
    keys,
    limitStore,
    memoryBytes: memoryBytes(memory),
    drainMs,
    statistics,
    trail,
    tracer: options.tracer,
  })

  if (config.METRICS_PORT === undefined) await fastify.register(scraping, { metrics: metrics.all })
  const isPublic = config.AUTH_READS === 'open'
  const polling = { pollSeconds, maxStaleSeconds, isPublic }
  await fastify.register(trafficRoutes, { corridors, state, clock, ...polling })
  await fastify.register(impactRoutes)
  await fastify.register(keyRoutes, { listed, issued, clock })
  const [{ name: provider }] = providers
  await fastify.register(historyRoutes, {
    corridors,
    source: sourceOf(provider),
    connection,
    clock,
  })
  const load = () => sampler.load
  const database = () => storage.health
  const seen = { corridors, state, clock, version, provider, maxStaleSeconds }
  await fastify.register(healthRoutes, { ...seen, load, database, reached, limits: limitStore })
  await fastify.register(upstreamRoutes, {
    corridors,
    providers,
    state,
    store,
    lease,
    collector,
    reached,
  })
  await fastify.register(analyticsRoutes, {
    statistics,
    corridors,
    state,
    connection,
    clock,
    maxStaleSeconds,
  })

  await fastify.register(docs)

  fastify.addHook('onReady', async () => {
    // What an earlier process left is served before the first refresh of this one.
    await Promise.all([storage.start(), limitStore.start()])
    for (const loop of loops) loop.start()
  })
  fastify.addHook('preClose', async () => {
    const stopped = Promise.all(loops.map((loop) => loop.stop())).then(() => lease.release())
    // A store that hangs must not keep the storage from being closed.
    await atMost(clock, STOP_MS, stopped)
    await storage.stop()
  })
  fastify.addHook('onClose', () => limitStore.stop())
})
