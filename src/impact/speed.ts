/**
 * Lowest speed the model computes with, km/h. Below it probes report standing vehicles, and
 * travel time, which goes as 1/v, would be all noise. Modelling assumption.
 */
export const SPEED_FLOOR_KMH = 4

/** Highest speed accepted as traffic, km/h; above it the measurement is refused. Assumption. */
export const MAX_PLAUSIBLE_SPEED_KMH = 200

/** Lowest free-flow speed accepted, km/h: no road that vehicles drive through is slower. Assumption. */
export const LEAST_FREE_FLOW_KMH = 10

/** The speed the model computes with: as measured, never below the floor, km/h. */
export const flooredSpeedKmh = (speedKmh: number): number => Math.max(SPEED_FLOOR_KMH, speedKmh)

/** True for a speed that traffic can have: above 0, at most 200 km/h, a number. */
export const isPlausibleSpeedKmh = (speedKmh: number): boolean =>
  speedKmh > 0 && speedKmh <= MAX_PLAUSIBLE_SPEED_KMH

/** Seconds to drive a length in km at a speed in km/h. */
export const travelSeconds = (lengthKm: number, speedKmh: number): number =>
  (lengthKm / speedKmh) * 3600
