import type { Corridor } from '../corridors/corridor.ts'
import type { Refusal, RoadPiece } from '../corridors/road-piece.ts'
import type { ProviderName } from '../corridors/snapshot.ts'

/** What a provider says of a corridor, before it is matched. */
export interface ProviderAnswer {
  readonly pieces: readonly RoadPiece[]
  /** The provider's own time of the data, epoch ms; null where it tells none. */
  readonly observedAtMs: number | null
  /** What the adapter left out, by reason. */
  readonly refused: readonly Refusal[]
}

export interface RefreshContext {
  /** Time of this refresh, epoch ms. */
  readonly atMs: number
  /** Ends a call in flight. */
  readonly signal: AbortSignal
}

/** A source of speeds. Only the collector calls it. */
export interface Provider {
  readonly name: ProviderName
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
