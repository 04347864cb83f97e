import { DEFAULT_EMISSION_CURVE, type EmissionCurveId } from './emissions/curve.ts'
import { DEFAULT_FLEET, type Fleet } from './emissions/fleet.ts'
import { CAPACITY_VEH_H_LANE, capacityBand } from './flow.ts'
import type { Prices } from './rates.ts'
import type { Reference } from './reference.ts'
import type { ImpactSettings } from './section.ts'

/** What may be chosen; where it is not, the default stands. */
export interface Choices {
  readonly reference?: Reference | undefined
  readonly emissionCurve?: EmissionCurveId | undefined
  readonly fleet?: Fleet | undefined
  /** Central capacity, veh/h/lane. */
  readonly capacityVehHLane?: number | undefined
  readonly prices: Prices
}

/** The settings that choices make, with the default for each that was not made. */
export const impactSettings = (choices: Choices): ImpactSettings => ({
  reference: choices.reference ?? { kind: 'freeFlow' },
  emissionCurve: choices.emissionCurve ?? DEFAULT_EMISSION_CURVE,
  fleet: choices.fleet ?? DEFAULT_FLEET,
  capacityVehHLane: capacityBand(choices.capacityVehHLane ?? CAPACITY_VEH_H_LANE.central),
  prices: choices.prices,
})
