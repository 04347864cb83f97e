import type { Band } from './band.ts'
import type { EmissionCurveId } from './emissions/curve.ts'
import type { Fleet } from './emissions/fleet.ts'
import type { Prices, Rates } from './rates.ts'
import type { Reference } from './reference.ts'

/** What is known of one section at one moment: the input of every model. */
export interface SectionState {
  readonly lengthKm: number
  readonly lanes: number
  readonly speedKmh: number
  /** The provider's free-flow speed; may exceed the limit. */
  readonly freeFlowKmh: number
  readonly limitKmh: number
  /** Demand of this hour over all lanes; null when not known. */
  readonly profileVehH: Band | null
  /** Flow counted by detectors over all lanes; it replaces the estimate. Null when not counted. */
  readonly measuredFlowVehH: number | null
}

/** The choices that a caller or a corridor makes. */
export interface ImpactSettings {
  readonly reference: Reference
  readonly emissionCurve: EmissionCurveId
  readonly fleet: Fleet
  readonly capacityVehHLane: Band
  readonly prices: Prices
}

/** What one section costs its users at this moment. */
export interface SectionImpact {
  /** The speed computed with, km/h. */
  readonly speedKmh: number
  readonly referenceKmh: number
  readonly congested: boolean
  readonly travelTimeSeconds: number
  readonly delaySecondsPerVehicle: number
  /** Null when the section flows freely and nobody knows its demand; then rates are null too. */
  readonly flowVehH: Band | null
  /** Vehicles on the section now: flow × length ÷ speed. */
  readonly vehiclesPresent: Band | null
  readonly rates: Rates | null
}
