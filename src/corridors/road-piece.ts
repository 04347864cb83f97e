import { isPlausibleSpeedKmh, LEAST_FREE_FLOW_KMH } from '../impact/speed.ts'
import type { LatLon } from './geo.ts'
import { FAILURE_OUTCOMES, type FailureOutcome } from './outcome.ts'

/** A stretch of some road with one speed, as a provider reports it. */
export interface RoadPiece {
  /** In driving order. */
  readonly points: readonly LatLon[]
  /** Ignored when closed. */
  readonly speedKmh: number
  /** Ignored when closed. */
  readonly freeFlowKmh: number
  /** 0 to 1. */
  readonly confidence: number
  readonly closed: boolean
}

/** Why pieces, or whole answers, were not used. */
export const REFUSAL_REASONS = [
  'wrongRoad',
  'oppositeCarriageway',
  'implausible',
  'older',
  'duplicate',
  ...FAILURE_OUTCOMES,
] as const
export type RefusalReason = (typeof REFUSAL_REASONS)[number]

/** What an answer is as a whole, when this is why nothing of it could be used. */
export function outcomeOf(reason: RefusalReason): FailureOutcome {
  switch (reason) {
    case 'wrongRoad':
    case 'oppositeCarriageway':
      return 'noCoverage'
    case 'implausible':
    case 'older':
    case 'duplicate':
      return 'badAnswer'
    default:
      return reason
  }
}

export interface Refusal {
  readonly reason: RefusalReason
  readonly pieces: number
}

/** True when the piece has a geometry, a confidence and speeds that traffic can have. */
export const isPlausible = (piece: RoadPiece): boolean =>
  piece.points.length >= 2 &&
  piece.confidence >= 0 &&
  piece.confidence <= 1 &&
  (piece.closed ||
    (isPlausibleSpeedKmh(piece.speedKmh) &&
      isPlausibleSpeedKmh(piece.freeFlowKmh) &&
      piece.freeFlowKmh >= LEAST_FREE_FLOW_KMH))

/** The same for two reports of one piece: its points, to a metre. */
export const geometryKey = (piece: RoadPiece): string =>
  piece.points.map(([lat, lon]) => `${lat.toFixed(5)},${lon.toFixed(5)}`).join(' ')

/** One entry a reason, largest first. */
export function tally(refusals: Iterable<Refusal>): Refusal[] {
  const counts = new Map<RefusalReason, number>()
  for (const { reason, pieces } of refusals) counts.set(reason, (counts.get(reason) ?? 0) + pieces)
  return [...counts]
    .map(([reason, pieces]) => ({ reason, pieces }))
    .sort((a, b) => b.pieces - a.pieces)
}
