import { flooredSpeedKmh } from '../impact/speed.ts'
import type { RoadPiece } from './road-piece.ts'

/** Below this share of matched length a section yields no number. */
const LEAST_COVERAGE = 0.8
/** From this share of its length on, a section is closed; less is only missing speed. */
const CLOSED_SHARE = 0.5

/** One section as a provider saw it. Numbers are null unless the status is `ok`. */
export type SectionObservation =
  | {
      readonly id: string
      readonly status: 'ok'
      /** Share of the length with a speed or, where it is closed, with a known state; 0 to 1. */
      readonly coverage: number
      /** Mean over the covered length, 0 to 1. */
      readonly confidence: number
      /** Length over travel time, km/h. */
      readonly speedKmh: number
      readonly freeFlowKmh: number
    }
  | {
      readonly id: string
      readonly status: 'insufficientCoverage' | 'closed'
      readonly coverage: number
      readonly confidence: null
      readonly speedKmh: null
      readonly freeFlowKmh: null
    }

const noNumbers = { confidence: null, speedKmh: null, freeFlowKmh: null }

/** A section of which nothing is known. */
export const unobserved = (id: string): SectionObservation => ({
  id,
  status: 'insufficientCoverage',
  coverage: 0,
  ...noNumbers,
})

/**
 * Reads a section off its bins, all of one length: the travel time over the covered bins, scaled
 * to the section, gives its speed (a harmonic mean). Below 80 % coverage there is no number.
 * @param bins the piece that each bin took, null where there was none
 */
export function observeSection(
  id: string,
  bins: readonly (RoadPiece | null)[],
): SectionObservation {
  const known = bins.filter((piece) => piece !== null)
  const open = known.filter((piece) => !piece.closed)
  if (known.length - open.length >= CLOSED_SHARE * bins.length)
    return { id, status: 'closed', coverage: known.length / bins.length, ...noNumbers }
  const coverage = open.length / bins.length
  if (coverage < LEAST_COVERAGE) return { ...unobserved(id), coverage }
  const mean = (value: (piece: RoadPiece) => number): number =>
    open.reduce((sum, piece) => sum + value(piece), 0) / open.length
  return {
    id,
    status: 'ok',
    coverage,
    confidence: mean((piece) => piece.confidence),
    speedKmh: 1 / mean((piece) => 1 / flooredSpeedKmh(piece.speedKmh)),
    freeFlowKmh: 1 / mean((piece) => 1 / piece.freeFlowKmh),
  }
}
