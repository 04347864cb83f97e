/**
 * How long one observation speaks for the time after it, seconds. Beyond it nothing is known,
 * and nothing is made up: the rest is a gap.
 */
export const HOLD_SECONDS = 600

/** A rate per hour as it was at one moment, epoch milliseconds. */
export interface RateAt {
  readonly atMs: number
  readonly perHour: number
}

/** A rate summed over a window of time. */
export interface Total {
  readonly total: number
  /** Share of the window that observations speak for, 0 to 1. */
  readonly coverage: number
}

/**
 * Step-hold integral of a rate over `[fromMs, toMs)`: an observation holds until the next, at
 * most ten minutes. What is not covered adds nothing and lowers the coverage. How often the same
 * rate was observed does not change the total.
 * @param samples in order of time, each moment once; those before the window count while they hold
 */
export function integrate(samples: readonly RateAt[], fromMs: number, toMs: number): Total {
  let total = 0
  let coveredMs = 0
  for (const [index, sample] of samples.entries()) {
    const next = samples[index + 1]?.atMs ?? Number.POSITIVE_INFINITY
    const end = Math.min(sample.atMs + HOLD_SECONDS * 1000, next, toMs)
    const heldMs = Math.max(0, end - Math.max(sample.atMs, fromMs))
    coveredMs += heldMs
    total += (sample.perHour * heldMs) / 3_600_000
  }
  return { total, coverage: toMs > fromMs ? coveredMs / (toMs - fromMs) : 0 }
}
