import { REFUSAL_REASONS } from '../corridors/road-piece.ts'
import type { ProviderName, Snapshot } from '../corridors/snapshot.ts'

/** How an attempt can end. */
export const OUTCOMES = ['ok', ...REFUSAL_REASONS, 'internalError', 'stopped'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** How one attempt to refresh a corridor ended. */
export interface Attempt {
  readonly atMs: number
  readonly provider: ProviderName
  readonly outcome: Outcome
  readonly durationMs: number
  /** For a person; empty when all went well. Holds no secret and no URL. */
  readonly detail: string
}

/** What is known of one corridor now. */
export interface CorridorState {
  /** The last good snapshot; null before the first. */
  readonly snapshot: Snapshot | null
  /** The last attempt; null before the first ended. */
  readonly attempt: Attempt | null
}

const UNKNOWN: CorridorState = { snapshot: null, attempt: null }

/** The current state of every corridor, in memory. The collector writes it, readers read it. */
export class CurrentState {
  readonly #states = new Map<string, CorridorState>()
  #nextPollAtMs: number | null = null

  of(corridorId: string): CorridorState {
    return this.#states.get(corridorId) ?? UNKNOWN
  }

  /** Notes an attempt; a snapshot takes the place of the last one, its absence leaves it. */
  note(corridorId: string, attempt: Attempt, snapshot: Snapshot | null): void {
    const current = snapshot ?? this.of(corridorId).snapshot
    this.#states.set(corridorId, { snapshot: current, attempt })
  }

  /** When the collector asks again, epoch ms; past while it asks, null before its first tick ended. */
  get nextPollAtMs(): number | null {
    return this.#nextPollAtMs
  }

  set nextPollAtMs(atMs: number | null) {
    this.#nextPollAtMs = atMs
  }
}
