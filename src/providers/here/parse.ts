import { z } from 'zod'
import type { LatLon } from '../../corridors/geo.ts'
import { type Refusal, type RoadPiece, tally } from '../../corridors/road-piece.ts'
import { parseJsonBody } from '../json-body.ts'
import type { ProviderAnswer } from '../provider.ts'
import { splitByLength } from './split.ts'

/** Above this, HERE's confidence means real-time data; 0.5 to 0.7 is historical, less is the limit. */
const REAL_TIME_CONFIDENCE = 0.7
const KMH_PER_M_S = 3.6

const flowFields = {
  /** m/s, capped by the legal limit. Absent on closed roads. */
  speed: z.number().optional(),
  /** m/s, as driven. */
  speedUncapped: z.number().optional(),
  freeFlow: z.number().optional(),
  /** 0 to 10; 10 is closed. */
  jamFactor: z.number().optional(),
  confidence: z.number().optional(),
  traversability: z.string().optional(),
}
const subSegment = z.object({ ...flowFields, length: z.number() })
type Flow = z.infer<z.ZodObject<typeof flowFields>>

const point = z.object({ lat: z.number().min(-90).max(90), lng: z.number().min(-180).max(180) })

/** HERE Traffic v7 `/flow` with `locationReferencing=shape`, as far as it is used. */
const flowBody = z.object({
  sourceUpdated: z.iso.datetime({ offset: true }).optional(),
  results: z.array(
    z.object({
      location: z.object({
        shape: z.object({ links: z.array(z.object({ points: z.array(point) })) }),
      }),
      currentFlow: z.object({ ...flowFields, subSegments: z.array(subSegment).optional() }),
    }),
  ),
})

/**
 * Reads a HERE flow body: one piece a result, or one a sub-segment where it has them, and only
 * those with real-time confidence (above 0.7).
 * @throws ProviderFailure `badAnswer` when the body has another shape
 */
export function parseHere(body: string): ProviderAnswer {
  const { sourceUpdated, results } = parseJsonBody(body, flowBody)
  const refused: Refusal[] = []
  const pieces = results.flatMap(({ location, currentFlow }) => {
    const points = location.shape.links.flatMap(({ points }) =>
      points.map(({ lat, lng }): LatLon => [lat, lng]),
    )
    const parts = currentFlow.subSegments?.length
      ? splitByLength(points, currentFlow.subSegments)
      : [{ points, part: currentFlow }]
    return parts.flatMap(({ points: stretch, part }) => {
      const { freeFlow, confidence, traversability } = currentFlow
      const piece = toPiece(stretch, { freeFlow, confidence, traversability, ...part })
      if (piece.confidence > REAL_TIME_CONFIDENCE) return [piece]
      refused.push({ reason: 'lowConfidence', pieces: 1 })
      return []
    })
  })
  const observedAtMs = sourceUpdated === undefined ? null : Date.parse(sourceUpdated)
  return { pieces, observedAtMs, refused: tally(refused) }
}

/** A speed that is missing becomes 0, which is refused as implausible. A closure needs none. */
function toPiece(points: readonly LatLon[], flow: Flow): RoadPiece {
  const closed = flow.traversability === 'closed' || flow.jamFactor === 10
  return {
    points,
    speedKmh: (flow.speedUncapped ?? flow.speed ?? 0) * KMH_PER_M_S,
    freeFlowKmh: (flow.freeFlow ?? 0) * KMH_PER_M_S,
    confidence: flow.confidence ?? (closed ? 1 : 0),
    closed,
  }
}
