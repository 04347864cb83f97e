import { measuresNothing, type Snapshot } from '../corridors/snapshot.ts'
import { HOLD_SECONDS } from '../impact/integral.ts'
import type { Attempt, CorridorState } from './current-state.ts'

/** Up to this age a snapshot speaks for now: as long as one observation holds in a total. */
export const FRESH_SECONDS = HOLD_SECONDS

/** What can be served of a corridor now. */
export type Served =
  | { readonly kind: 'missing'; readonly attempt: Attempt | null }
  | { readonly kind: 'expired'; readonly ageSeconds: number; readonly attempt: Attempt | null }
  | {
      /** Stale: the last attempt failed, or the observation is older than ten minutes. */
      readonly kind: 'fresh' | 'stale'
      readonly snapshot: Snapshot
      readonly ageSeconds: number
      /** False where the last attempt failed, or was long ago: before a restart, say. */
      readonly live: boolean
      /** The last attempt where it failed. */
      readonly failure: Attempt | null
    }

/** Judges a corridor's last good snapshot by its age and by how the last attempt ended. */
export function servedNow(
  { snapshot, attempt }: CorridorState,
  nowMs: number,
  maxStaleSeconds: number,
): Served {
  if (snapshot === null) return { kind: 'missing', attempt }
  // An answer that measures nothing fails, and is all there is until the next one.
  const { fetchedAtMs } = snapshot
  const isLater = attempt !== null && (attempt.atMs > fetchedAtMs || fetchedAtMs > nowMs)
  const failure = isLater && attempt.outcome !== 'ok' ? attempt : null
  if (failure !== null && measuresNothing(snapshot)) return { kind: 'missing', attempt: failure }
  const ageSeconds = Math.max(0, Math.floor((nowMs - snapshot.observedAtMs) / 1000))
  if (ageSeconds > maxStaleSeconds) return { kind: 'expired', ageSeconds, attempt }
  const kind = failure === null && ageSeconds <= FRESH_SECONDS ? 'fresh' : 'stale'
  const sinceFetchMs = nowMs - fetchedAtMs
  const live = failure === null && sinceFetchMs <= FRESH_SECONDS * 1000
  return { kind, snapshot, ageSeconds, live, failure }
}
