import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import pkg from '../../package.json' with { type: 'json' }
import { app } from '../app.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { databasePlace } from '../config/database.ts'
import { guardsBy } from '../config/guards.ts'
import { loadSetup } from '../config/setup.ts'
import { standardOutput } from '../logging/log.ts'
import { type LogHost, openLog } from '../logging/open-log.ts'
import { metricsServer } from '../metrics-server.ts'
import type { Memory } from '../modules/health/host.ts'
import { createProvider } from '../providers/create.ts'
import type { Provider } from '../providers/provider.ts'
import { createUpstream, MAX_BODY_BYTES } from '../providers/upstream/client.ts'
import { createServer } from '../server.ts'
import { REQUESTS_STOP_MS } from '../stop-bounds.ts'
import { Lease } from '../storage/shared/lease.ts'
import { Storage } from '../storage/storage.ts'
import type { Tracer } from '../tracing/tracer.ts'
import { EX_UNAVAILABLE } from './exit-codes.ts'
import { listen } from './listen.ts'
import { type ProcessEnds, stopWithGrace } from './stop-with-grace.ts'

/** How often traces are sent, ms. */
const TRACES_MS = 5000

/**
 * Runs the service until a signal ends it, or ends the process with EX_UNAVAILABLE where it cannot
 * listen.
 * @throws ConfigError naming every fault of the environment or of the corridor files
 */
export async function serve(
  host: {
    readonly environment: Readonly<Record<string, string | undefined>>
    readonly memory: Memory
  } & Pick<LogHost, 'isTerminal' | 'warn'> &
    ProcessEnds,
): Promise<void> {
  const { config, corridors } = loadSetup(host.environment)
  const log = await openLog(config, { ...host, out: standardOutput(), now: systemClock.now })
  const upstream = createUpstream({
    timeoutMs: config.UPSTREAM_TIMEOUT_SECONDS * 1000,
    maxBytes: MAX_BODY_BYTES,
    now: systemClock.now,
  })
  const storage = new Storage({
    place: databasePlace(config),
    redis: config.REDIS_URL,
    dataDir: config.DATA_DIR,
    retention: { observations: config.RETENTION_DAYS, raw: config.RAW_RETENTION_DAYS },
    corridors,
    providers: config.TRAFFIC_PROVIDERS,
    clock: systemClock,
    log,
  })
  const lease = new Lease({
    store: storage.shared,
    clock: systemClock,
    log,
    owner: randomUUID(),
    intervalMs: config.LEASE_SECONDS * 1000,
  })
  const guardOf = guardsBy(config, storage.shared, lease.owner, log)
  const create = (name: Provider['name']): Provider =>
    createProvider(name, config, upstream, guardOf, (err) => log.error({ err }, 'recording failed'))
  const [first, ...others] = config.TRAFFIC_PROVIDERS
  const server = createServer(log, config)
  // Before the app's own, so that it runs after them: the collector may still be asking.
  server.addHook('onClose', () => upstream.close())
  await server.register(app, {
    config,
    corridors,
    providers: [create(first), ...others.map(create)],
    storage,
    lease,
    clock: systemClock,
    memory: host.memory,
    tracer: await tracerOf(config, log),
    version: pkg.version,
    drainMs: REQUESTS_STOP_MS,
  })
  const servers = [{ server, port: config.PORT, says: 'Server listening' }]
  if (config.METRICS_PORT !== undefined) {
    const inner = await metricsServer(server.metrics, log, config)
    // First, so that whoever finds the service can already watch it.
    servers.unshift({ server: inner, port: config.METRICS_PORT, says: 'serving metrics' })
  }
  const close = () => Promise.all(servers.map((one) => one.server.close()))
  const drain = (): void => server.lifecycle.drain()
  // Nobody has to notice the end of what never served.
  const waitMs = (): number => (server.server.listening ? config.DRAIN_WAIT_SECONDS * 1000 : 0)
  stopWithGrace({ ...host, drain, close, waitMs, clock: systemClock, log })
  const isStopping = (): boolean => server.lifecycle.draining
  const isOpen = await listen(servers, { host: config.HOST, log, isStopping })
  if (isStopping()) return
  if (!isOpen) {
    await close()
    return host.exit(EX_UNAVAILABLE)
  }
  log.info(
    { corridors: corridors.map(({ id }) => id), providers: config.TRAFFIC_PROVIDERS },
    'serving',
  )
}

/** Loads what tracing needs only where it is wanted: it is much. */
async function tracerOf(config: Config, log: FastifyBaseLogger): Promise<Tracer | null> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = config
  if (endpoint === undefined) return null
  const { openTelemetry } = await import('../tracing/open-telemetry.ts')
  const { name, version } = pkg
  const service = { name, version }
  return openTelemetry({ endpoint, service, everyMs: TRACES_MS, clock: systemClock, log })
}
