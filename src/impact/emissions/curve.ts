import { barth2008 } from './barth-2008.ts'
import type { Fleet } from './fleet.ts'
import type { PerKm } from './per-km.ts'
import { ukTag } from './uk-tag.ts'

/** Fuel and CO2 per vehicle-kilometre at an average speed in km/h. */
export type EmissionCurve = (speedKmh: number, fleet: Fleet) => PerKm

/** The curves a caller can choose from. */
export const EMISSION_CURVE_IDS = ['uk-tag', 'barth-2008'] as const
export type EmissionCurveId = (typeof EMISSION_CURVE_IDS)[number]

const CURVES: Readonly<Record<EmissionCurveId, EmissionCurve>> = {
  'uk-tag': ukTag,
  'barth-2008': barth2008,
}

export const DEFAULT_EMISSION_CURVE: EmissionCurveId = 'uk-tag'

/** Average-speed curves hold within these speeds, km/h; outside, the nearest end is used. */
const CURVE_RANGE_KMH = { least: 5, most: 140 } as const

/**
 * What a vehicle-kilometre costs at a speed beyond what it costs at the reference, signed:
 * the curves are lowest near 67 km/h, so slowing from 90 to 70 km/h saves fuel.
 */
export function excessPerKm(
  curve: EmissionCurveId,
  fleet: Fleet,
  speedKmh: number,
  referenceKmh: number,
): PerKm {
  const actual = perKm(curve, fleet, speedKmh)
  const reference = perKm(curve, fleet, referenceKmh)
  return { litres: actual.litres - reference.litres, co2Kg: actual.co2Kg - reference.co2Kg }
}

/** Fuel in litres and CO2 in kg per vehicle-kilometre of the fleet at a speed in km/h. */
export function perKm(curve: EmissionCurveId, fleet: Fleet, speedKmh: number): PerKm {
  const { least, most } = CURVE_RANGE_KMH
  return CURVES[curve](Math.min(most, Math.max(least, speedKmh)), fleet)
}
