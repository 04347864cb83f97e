import { z } from 'zod'
import type { LatLon } from '../../corridors/geo.ts'
import type { Refusal, RoadPiece } from '../../corridors/road-piece.ts'
import { joinAnswers } from '../answers.ts'
import { parseJsonBody, wrongShape } from '../json-body.ts'
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
const subSegment = z.object({ ...flowFields, length: z.number().positive() })
type Flow = z.infer<z.ZodObject<typeof flowFields>>

const point = z
  .object({ lat: z.number().min(-90).max(90), lng: z.number().min(-180).max(180) })
  .transform(({ lat, lng }): LatLon => [lat, lng])

const latLon = z.custom<LatLon>(Array.isArray)

/** The links of a location, joined to one line. */
const shape = z
  .object({ links: z.array(z.object({ points: z.array(point) })) })
  .transform(({ links }) => ({ points: links.flatMap(({ points }) => points) }))
  .pipe(z.object({ points: z.tuple([latLon], latLon) }))

const flowResult = z.object({
  location: z.object({ shape }),
  currentFlow: z.object({ ...flowFields, subSegments: z.array(subSegment).optional() }),
})

/** HERE Traffic v7 `/flow` with `locationReferencing=shape`; each result is read on its own. */
const flowBody = z.object({
  sourceUpdated: z.iso.datetime({ offset: true }).optional(),
  results: z.array(z.unknown()),
})

/**
 * Reads a HERE flow body: one piece a result, or one a sub-segment where it has them, and only
 * those with real-time confidence (above 0.7). A result of another shape is refused by itself.
 * @throws ProviderFailure `badAnswer` when the body, or every result, has another shape
 */
export function parseHere(body: string): ProviderAnswer {
  const { sourceUpdated, results } = parseJsonBody(body, flowBody)
  const observedAtMs = sourceUpdated === undefined ? null : Date.parse(sourceUpdated)
  if (results.length === 0) return { pieces: [], observedAtMs, refused: [] }
  const parts = results.map((result) => {
    const parsed = flowResult.safeParse(result)
    return parsed.success ? answerOf(parsed.data) : wrongShape(parsed.error)
  })
  return { ...joinAnswers(parts), observedAtMs }
}

function answerOf({ location, currentFlow }: z.infer<typeof flowResult>): ProviderAnswer {
  const { subSegments = [], freeFlow, confidence, traversability, jamFactor } = currentFlow
  const { points } = location.shape
  const pieces =
    subSegments.length === 0
      ? [toPiece(points, currentFlow)]
      : splitByLength(points, subSegments).map(({ points: stretch, part }) =>
          toPiece(stretch, { freeFlow, confidence, traversability, jamFactor, ...part }),
        )
  const known = pieces.filter((piece) => piece.confidence > REAL_TIME_CONFIDENCE)
  const guessed = pieces.length - known.length
  const refused: Refusal[] = guessed > 0 ? [{ reason: 'lowConfidence', pieces: guessed }] : []
  return { pieces: known, observedAtMs: null, refused }
}

/**
 * A speed that is missing, or of a reversible lane that now runs the other way, becomes 0, which
 * is refused as implausible. A closure needs none.
 */
function toPiece(points: readonly LatLon[], flow: Flow): RoadPiece {
  const closed = flow.traversability === 'closed' || flow.jamFactor === 10
  const routable = flow.traversability !== 'reversibleNotRoutable'
  return {
    points,
    speedKmh: routable ? (flow.speedUncapped ?? flow.speed ?? 0) * KMH_PER_M_S : 0,
    freeFlowKmh: (flow.freeFlow ?? 0) * KMH_PER_M_S,
    confidence: flow.confidence ?? (closed ? 1 : 0),
    closed,
  }
}
