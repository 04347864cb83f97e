/**
 * How long one observation speaks for the time after it, seconds. Beyond it nothing is known,
 * and nothing is made up: the rest is a gap.
 */
export const HOLD_SECONDS = 600

/** Something seen at one moment, epoch milliseconds. */
export interface Sample {
  readonly atMs: number
}

/** A span of time that one sample speaks for, epoch milliseconds. */
export interface Hold<S extends Sample> {
  readonly sample: S
  readonly fromMs: number
  readonly toMs: number
}

/**
 * The spans of `[fromMs, toMs)` that samples speak for: each holds until the next, at most ten
 * minutes. How often the same thing was observed does not change what is covered.
 * @param samples in order of time; those before the window count while they hold
 */
export function holds<S extends Sample>(
  samples: readonly S[],
  fromMs: number,
  toMs: number,
): Hold<S>[] {
  return samples.flatMap((sample, index) => {
    const next = samples[index + 1]?.atMs ?? Number.POSITIVE_INFINITY
    const start = Math.max(sample.atMs, fromMs)
    const end = Math.min(sample.atMs + HOLD_SECONDS * 1000, next, toMs)
    return start < end ? [{ sample, fromMs: start, toMs: end }] : []
  })
}

/** Hours from one moment to another. */
export const hoursBetween = (fromMs: number, toMs: number): number => (toMs - fromMs) / 3_600_000

/** A rate per hour as it was at one moment. */
export interface RateAt extends Sample {
  readonly perHour: number
}

/** A rate summed over a window of time. */
export interface Total {
  readonly total: number
  /** Share of the window that observations speak for, 0 to 1. */
  readonly coverage: number
}

/**
 * Step-hold integral of a rate over `[fromMs, toMs)`. What is not covered adds nothing and lowers
 * the coverage.
 * @param samples in order of time, each moment once
 */
export function integrate(samples: readonly RateAt[], fromMs: number, toMs: number): Total {
  let total = 0
  let coveredMs = 0
  for (const hold of holds(samples, fromMs, toMs)) {
    const heldMs = hold.toMs - hold.fromMs
    total += (hold.sample.perHour * heldMs) / 3_600_000
    coveredMs += heldMs
  }
  return { total, coverage: toMs > fromMs ? coveredMs / (toMs - fromMs) : 0 }
}
