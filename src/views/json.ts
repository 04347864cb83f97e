/** Digits after the point that leave the process: a micro-unit is below any accuracy here. */
const SCALE = 1e6

/**
 * JSON with numbers rounded to six decimals.
 * @throws RangeError for a number that is not finite, which JSON would turn into a silent null
 */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (key, item: unknown) => {
    if (typeof item !== 'number') return item
    if (!Number.isFinite(item)) throw new RangeError(`${key} is not a finite number`)
    return Math.round(item * SCALE) / SCALE
  })

/** ISO 8601 in UTC. */
export const isoTime = (atMs: number): string => new Date(atMs).toISOString()
