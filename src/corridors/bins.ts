import { type Corridor, type Section, sectionsOf } from './corridor.ts'
import {
  bearingDegrees,
  cutAlong,
  type LatLon,
  lastOf,
  pointAlong,
  polylineLengthM,
  projectionAround,
  type XY,
} from './geo.ts'

/** Length of road that takes one speed, metres; a section is cut into equal bins of about this. */
const BIN_M = 10
/** Edge of a cell of the look-up grid, metres; at least the matching distance. */
const CELL_M = 50

/** A few metres of a section. */
export interface Bin {
  /** Place of its section in `sectionsOf(corridor)`. */
  readonly section: number
  readonly centre: XY
  /** Driving direction, degrees from north. */
  readonly bearing: number
}

/** A corridor cut into bins that can be found by place. Made once for each corridor. */
export interface BinIndex {
  readonly sections: readonly Section[]
  readonly bins: readonly Bin[]
  readonly project: (point: LatLon) => XY
  /** The bins that may lie within a margin (at most 50 m) of a segment. */
  near(from: XY, to: XY, marginM: number): readonly Bin[]
}

/** Cuts every section into bins of 10 m and indexes them. */
export function indexBins(corridor: Corridor): BinIndex {
  const sections = sectionsOf(corridor)
  const project = projectionAround(corridor.directions[0].sections[0].points[0])
  const bins = sections.flatMap((section, place) => cut(section, place, project))
  const cells = Map.groupBy(bins, ({ centre }) => `${cellOf(centre.x)},${cellOf(centre.y)}`)
  const near = (from: XY, to: XY, marginM: number): readonly Bin[] => {
    const [left, right] = [
      cellOf(Math.min(from.x, to.x) - marginM),
      cellOf(Math.max(from.x, to.x) + marginM),
    ]
    const [bottom, top] = [
      cellOf(Math.min(from.y, to.y) - marginM),
      cellOf(Math.max(from.y, to.y) + marginM),
    ]
    // A very long segment crosses more cells than there are bins: looking at every bin is cheaper.
    if ((right - left + 1) * (top - bottom + 1) > bins.length) return bins
    const found: Bin[] = []
    for (let x = left; x <= right; x++)
      for (let y = bottom; y <= top; y++) found.push(...(cells.get(`${x},${y}`) ?? []))
    return found
  }
  return { sections, bins, project, near }
}

const cellOf = (metres: number): number => Math.floor(metres / CELL_M)

function cut(section: Section, place: number, project: (point: LatLon) => XY): Bin[] {
  const lengthM = polylineLengthM(section.points)
  const count = Math.max(1, Math.round(lengthM / BIN_M))
  const edgesM = Array.from({ length: count - 1 }, (_, edge) => ((edge + 1) / count) * lengthM)
  return cutAlong(section.points, edgesM).map((stretch) => ({
    section: place,
    centre: project(pointAlong(stretch, polylineLengthM(stretch) / 2)),
    bearing: bearingDegrees(project(stretch[0]), project(lastOf(stretch))),
  }))
}
