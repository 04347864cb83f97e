import { randomUUID } from 'node:crypto'
import type { FastifyInstance, RouteOptions } from 'fastify'
import type { Test } from 'tap'
import { app } from '../../src/app.ts'
import type { AppOptions } from '../../src/app-options.ts'
import { AYALON } from '../../src/corridors/ayalon.ts'
import type { ProviderName } from '../../src/corridors/snapshot.ts'
import { createLog } from '../../src/logging/log.ts'
import { createSimulated } from '../../src/providers/simulated/provider.ts'
import { Secret } from '../../src/secret.ts'
import { createServer, type ServerConfig } from '../../src/server.ts'
import type { DatabasePlace } from '../../src/storage/database/database.ts'
import { Lease } from '../../src/storage/shared/lease.ts'
import type { SharedStore } from '../../src/storage/shared/shared-store.ts'
import { Storage } from '../../src/storage/storage.ts'
import { newFolder } from './databases.ts'
import { FakeClock } from './fake-clock.ts'

/** A working Wednesday, 08:00 in Tel Aviv. */
export const WEDNESDAY_8H = Date.parse('2026-11-18T06:00:00Z')

/** The collector, its lease, the host sampler, the keys, the counts' writer, the audit trail, the streams, and the storage's two; Redis has one more. */
export const SLEEPERS = 9
/** Each guard has one, and there is one that watches all budgets. */
export const sleepersOf = (guards: number): number => (guards === 0 ? 0 : guards + 1)
/** How often the lease is renewed, ms. */
export const LEASE_MS = 5000

/** Connections as they are by default, with no proxy before the service. */
export const SERVER: ServerConfig = {
  HEADERS_TIMEOUT_SECONDS: 10,
  REQUEST_TIMEOUT_SECONDS: 30,
  TRUST_PROXY: undefined,
}

/** Limits that no test reaches unless it wants to, and no key of the environment. */
const DOOR = {
  API_KEYS: null,
  KEY_PEPPER: Secret.of('pepper-of-the-tests-0123456789abcdef'),
  AUTH_READS: 'open',
  SHED_EVENT_LOOP_DELAY_MS: 0,
  SHED_MEMORY_PERCENT: 100,
  RATE_LIMIT_PER_MINUTE: 100_000,
  RATE_LIMIT_PER_HOUR: 100_000,
  RATE_LIMIT_WRITES_PER_MINUTE: 100_000,
  RATE_LIMIT_IMPACT_PER_MINUTE: 100_000,
  RATE_LIMIT_WRONG_KEYS_PER_MINUTE: 100_000,
} as const

export interface TestApp {
  readonly server: FastifyInstance
  readonly clock: FakeClock
  readonly storage: Storage
  readonly lease: Lease
  /** What was logged, parsed. */
  readonly lines: Record<string, unknown>[]
  /** Everything that was registered, HEAD routes included. */
  readonly routes: readonly RouteOptions[]
}

/** What the guards of live providers need of the app that is being made. */
export interface Making {
  readonly store: SharedStore
  readonly clock: FakeClock
  readonly owner: string
  readonly lines: Record<string, unknown>[]
}

/** The whole app on a fake clock, ready, with its first refresh done. Closed after the test. */
export async function buildApp(
  t: Test,
  overrides: Partial<Omit<AppOptions, 'clock' | 'config' | 'storage' | 'lease'>> & {
    /** Makes live providers, of these names, instead of `providers`. */
    live?: {
      readonly names: readonly [ProviderName, ...ProviderName[]]
      readonly make: (making: Making) => AppOptions['providers']
    }
    /** The URL of a Redis server. */
    redis?: Secret
    config?: Partial<AppOptions['config']>
    /** Timeouts and trusted proxies. */
    server?: Partial<ServerConfig>
    /** Where the database is; a new folder unless said. */
    place?: DatabasePlace
    /** The clock, where several apps share one. */
    clock?: FakeClock
    /** The time at which the clock stands. */
    nowMs?: number
    /** Do not wait for the first refresh. */
    starting?: boolean
  } = {},
): Promise<TestApp> {
  const { config, starting = false, place, nowMs = WEDNESDAY_8H, redis, live, ...rest } = overrides
  const corridors = rest.corridors ?? [AYALON]
  const dataDir = config?.DATA_DIR ?? newFolder(t)
  const clock = overrides.clock ?? new FakeClock(nowMs)
  const lines: Record<string, unknown>[] = []
  const log = createLog('debug', { write: (line) => lines.push(JSON.parse(line)) })
  const server = createServer(log, { ...SERVER, ...overrides.server })
  const routes: RouteOptions[] = []
  server.addHook('onRoute', (route) => void routes.push(route))
  const ready = rest.providers ?? [createSimulated()]
  const [first, ...others] = ready
  const storage = new Storage({
    place: place ?? { dataDir },
    redis: redis ?? null,
    dataDir,
    retention: { observations: 400, raw: 30 },
    corridors,
    providers: live?.names ?? [first.name, ...others.map(({ name }) => name)],
    clock,
    log,
  })
  const lease = new Lease({
    store: storage.shared,
    clock,
    log,
    owner: randomUUID(),
    intervalMs: LEASE_MS,
  })
  const providers = live?.make({ store: storage.shared, clock, owner: lease.owner, lines }) ?? ready
  await server.register(app, {
    corridors,
    storage,
    lease,
    memory: { available: () => 2 ** 30, limit: () => 2 ** 31 },
    version: '0.0.0-test',
    tracer: null,
    drainMs: 200,
    ...rest,
    providers,
    clock,
    config: {
      POLL_SECONDS: 300,
      MIN_INTERVAL_SECONDS: 60,
      MAX_STALE_SECONDS: 7200,
      DATA_DIR: dataDir,
      AUDIT_RETENTION_DAYS: 30,
      REDIS_URL: redis ?? null,
      DATABASE_URL: place !== undefined && 'url' in place ? place.url : null,
      CORS_ORIGINS: [],
      ...DOOR,
      ...config,
    },
  })
  t.teardown(() => server.close())
  await server.ready()
  const guards = providers.filter(({ guard }) => guard !== null).length
  const sleepers = SLEEPERS + sleepersOf(guards) + (redis === undefined ? 0 : 1)
  if (!starting) await clock.asleep(sleepers)
  return { server, clock, storage, lease, lines, routes }
}
