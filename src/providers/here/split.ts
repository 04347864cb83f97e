import { type LatLon, polylineLengthM, sliceAlong } from '../../corridors/geo.ts'

/** A stretch of a polyline and the part that it belongs to. */
export interface Stretch<Part> {
  readonly points: readonly LatLon[]
  readonly part: Part
}

/**
 * Cuts a polyline into consecutive stretches by the parts' lengths in metres. The lengths are
 * scaled to the polyline's own, which differs a little from the provider's.
 */
export function splitByLength<Part extends { readonly length: number }>(
  points: readonly LatLon[],
  parts: readonly Part[],
): Stretch<Part>[] {
  const total = parts.reduce((sum, { length }) => sum + length, 0)
  const scale = polylineLengthM(points) / total
  let atM = 0
  return parts.map((part) => {
    const fromM = atM
    atM += part.length * scale
    return { points: sliceAlong(points, fromM, atM), part }
  })
}
