import { randomUUID } from 'node:crypto'
import type { Corridor } from '../corridors/corridor.ts'
import type { Snapshot, Source } from '../corridors/snapshot.ts'
import type { ProviderCall } from '../providers/provider.ts'
import type { Attempt } from '../storage/current-state.ts'
import type { Tick } from '../storage/ticks/tick.ts'

/** One provider's attempt with the calls that it made. */
interface Made {
  readonly attempt: Attempt
  readonly calls: readonly ProviderCall[]
}

/**
 * What a refresh is remembered by. A provider that calls nobody over the network, because it is not
 * on it, counts as one call.
 */
export const tickOf = (
  corridor: Corridor,
  source: Source,
  made: readonly Made[],
  snapshot: Snapshot | null,
  endedAtMs: number,
): Tick => ({
  corridor,
  source,
  attempts: made.map(({ attempt, calls }) => {
    const { atMs, durationMs, outcome } = attempt
    const whole = { name: corridor.id, atMs, durationMs, outcome, body: null }
    return { id: randomUUID(), ...attempt, calls: source === 'live' ? calls : [whole] }
  }),
  snapshot,
  endedAtMs,
})
