import { pino } from 'pino'
import type { ProviderName } from '../../src/corridors/snapshot.ts'
import { Budget } from '../../src/providers/upstream/budget.ts'
import { Guard } from '../../src/providers/upstream/guard.ts'
import type { QuotaLimits } from '../../src/providers/upstream/quota-windows.ts'
import type { SharedStore } from '../../src/storage/shared/shared-store.ts'
import { MemoryStore } from './memory-store.ts'

/** The process whose guards these are. */
export const OWNER = 'this-process'

const NO_LIMITS: QuotaLimits = { hour: null, day: null, month: null }

/** A guard that retries without waiting; its budget has no limits unless said. */
export function guardOf(
  provider: ProviderName = 'here',
  options: {
    store?: SharedStore
    limits?: Partial<QuotaLimits>
    leastIntervalMs?: number
    owner?: string
    address?: URL
    now?: () => number
    random?: () => number
    lines?: Record<string, unknown>[]
  } = {},
): Guard {
  const { store = new MemoryStore(), leastIntervalMs = 60_000, owner = OWNER } = options
  const { now = Date.now, random = () => 0, address = new URL('http://127.0.0.1:1/') } = options
  const log = pino(
    { level: 'debug' },
    { write: (line: string) => options.lines?.push(JSON.parse(line)) },
  ).child({ provider })
  const limits = { ...NO_LIMITS, ...options.limits }
  const budget = new Budget({ provider, limits, leastIntervalMs, store, owner, now, log })
  return new Guard({ budget, address, now, random, log })
}
