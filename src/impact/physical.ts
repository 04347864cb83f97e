import { exactly, scale } from './band.ts'
import { excessPerKm } from './emissions/curve.ts'
import { estimateFlowVehH, isCongested } from './flow.ts'
import { toRates } from './rates.ts'
import { referenceSpeedKmh } from './reference.ts'
import type { ImpactSettings, SectionImpact, SectionState } from './section.ts'
import { flooredSpeedKmh, travelSeconds } from './speed.ts'

/**
 * The physical model. With length L km, speed v, reference v_ref and flow q:
 * delay per vehicle `d = max(0, L/v − L/v_ref)`, delay rate `R = q·d` veh-h/h (Caltrans PeMS:
 * VHD = F·(L/V − L/Vt), never below 0), excess fuel `q·L·(f(v) − f(v_ref))` L/h, CO2 likewise.
 */
export function physicalImpact(state: SectionState, settings: ImpactSettings): SectionImpact {
  const speedKmh = flooredSpeedKmh(state.speedKmh)
  const referenceKmh = referenceSpeedKmh(settings.reference, state)
  const travelTimeSeconds = travelSeconds(state.lengthKm, speedKmh)
  const referenceTravelTimeSeconds = travelSeconds(state.lengthKm, referenceKmh)
  const delaySecondsPerVehicle = Math.max(0, travelTimeSeconds - referenceTravelTimeSeconds)
  const perVehicle = {
    speedKmh,
    referenceKmh,
    congested: isCongested(speedKmh, state.freeFlowKmh),
    travelTimeSeconds,
    delaySecondsPerVehicle,
  }
  const flowVehH =
    state.measuredFlowVehH === null
      ? estimateFlowVehH({ ...state, speedKmh, capacityVehHLane: settings.capacityVehHLane })
      : exactly(state.measuredFlowVehH)
  if (flowVehH === null) return { ...perVehicle, flowVehH, vehiclesPresent: null, rates: null }
  const excess = excessPerKm(settings.emissionCurve, settings.fleet, speedKmh, referenceKmh)
  const physical = {
    delay: scale(flowVehH, delaySecondsPerVehicle / 3600),
    fuel: scale(flowVehH, state.lengthKm * excess.litres),
    co2: scale(flowVehH, state.lengthKm * excess.co2Kg),
  }
  return {
    ...perVehicle,
    flowVehH,
    vehiclesPresent: scale(flowVehH, travelTimeSeconds / 3600),
    rates: toRates(physical, settings.prices),
  }
}
