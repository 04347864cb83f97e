import { z } from 'zod'
import { type LatLon, polylineLengthM } from '../../corridors/geo.ts'
import type { Refusal } from '../../corridors/road-piece.ts'
import { ProviderFailure } from '../failure.ts'
import { parseJsonBody } from '../json-body.ts'
import type { ProviderAnswer } from '../provider.ts'
import { isNoCoverage } from './error-body.ts'

/** Below this TomTom's speed is a guess. */
const LEAST_CONFIDENCE = 0.5
/** Beyond the rounding to whole km/h and seconds, the two speeds may differ by this, km/h. */
const SPEED_TOLERANCE_KMH = 1
/** Speeds and times are rounded to whole numbers. */
const ROUNDING = 0.5

const coordinate = z.object({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
})

/** Flow Segment Data v4 in JSON, as far as it is used. Speeds km/h, times s, of the whole segment. */
const segmentBody = z.object({
  flowSegmentData: z.object({
    currentSpeed: z.number(),
    freeFlowSpeed: z.number(),
    currentTravelTime: z.number(),
    freeFlowTravelTime: z.number(),
    confidence: z.number(),
    roadClosure: z.boolean(),
    coordinates: z.object({ coordinate: z.array(coordinate) }),
  }),
})

/**
 * Reads one body: the segment as one piece, its speeds as length ÷ travel time, because whole
 * km/h cost up to 3.6 % at 14 km/h. Confidence below 0.5 is refused.
 * @throws ProviderFailure `noCoverage` for TomTom's words that it has no road there, `badAnswer`
 * for another shape
 */
export function parseTomTom(body: string): ProviderAnswer {
  const segment = parseSegment(body)
  const points = segment.coordinates.coordinate.map(
    ({ latitude, longitude }): LatLon => [latitude, longitude],
  )
  const refuse = (reason: Refusal['reason']): ProviderAnswer => ({
    pieces: [],
    observedAtMs: null,
    refused: [{ reason, pieces: 1 }],
  })
  const { confidence, roadClosure: closed } = segment
  if (confidence < LEAST_CONFIDENCE) return refuse('lowConfidence')
  const lengthM = polylineLengthM(points)
  const speedKmh = kmh(lengthM, segment.currentTravelTime)
  const freeFlowKmh = kmh(lengthM, segment.freeFlowTravelTime)
  const consistent =
    agree(speedKmh, segment.currentSpeed, segment.currentTravelTime) &&
    agree(freeFlowKmh, segment.freeFlowSpeed, segment.freeFlowTravelTime)
  if (!closed && !consistent) return refuse('implausible')
  return {
    pieces: [{ points, speedKmh, freeFlowKmh, confidence, closed }],
    observedAtMs: null,
    refused: [],
  }
}

function parseSegment(body: string): z.infer<typeof segmentBody>['flowSegmentData'] {
  try {
    return parseJsonBody(body, segmentBody).flowSegmentData
  } catch (failure) {
    if (!isNoCoverage(body)) throw failure
    throw new ProviderFailure('noCoverage', 'the provider has no road near the point asked for')
  }
}

const kmh = (lengthM: number, seconds: number): number => (lengthM / seconds) * 3.6

/**
 * True when the stated speed is that of the geometry: otherwise the polyline is not the stretch
 * that was timed.
 */
function agree(computedKmh: number, statedKmh: number, seconds: number): boolean {
  const rounding = ROUNDING + (statedKmh * ROUNDING) / seconds
  return Math.abs(computedKmh - statedKmh) <= SPEED_TOLERANCE_KMH + rounding
}
