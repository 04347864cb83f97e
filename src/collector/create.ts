import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Corridor } from '../corridors/corridor.ts'
import type { Provider } from '../providers/provider.ts'
import type { CurrentState } from '../storage/current-state.ts'
import type { Lease } from '../storage/shared/lease.ts'
import type { SharedStore } from '../storage/shared/shared-store.ts'
import type { Tick } from '../storage/ticks/tick.ts'
import { Asking } from './asking.ts'
import { Collector } from './collector.ts'
import { Schedule } from './schedule.ts'
import { SharedState } from './shared-state.ts'

export interface CollectorSetup {
  readonly corridors: readonly Corridor[]
  /** In order of preference, never empty. */
  readonly providers: readonly Provider[]
  readonly state: CurrentState
  readonly clock: Clock
  readonly log: FastifyBaseLogger
  /** What this process shares with others. */
  readonly store: SharedStore
  /** The right to collect. */
  readonly lease: Lease
  /** The longer of the two is also the longest time for one round. */
  readonly pollSeconds: number
  readonly leastIntervalSeconds: number
  /** Told of everything that one refresh is to be remembered by. Must neither fail nor wait. */
  readonly record: (tick: Tick) => void
  /** Told of what another process collected, where this one's memory does not get it otherwise. */
  readonly recordOthers: ((tick: Tick) => void) | null
}

/** Puts the collector together. */
export function createCollector(setup: CollectorSetup): Collector {
  const { state, clock, log, lease, record, recordOthers } = setup
  const { pollSeconds, leastIntervalSeconds } = setup
  return new Collector({
    asking: new Asking(setup),
    schedule: new Schedule(setup),
    shared: new SharedState({ ...setup, owner: lease.owner, record: recordOthers }),
    lease,
    state,
    clock,
    log,
    mostRoundMs: Math.max(pollSeconds, leastIntervalSeconds) * 1000,
    record,
  })
}
