import type { Corridor } from '../corridors/corridor.ts'
import type { FailureOutcome } from '../corridors/outcome.ts'
import type { Refusal, RoadPiece } from '../corridors/road-piece.ts'
import type { ProviderName } from '../corridors/snapshot.ts'
import type { Guard } from './upstream/guard.ts'

/** What a provider says of a corridor, before it is matched. */
export interface ProviderAnswer {
  readonly pieces: readonly RoadPiece[]
  /** The provider's own time of the data, epoch ms; null where it tells none. */
  readonly observedAtMs: number | null
  /** What the adapter left out, by reason. */
  readonly refused: readonly Refusal[]
}

/** One call over the network, whatever came of it. */
export interface ProviderCall {
  /** What was asked for: the corridor, or one of its sections. */
  readonly name: string
  readonly atMs: number
  readonly durationMs: number
  readonly outcome: 'ok' | FailureOutcome | 'stopped'
  /** The answer with the key taken out; null where there was none to keep. */
  readonly body: string | null
}

export interface RefreshContext {
  /** Time of this refresh, epoch ms. */
  readonly atMs: number
  /** Ends a call in flight: the service stops, or the time for this refresh is over. */
  readonly signal: AbortSignal
  /** The time now, epoch ms. */
  now(): number
  /** Told of every call over the network. */
  noteCall(call: ProviderCall): void
}

/** A source of speeds. Only the collector calls it. */
export interface Provider {
  readonly name: ProviderName
  /** What every call over the network passes; null for a provider that makes none. */
  readonly guard: Guard | null
  /** How many calls one refresh of the corridor makes when all goes well. */
  callsFor(corridor: Corridor): number
  /**
   * Asks for the corridor's speeds once.
   * @throws ProviderFailure when there is no usable answer
   */
  refresh(corridor: Corridor, context: RefreshContext): Promise<ProviderAnswer>
}

/**
 * Reads one raw body as untrusted input.
 * @throws ProviderFailure `badAnswer` or `noCoverage`
 */
export type BodyParser = (body: string) => ProviderAnswer
