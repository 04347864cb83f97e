/**
 * The speed that delay is counted from. The choice dominates the number, so every answer names it.
 * - `freeFlow`: the provider's free-flow speed, at most the posted limit.
 * - `phed`: peak-hour excessive delay, FHWA 23 CFR 490.711(c): 60 % of the limit, at least 20 mph.
 * - `custom`: a speed that the caller chose.
 */
export type Reference =
  | { readonly kind: 'freeFlow' }
  | { readonly kind: 'phed' }
  | { readonly kind: 'custom'; readonly kmh: number }

/** 20 mph in km/h, as the regulation rounds it (23 CFR 490.711). */
const PHED_LEAST_KMH = 32.2
const PHED_SHARE_OF_LIMIT = 0.6

/** The reference speed of a section in km/h, from its free-flow speed and posted limit in km/h. */
export function referenceSpeedKmh(
  reference: Reference,
  section: { readonly freeFlowKmh: number; readonly limitKmh: number },
): number {
  switch (reference.kind) {
    case 'freeFlow':
      return Math.min(section.freeFlowKmh, section.limitKmh)
    case 'phed':
      return Math.max(PHED_LEAST_KMH, PHED_SHARE_OF_LIMIT * section.limitKmh)
    case 'custom':
      return reference.kmh
  }
}
