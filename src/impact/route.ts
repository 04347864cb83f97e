import type { SectionImpact } from './section.ts'
import { travelSeconds } from './speed.ts'

/** A section that yields numbers, as part of a route. */
export interface RouteSection {
  readonly lengthKm: number
  readonly freeFlowKmh: number
  readonly impact: SectionImpact
}

/** What a vehicle meets that drives through all the sections. */
export interface RouteTimes {
  readonly speedKmh: number
  readonly travelTimeSeconds: number
  readonly freeFlowTravelTimeSeconds: number
  readonly delaySecondsPerVehicle: number
  /** Null where no vehicle flows. */
  readonly travelTimeIndex: number | null
}

/**
 * Travel times summed along a route, and its travel-time index Σ(q·L/v) / Σ(q·L/v_ff), whatever
 * the reference: the sections weigh by their flow q. At least one section; a flow that is not
 * known weighs nothing.
 */
export function routeTimes(sections: readonly RouteSection[]): RouteTimes {
  const sum = (value: (section: RouteSection) => number): number =>
    sections.reduce((total, section) => total + value(section), 0)
  const travelTimeSeconds = sum(({ impact }) => impact.travelTimeSeconds)
  const flow = ({ impact }: RouteSection): number => impact.flowVehH?.central ?? 0
  const spent = sum((section) => flow(section) * section.impact.travelTimeSeconds)
  const free = sum((section) => flow(section) * freeFlowSeconds(section))
  return {
    speedKmh: (sum(({ lengthKm }) => lengthKm) / travelTimeSeconds) * 3600,
    travelTimeSeconds,
    freeFlowTravelTimeSeconds: sum(freeFlowSeconds),
    delaySecondsPerVehicle: sum(({ impact }) => impact.delaySecondsPerVehicle),
    travelTimeIndex: free > 0 ? spent / free : null,
  }
}

const freeFlowSeconds = ({ lengthKm, freeFlowKmh }: RouteSection): number =>
  travelSeconds(lengthKm, freeFlowKmh)
