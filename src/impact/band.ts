/**
 * A central estimate between the ends of its modelling band.
 * The band follows from stated ranges of the model's constants; it is not a statistical confidence.
 * Always `low <= central <= high`.
 */
export interface Band {
  readonly low: number
  readonly central: number
  readonly high: number
}

/** A band of no width: a value that was measured or given. */
export const exactly = (value: number): Band => ({ low: value, central: value, high: value })

/** The band times a factor. A negative factor swaps the ends, so that low stays the lowest number. */
export function scale(band: Band, factor: number): Band {
  const [low, high] = factor < 0 ? [band.high, band.low] : [band.low, band.high]
  return { low: low * factor, central: band.central * factor, high: high * factor }
}

/** End-wise sum; an empty list sums to exactly 0. */
export function sumBands(bands: Iterable<Band>): Band {
  const total = { low: 0, central: 0, high: 0 }
  for (const band of bands) {
    total.low += band.low
    total.central += band.central
    total.high += band.high
  }
  return total
}
