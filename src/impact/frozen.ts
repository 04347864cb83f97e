import { exactly, scale } from './band.ts'
import { isCongested } from './flow.ts'
import { toRates } from './rates.ts'
import type { ImpactSettings, SectionImpact, SectionState } from './section.ts'
import { travelSeconds } from './speed.ts'

/** Constants of the public prototype, model `1.0-freeze`, kept as published. */
export const FROZEN = {
  freeFlowKmh: 90,
  vehiclesPerKm: 25,
  litresPerDelayHour: 0.8,
  stopAndGoFactor: 1.5,
  co2KgPerLitre: 2.31,
} as const

/**
 * The prototype's formula, kept so that its published figures can be reproduced:
 * hours = vehicles · max(0, T − L/90), fuel = hours · 0.8 · 1.5, CO2 = fuel · 2.31.
 * "Vehicles" is a flow used as a count: the measured one, or 25 veh/km times the speed.
 */
export function frozenImpact(
  state: SectionState,
  settings: Pick<ImpactSettings, 'prices'>,
): SectionImpact {
  const vehicles = state.measuredFlowVehH ?? FROZEN.vehiclesPerKm * state.speedKmh
  const travelTimeSeconds = travelSeconds(state.lengthKm, state.speedKmh)
  const referenceTravelTimeSeconds = travelSeconds(state.lengthKm, FROZEN.freeFlowKmh)
  const delaySecondsPerVehicle = Math.max(0, travelTimeSeconds - referenceTravelTimeSeconds)
  const delay = exactly((vehicles * delaySecondsPerVehicle) / 3600)
  const fuel = scale(delay, FROZEN.litresPerDelayHour * FROZEN.stopAndGoFactor)
  const co2 = scale(fuel, FROZEN.co2KgPerLitre)
  return {
    speedKmh: state.speedKmh,
    referenceKmh: FROZEN.freeFlowKmh,
    congested: isCongested(state.speedKmh, FROZEN.freeFlowKmh),
    travelTimeSeconds,
    delaySecondsPerVehicle,
    flowVehH: exactly(vehicles),
    vehiclesPresent: exactly((vehicles * travelTimeSeconds) / 3600),
    rates: toRates({ delay, fuel, co2 }, settings.prices),
  }
}
