import { type Corridor, type Direction, type Section, sectionsOf } from './corridor.ts'
import {
  angleBetween,
  bearingDegrees,
  distanceM,
  type LatLon,
  lastOf,
  type Polyline,
  pairs,
  polylineLengthM,
  projectionAround,
} from './geo.ts'

/** How far the stated length may be from the polyline's, as a share. */
const LENGTH_TOLERANCE = 0.02
/** How far one section's end may be from the next one's start, metres. */
const JOINT_TOLERANCE_M = 50

const COMPASS: Readonly<Record<string, number>> = {
  northbound: 0,
  eastbound: 90,
  southbound: 180,
  westbound: 270,
}

/**
 * What is wrong with a corridor's geometry, one sentence a fault: ids used twice, lengths that
 * disagree with the polyline by more than 2 %, sections that are reversed or do not connect,
 * a direction that runs against its compass name. Empty when all is well.
 */
export function geometryFaults(corridor: Corridor): string[] {
  const faults = [
    ...repeated(corridor.directions.map((direction) => direction.direction)).map(
      (name) => `direction "${name}" stands twice`,
    ),
    ...repeated(sectionsOf(corridor).map((section) => section.id)).map(
      (id) => `section "${id}" stands twice`,
    ),
    ...sectionsOf(corridor).flatMap(lengthFaults),
    ...corridor.directions.flatMap((direction) => [
      ...pairs(direction.sections).flatMap(([before, after]) => jointFaults(before, after)),
      ...compassFaults(direction),
    ]),
  ]
  return [...new Set(faults)]
}

const repeated = (names: readonly string[]): string[] =>
  names.filter((name, index) => names.indexOf(name) !== index)

function lengthFaults({ id, lengthM, points }: Section): string[] {
  const drawnM = polylineLengthM(points)
  if (Math.abs(drawnM - lengthM) <= LENGTH_TOLERANCE * lengthM) return []
  return [
    `section "${id}": lengthM is ${lengthM}, but its points are ${drawnM.toFixed(0)} m long (more than 2 % apart)`,
  ]
}

function jointFaults(before: Section, after: Section): string[] {
  const [beforeStart, beforeEnd] = ends(before)
  const [afterStart, afterEnd] = ends(after)
  const near = (a: LatLon, b: LatLon) => distanceM(a, b) <= JOINT_TOLERANCE_M
  if (near(beforeEnd, afterStart)) return []
  if (near(beforeEnd, afterEnd)) return [`section "${after.id}" is reversed`]
  if (near(beforeStart, afterStart)) return [`section "${before.id}" is reversed`]
  if (near(beforeStart, afterEnd))
    return [`sections "${before.id}" and "${after.id}" are reversed or in the wrong order`]
  const gapM = distanceM(beforeEnd, afterStart).toFixed(0)
  return [`section "${after.id}" is not connected to "${before.id}": ${gapM} m between them`]
}

function compassFaults({ direction, sections: [first, ...others] }: Direction): string[] {
  const expected = COMPASS[direction]
  if (expected === undefined) return []
  const bearing = overallBearing([...first.points, ...others.flatMap(({ points }) => points)])
  if (angleBetween(bearing, expected) <= 90) return []
  return [
    `direction "${direction}" is reversed: its sections run towards ${bearing.toFixed(0)} degrees`,
  ]
}

/** Bearing from the first point of a polyline to its last, degrees. */
export function overallBearing(points: Readonly<Polyline>): number {
  const project = projectionAround(points[0])
  return bearingDegrees(project(points[0]), project(lastOf(points)))
}

const ends = ({ points }: Section): [LatLon, LatLon] => [points[0], lastOf(points)]
