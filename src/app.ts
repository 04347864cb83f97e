import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { knownKeys } from './access/known-keys.ts'
import { LimitStore } from './access/limit-store.ts'
import type { AppOptions } from './app-options.ts'
import { atMost } from './at-most.ts'
import { AuditTrail } from './audit-trail.ts'
import { createCollector } from './collector/create.ts'
import { sourceOf } from './corridors/snapshot.ts'
import { door } from './door.ts'
import { serviceMetrics } from './metrics/service.ts'
import { analyticsRoutes } from './modules/analytics/routes.ts'
import { HostSampler, memoryBytes } from './modules/health/host.ts'
import { healthRoutes } from './modules/health/routes.ts'
import { historyRoutes } from './modules/history/routes.ts'
import { impactRoutes } from './modules/impact/routes.ts'
import { keyRoutes } from './modules/keys/routes.ts'
import { OpenStreams } from './modules/traffic/open-streams.ts'
import { trafficRoutes } from './modules/traffic/routes.ts'
import { upstreamRoutes } from './modules/upstream/routes.ts'
import { docs } from './plugins/docs.ts'
import { scraping } from './plugins/metrics.ts'
import { openapi } from './plugins/openapi.ts'
import { watchUpstream } from './providers/upstream/watch-upstream.ts'
import { RequestStatistics } from './statistics/request-statistics.ts'
import { COLLECTOR_STOP_MS } from './stop-bounds.ts'
import { CountsWriter } from './storage/analytics/counts-writer.ts'
import { toJson } from './views/json.ts'

/**
 * The composition root: plugins, then modules, then the background work, which starts when the
 * app is ready and stops when it closes.
 */
export const app = fp(async (fastify: FastifyInstance, options: AppOptions) => {
  const { config, corridors, providers, storage, lease, clock, memory, version, drainMs } = options
  const { state, shared: store, connection } = storage
  const { log } = fastify
  const { POLL_SECONDS: pollSeconds, MAX_STALE_SECONDS: maxStaleSeconds } = config
  const record = storage.recorder.record.bind(storage.recorder)
  const collector = createCollector({
    corridors,
    providers,
    state,
    clock,
    log,
    store,
    lease,
    pollSeconds,
    leastIntervalSeconds: config.MIN_INTERVAL_SECONDS,
    record,
    recordOthers: storage.isAlone ? record : null,
  })
  const watch = watchUpstream(providers, clock)
  const sampler = new HostSampler(clock, memory, config.DATA_DIR)
  const statistics = new RequestStatistics(() => clock.now())
  for (const { guard } of watch.guarded) guard.onCall((call) => statistics.noteCall(call))
  const countsWriter = new CountsWriter({
    connection,
    counts: statistics.unkept,
    clock,
    log,
    process: lease.owner,
  })
  const keys = knownKeys(config, { connection, clock, log })
  const trail = new AuditTrail({
    dataDir: config.DATA_DIR,
    retentionDays: config.AUDIT_RETENTION_DAYS,
    clock,
    onFault: (err) => log.error({ err }, 'the audit trail cannot be kept'),
  })
  const streams = new OpenStreams({ state, clock, random: Math.random })
  const background = [lease, collector, sampler, trail, streams].map(({ loop }) => loop)
  const loops = [...background, ...watch.loops, countsWriter]

  fastify.setValidatorCompiler(validatorCompiler)
  fastify.setReplySerializer(toJson)
  await fastify.register(openapi, { version })
  const limitStore = new LimitStore(config.REDIS_URL, clock, log)
  const metrics = serviceMetrics({
    corridors,
    providers,
    guarded: watch.guarded,
    counts: collector.counts,
    quota: watch.quota,
    state,
    storage,
    lease,
    limitStore,
    streams,
    clock,
    maxStaleSeconds,
    version,
    memoryBytes: memoryBytes(memory),
  })
  await fastify.register(door, {
    config,
    metrics,
    keys: keys.sources,
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
  await fastify.register(trafficRoutes, { corridors, state, clock, streams, ...polling })
  await fastify.register(impactRoutes)
  await fastify.register(keyRoutes, { ...keys, clock })
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
  await fastify.register(healthRoutes, {
    ...seen,
    load,
    database,
    reached: watch.reached,
    limits: limitStore,
    keys: keys.issued,
  })
  await fastify.register(upstreamRoutes, {
    corridors,
    providers,
    state,
    store,
    lease,
    collector,
    reached: watch.reached,
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
    // So that no key is called wrong because it was not read yet.
    await keys.start()
    for (const loop of loops) loop.start()
  })
  fastify.addHook('preClose', async () => streams.stop())
  // After the last request: what it counted or asked for is still kept, and answered.
  fastify.addHook('onClose', async () => {
    const stopping = [...loops, keys].map((one) => one.stop())
    const stopped = Promise.all(stopping).then(() => lease.release())
    // A store that hangs must not keep the storage from being closed.
    await atMost(clock, COLLECTOR_STOP_MS, stopped)
    await Promise.all([storage.stop(), limitStore.stop()])
  })
})
