import type { Bin, BinIndex } from './bins.ts'
import { angleBetween, bearingDegrees, distanceToSegmentM, pairs } from './geo.ts'
import { geometryKey, isPlausible, type Refusal, type RoadPiece, tally } from './road-piece.ts'
import { observeSection, type SectionObservation } from './section-observation.ts'

/**
 * A piece belongs to a bin when it passes this near, metres. The Ayalon's carriageways are 25 m
 * apart or more.
 */
const MATCH_DISTANCE_M = 20
/** … and runs the same way within this angle, degrees. */
const MATCH_ANGLE_DEGREES = 35

/** What the pieces say of every section, and the pieces that were not used, by reason. */
export interface Match {
  readonly sections: readonly SectionObservation[]
  readonly refused: readonly Refusal[]
}

interface Claim {
  readonly piece: RoadPiece
  readonly distanceM: number
}

type Fate = 'used' | 'oppositeCarriageway' | 'wrongRoad'

/**
 * Gives every bin of the corridor the speed of the nearest piece that passes within 20 m and
 * runs the same way, and reads each section off its bins. A piece serves a bin once, however
 * often it was reported; implausible pieces and those of other roads are refused and counted.
 */
export function matchPieces(index: BinIndex, pieces: readonly RoadPiece[]): Match {
  const claims = new Map<Bin, Claim>()
  const seen = new Set<string>()
  const refused: Refusal[] = []
  for (const piece of pieces) {
    const reason = refusalOf(piece, seen) ?? layOn(index, piece, claims)
    if (reason !== 'used') refused.push({ reason, pieces: 1 })
  }
  const sections = index.sections.map((section, place) => {
    const bins = index.bins.filter((bin) => bin.section === place)
    return observeSection(
      section.id,
      bins.map((bin) => claims.get(bin)?.piece ?? null),
    )
  })
  return { sections, refused: tally(refused) }
}

function refusalOf(piece: RoadPiece, seen: Set<string>): 'implausible' | 'duplicate' | null {
  if (!isPlausible(piece)) return 'implausible'
  const key = geometryKey(piece)
  if (seen.has(key)) return 'duplicate'
  seen.add(key)
  return null
}

/** Claims the bins that the piece runs through, where it is nearer than any piece before it. */
function layOn(index: BinIndex, piece: RoadPiece, claims: Map<Bin, Claim>): Fate {
  let fate: Fate = 'wrongRoad'
  for (const [from, to] of pairs(piece.points.map(index.project))) {
    if (from.x === to.x && from.y === to.y) continue
    const bearing = bearingDegrees(from, to)
    for (const bin of index.near(from, to, MATCH_DISTANCE_M)) {
      const distanceM = distanceToSegmentM(bin.centre, from, to)
      if (distanceM > MATCH_DISTANCE_M) continue
      const angle = angleBetween(bearing, bin.bearing)
      if (angle <= MATCH_ANGLE_DEGREES) {
        fate = 'used'
        if (distanceM < (claims.get(bin)?.distanceM ?? Number.POSITIVE_INFINITY))
          claims.set(bin, { piece, distanceM })
      } else if (angle >= 180 - MATCH_ANGLE_DEGREES && fate !== 'used') {
        fate = 'oppositeCarriageway'
      }
    }
  }
  return fate
}
