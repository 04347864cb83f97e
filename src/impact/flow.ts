import { type Band, scale } from './band.ts'

/**
 * Capacity, veh/h/lane. Central: the 99.5th percentile of five-minute flow on measured freeways is
 * 1,750-1,900; the 2,200-2,400 of the Highway Capacity Manual is an ideal. Ends: modelling band.
 */
export const CAPACITY_VEH_H_LANE: Band = { low: 1500, central: 1900, high: 2200 }

/** Uncertainty of the number of lanes at the ends of the band. Assumption. */
export const LANES_BAND = 0.5

/** Below this share of the free-flow speed a section is congested. */
export const CONGESTED_SHARE = 0.75

/**
 * Flow in congestion as a share of capacity, `min(MAX, AT_STANDSTILL + SLOPE * x)` with
 * `x = v / (0.75 v_ff)`. Fitted on five-minute detector data of I-5 (Orange County, California;
 * 230 stations, 3 weekdays) and I-10 (Phoenix).
 */
export const CONGESTED_FLOW = { atStandstill: 0.46, slope: 0.44, max: 0.82 } as const

/** True below 75 % of the free-flow speed; both in km/h. */
export const isCongested = (speedKmh: number, freeFlowKmh: number): boolean =>
  speedKmh < CONGESTED_SHARE * freeFlowKmh

/** Share of capacity that flows in congestion at a speed; km/h. */
export function congestedFlowShare(speedKmh: number, freeFlowKmh: number): number {
  const x = speedKmh / (CONGESTED_SHARE * freeFlowKmh)
  return Math.min(CONGESTED_FLOW.max, CONGESTED_FLOW.atStandstill + CONGESTED_FLOW.slope * x)
}

/** The band of capacity around another central value in veh/h/lane, as wide in proportion. */
export const capacityBand = (centralVehHLane: number): Band =>
  scale(CAPACITY_VEH_H_LANE, centralVehHLane / CAPACITY_VEH_H_LANE.central)

export interface FlowInput {
  /** km/h, already floored. */
  readonly speedKmh: number
  readonly freeFlowKmh: number
  /** General-traffic lanes; bus-only lanes do not count. */
  readonly lanes: number
  /** Demand of this hour, veh/h over all lanes; null when nobody knows it. */
  readonly profileVehH: Band | null
  readonly capacityVehHLane: Band
}

/**
 * Flow over all lanes, veh/h. In congestion it follows from the speed; otherwise it is the
 * demand of the hour, at most capacity, and null where the demand is not known.
 * At the ends of the band capacity and lanes (±0.5) move together.
 */
export function estimateFlowVehH(input: FlowInput): Band | null {
  const { speedKmh, freeFlowKmh, lanes, profileVehH, capacityVehHLane } = input
  const capacity: Band = {
    low: capacityVehHLane.low * Math.max(0, lanes - LANES_BAND),
    central: capacityVehHLane.central * lanes,
    high: capacityVehHLane.high * (lanes + LANES_BAND),
  }
  if (isCongested(speedKmh, freeFlowKmh)) {
    const share = congestedFlowShare(speedKmh, freeFlowKmh)
    return {
      low: share * capacity.low,
      central: share * capacity.central,
      high: share * capacity.high,
    }
  }
  if (profileVehH === null) return null
  return {
    low: Math.min(profileVehH.low, capacity.low),
    central: Math.min(profileVehH.central, capacity.central),
    high: Math.min(profileVehH.high, capacity.high),
  }
}
