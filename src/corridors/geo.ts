/** A point as latitude and longitude in degrees (WGS 84). */
export type LatLon = readonly [lat: number, lon: number]

/** A line through points, in order. */
export type Polyline = [LatLon, ...LatLon[]]

/** A point in metres east and north of a projection's origin. */
export interface XY {
  readonly x: number
  readonly y: number
}

/** Mean radius of the Earth, metres (IUGG). */
const EARTH_RADIUS_M = 6_371_008.8
const radians = (degrees: number): number => (degrees * Math.PI) / 180

/** Great-circle distance in metres (haversine). */
export function distanceM([lat1, lon1]: LatLon, [lat2, lon2]: LatLon): number {
  const dLat = Math.sin(radians(lat2 - lat1) / 2)
  const dLon = Math.sin(radians(lon2 - lon1) / 2)
  const h = dLat ** 2 + Math.cos(radians(lat1)) * Math.cos(radians(lat2)) * dLon ** 2
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** Length of a polyline in metres. */
export function polylineLengthM(points: readonly LatLon[]): number {
  return pairs(points).reduce((sum, [a, b]) => sum + distanceM(a, b), 0)
}

/**
 * A flat map around an origin, metres (equirectangular). Over the 50 km of a long corridor its
 * error is below the accuracy of any road geometry.
 */
export function projectionAround([lat0, lon0]: LatLon): (point: LatLon) => XY {
  const metresPerDegree = radians(1) * EARTH_RADIUS_M
  const shrink = Math.cos(radians(lat0))
  return ([lat, lon]) => ({
    x: (lon - lon0) * metresPerDegree * shrink,
    y: (lat - lat0) * metresPerDegree,
  })
}

/** Bearing from one projected point to another, degrees clockwise from north, 0 to 360. */
export function bearingDegrees(from: XY, to: XY): number {
  const degrees = (Math.atan2(to.x - from.x, to.y - from.y) * 180) / Math.PI
  return (degrees + 360) % 360
}

/** The smaller angle between two bearings, 0 to 180 degrees. */
export function angleBetween(a: number, b: number): number {
  const difference = Math.abs(a - b) % 360
  return difference > 180 ? 360 - difference : difference
}

/** Distance in metres from a point to the segment between two others. */
export function distanceToSegmentM(point: XY, from: XY, to: XY): number {
  const dx = to.x - from.x
  const dy = to.y - from.y
  const along = ((point.x - from.x) * dx + (point.y - from.y) * dy) / (dx * dx + dy * dy)
  const t = Math.min(1, Math.max(0, along))
  return Math.hypot(point.x - from.x - t * dx, point.y - from.y - t * dy)
}

/** Each item with the one after it. */
export function pairs<T>(items: readonly T[]): [T, T][] {
  const found: [T, T][] = []
  let previous: { readonly item: T } | null = null
  for (const item of items) {
    if (previous !== null) found.push([previous.item, item])
    previous = { item }
  }
  return found
}

/** The last of some items, of which there must be one: no items are a TypeError. */
export const lastOf = <T>(items: readonly T[]): T => items.reduce((_, item) => item)

/**
 * Cuts a polyline of some length at distances from its start, metres, ascending and within its
 * length: one stretch more than there are cuts. Walks the line once.
 */
export function cutAlong(
  [first, ...others]: Readonly<Polyline>,
  cutsM: readonly number[],
): Polyline[] {
  const stretches: Polyline[] = []
  const cuts = cutsM.values()
  let cut = cuts.next()
  let stretch: Polyline = [first]
  let from = first
  let atM = 0
  for (const to of others) {
    const stepM = distanceM(from, to)
    while (stepM > 0 && cut.value !== undefined && cut.value <= atM + stepM) {
      const at = between(from, to, (cut.value - atM) / stepM)
      stretches.push([...stretch, at])
      stretch = [at]
      cut = cuts.next()
    }
    stretch.push(to)
    from = to
    atM += stepM
  }
  return [...stretches, stretch]
}

/** The point at a distance from the start of a polyline, metres, within its length. */
export const pointAlong = (points: Readonly<Polyline>, alongM: number): LatLon =>
  lastOf(cutAlong(points, [alongM]))[0]

const between = (a: LatLon, b: LatLon, share: number): LatLon => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
]
