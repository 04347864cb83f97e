import {
  type Corridor,
  type Direction,
  limitKmhOf,
  type Section,
} from '../../corridors/corridor.ts'
import { profileVehH } from '../../corridors/demand.ts'
import { type LocalTime, localTime } from '../../corridors/local-time.ts'
import { CAPACITY_VEH_H_LANE, CONGESTED_FLOW, CONGESTED_SHARE } from '../../impact/flow.ts'

/** Speeds that the simulation invents for one section. */
export interface SimulatedSpeeds {
  readonly speedKmh: number
  readonly freeFlowKmh: number
}

/** Light traffic drives a little over the limit, as the recorded answers of the Ayalon do. */
const FREE_FLOW_OVER_LIMIT_KMH = 5
/** Even the worst jam moves this share of capacity: a tenth of the congested range. */
const LEAST_FLOW_SHARE = CONGESTED_FLOW.atStandstill + 0.1 * CONGESTED_FLOW.slope
/** Share of the free-flow speed that is left when demand reaches the onset of congestion. */
const SPEED_SHARE_AT_ONSET = 0.85

/** Demand outside the rush hours, as a share of the corridor's profile. Assumption. */
const OFF_PEAK_SHARE = 0.85
/** How much harder a narrow section is pressed than the direction's mean. Assumption. */
const NARROWNESS_EXPONENT = 0.3

/** A rush hour: demand that swells and ebbs around a time of day. Assumption. */
interface Peak {
  readonly hour: number
  readonly spreadHours: number
  /** Added share of the profile at its height, in the direction that carries it and in the others. */
  readonly heavy: number
  readonly light: number
}
const MORNING: Peak = { hour: 8, spreadHours: 1, heavy: 0.45, light: 0.15 }
const EVENING: Peak = { hour: 17.25, spreadHours: 1.4, heavy: 0.5, light: 0.15 }

/**
 * The speed of a section on an invented day, the same for every day of its kind: the corridor's
 * demand profile with a morning peak in the first direction and an evening peak in the others. Up
 * to 82 % of capacity traffic flows freely. Beyond it, the more demand exceeds that, the less gets through, and the
 * speed is the one at which the model's own relation gives that flow.
 */
export function simulatedSpeeds(
  corridor: Corridor,
  direction: Direction,
  section: Section,
  atMs: number,
): SimulatedSpeeds {
  const freeFlowKmh = limitKmhOf(corridor, section) + FREE_FLOW_OVER_LIMIT_KMH
  const heavy = direction === corridor.directions[0] ? MORNING : EVENING
  const swell = swellAt(localTime(atMs, corridor.timeZone), heavy)
  const load = swell * loadOf(direction, section, profileVehH(corridor, atMs).central)
  if (load < CONGESTED_FLOW.max) {
    const lost = (1 - SPEED_SHARE_AT_ONSET) * (load / CONGESTED_FLOW.max) ** 4
    return { speedKmh: freeFlowKmh * (1 - lost), freeFlowKmh }
  }
  const share = Math.max(LEAST_FLOW_SHARE, 2 * CONGESTED_FLOW.max - load)
  const x = (share - CONGESTED_FLOW.atStandstill) / CONGESTED_FLOW.slope
  return { speedKmh: x * CONGESTED_SHARE * freeFlowKmh, freeFlowKmh }
}

/** Demand as a share of the section's capacity, were it spread over the direction's lanes. */
function loadOf({ sections }: Direction, section: Section, demandVehH: number): number {
  const meanLanes = sections.reduce((sum, { lanes }) => sum + lanes, 0) / sections.length
  const narrowness = (meanLanes / section.lanes) ** NARROWNESS_EXPONENT
  return (narrowness * demandVehH) / (CAPACITY_VEH_H_LANE.central * meanLanes)
}

function swellAt({ hour, minute }: LocalTime, heavy: Peak): number {
  const extra = [MORNING, EVENING].map((peak) => {
    const spreads = (hour + minute / 60 - peak.hour) / peak.spreadHours
    return (peak === heavy ? peak.heavy : peak.light) * Math.exp(-0.5 * spreads ** 2)
  })
  return extra.reduce((sum, share) => sum + share, OFF_PEAK_SHARE)
}
