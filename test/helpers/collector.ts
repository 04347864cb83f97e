import { pino } from 'pino'
import type { Collector } from '../../src/collector/collector.ts'
import { createCollector } from '../../src/collector/create.ts'
import type { Corridor } from '../../src/corridors/corridor.ts'
import type { Provider } from '../../src/providers/provider.ts'
import type { CurrentState } from '../../src/storage/current-state.ts'
import { Lease } from '../../src/storage/shared/lease.ts'
import type { SharedStore } from '../../src/storage/shared/shared-store.ts'
import type { Tick } from '../../src/storage/ticks/tick.ts'
import type { FakeClock } from './fake-clock.ts'
import { OWNER } from './guards.ts'
import { MemoryStore } from './memory-store.ts'

/** A collector as the app makes it, without the app. Its loop is the only one that sleeps. */
export function collectorOf(options: {
  readonly corridors: readonly Corridor[]
  readonly providers: readonly Provider[]
  readonly state: CurrentState
  readonly clock: FakeClock
  readonly record: (tick: Tick) => void
  readonly pollSeconds?: number
  readonly minIntervalSeconds?: number
  readonly store?: SharedStore
  readonly owner?: string
  readonly lines?: Record<string, unknown>[]
}): Collector {
  const { clock, pollSeconds = 300, minIntervalSeconds = 60 } = options
  const { store = new MemoryStore(), owner = OWNER, lines = [] } = options
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  return createCollector({
    ...options,
    log,
    store,
    lease: new Lease({ store, clock, log, owner, intervalMs: 5000 }),
    pollSeconds,
    leastIntervalSeconds: minIntervalSeconds,
    recordOthers: null,
  })
}
