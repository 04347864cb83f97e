import { cutAlong, type LatLon, type Polyline, polylineLengthM } from '../../corridors/geo.ts'

/** A stretch of a polyline and the part that it belongs to. */
export interface Stretch<Part> {
  readonly points: readonly LatLon[]
  readonly part: Part
}

/**
 * Cuts a polyline into consecutive stretches by the parts' lengths in metres, which must be
 * positive. They are scaled to the polyline's own length, which differs a little from the
 * provider's.
 */
export function splitByLength<Part extends { readonly length: number }>(
  points: Readonly<Polyline>,
  parts: readonly Part[],
): Stretch<Part>[] {
  const total = parts.reduce((sum, { length }) => sum + length, 0)
  const scale = polylineLengthM(points) / total
  let atM = 0
  const endsM = parts.map(({ length }) => {
    atM += length * scale
    return atM
  })
  const stretches = cutAlong(points, endsM.slice(0, -1))
  // Rounding may leave the line without its last, immeasurably short stretch.
  return parts.flatMap((part, index) =>
    stretches.slice(index, index + 1).map((stretch) => ({ points: stretch, part })),
  )
}
