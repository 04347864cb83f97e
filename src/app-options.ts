import type { Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import type { Corridor } from './corridors/corridor.ts'
import type { DoorConfig } from './door.ts'
import type { Memory } from './modules/health/host.ts'
import type { Provider } from './providers/provider.ts'
import type { Lease } from './storage/shared/lease.ts'
import type { Storage } from './storage/storage.ts'
import type { Tracer } from './tracing/tracer.ts'

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
  /** How long open requests may take once no new ones are taken, ms. */
  readonly drainMs: number
}
