import { type Band, exactly } from '../impact/band.ts'
import type { ImpactModel } from '../impact/models.ts'
import { NO_RATES, type Prices, type Rates, sumRates } from '../impact/rates.ts'
import type { Reference } from '../impact/reference.ts'
import { type RouteTimes, routeTimes } from '../impact/route.ts'
import type { ImpactSettings, SectionImpact } from '../impact/section.ts'
import { impactSettings } from '../impact/settings.ts'
import { type Corridor, type Direction, limitKmhOf, type Section } from './corridor.ts'
import { profileVehH } from './demand.ts'
import { type SectionObservation, unobserved } from './section-observation.ts'
import type { Snapshot } from './snapshot.ts'

/** A section, what was observed of it, and its impact where there is enough data. */
export interface SectionResult {
  readonly section: Section
  readonly observation: SectionObservation
  readonly impact: SectionImpact | null
  /** Vehicles per hour; 0 where the section is closed, null where nothing is known. */
  readonly flowVehH: Band | null
  /** 0 where the section is closed; null where nothing is known. */
  readonly rates: Rates | null
}

export interface DirectionResult {
  readonly direction: string
  readonly status: 'ok' | 'partial' | 'insufficientCoverage' | 'closed'
  readonly lengthKm: number
  /** Measured metres of the sections that the rates are the sum of ÷ length. */
  readonly coverage: number
  /** Over the `ok` sections; null when there is none. */
  readonly times: RouteTimes | null
  /** Sum over the sections with a known state; null when there is none. */
  readonly rates: Rates | null
  readonly sections: readonly SectionResult[]
}

export interface CorridorResult {
  readonly coverage: number
  readonly rates: Rates | null
  readonly directions: readonly DirectionResult[]
}

/** The settings of a corridor: its prices, fleet and emission curve, and the caller's reference. */
export const settingsOf = (corridor: Corridor, reference: Reference): ImpactSettings => {
  const { emissionCurve, fleet } = corridor
  return impactSettings({ reference, emissionCurve, fleet, prices: pricesOf(corridor) })
}

/** The prices of a corridor without their sources, in its currency. */
export const pricesOf = ({ prices }: Corridor): Prices => ({
  valueOfTimePerVehH: prices.valueOfTimePerVehH.amount,
  fuelPerLitre: prices.fuelPerLitre.amount,
})

/** What a snapshot means for the road's users, section by section and summed. */
export function corridorImpact(
  corridor: Corridor,
  snapshot: Pick<Snapshot, 'observedAtMs' | 'sections'>,
  model: ImpactModel,
  settings: ImpactSettings,
): CorridorResult {
  const profile = profileVehH(corridor, snapshot.observedAtMs)
  const observed = new Map(snapshot.sections.map((section) => [section.id, section]))
  const resultOf = (section: Section): SectionResult => {
    const observation = observed.get(section.id) ?? unobserved(section.id)
    if (observation.status !== 'ok') {
      const closed = observation.status === 'closed'
      const [flowVehH, rates] = closed ? [exactly(0), NO_RATES] : [null, null]
      return { section, observation, impact: null, flowVehH, rates }
    }
    const impact = model.impactOf(
      {
        lengthKm: section.lengthM / 1000,
        lanes: section.lanes,
        speedKmh: observation.speedKmh,
        freeFlowKmh: observation.freeFlowKmh,
        limitKmh: limitKmhOf(corridor, section),
        profileVehH: profile,
        measuredFlowVehH: null,
      },
      settings,
    )
    return { section, observation, impact, flowVehH: impact.flowVehH, rates: impact.rates }
  }
  const directions = corridor.directions.map((direction) =>
    directionResult(direction, direction.sections.map(resultOf)),
  )
  return {
    coverage: meanByLength(directions),
    rates: sumKnown(directions),
    directions,
  }
}

function directionResult(
  { direction }: Direction,
  sections: readonly SectionResult[],
): DirectionResult {
  const open = sections.flatMap(({ section, observation, impact }) =>
    impact === null || observation.status !== 'ok'
      ? []
      : [{ lengthKm: section.lengthM / 1000, freeFlowKmh: observation.freeFlowKmh, impact }],
  )
  const status = statusOf(sections.map(({ observation }) => observation.status))
  // A closed section beside unknown ones says that nobody drives there, not that nobody waits.
  const unknown = status === 'insufficientCoverage'
  return {
    direction,
    status,
    lengthKm: sections.reduce((sum, { section }) => sum + section.lengthM, 0) / 1000,
    coverage: unknown ? 0 : meanByLength(sections.map(coverageInRates)),
    times: open.length > 0 ? routeTimes(open) : null,
    rates: unknown ? null : sumKnown(sections),
    sections,
  }
}

function statusOf(statuses: readonly SectionObservation['status'][]): DirectionResult['status'] {
  if (statuses.every((status) => status === 'ok')) return 'ok'
  if (statuses.some((status) => status === 'ok')) return 'partial'
  return statuses.every((status) => status === 'closed') ? 'closed' : 'insufficientCoverage'
}

/** A section counts for the coverage of the sums as far as it is in them. */
const coverageInRates = ({ section, observation, rates }: SectionResult) => ({
  lengthKm: section.lengthM / 1000,
  coverage: rates === null ? 0 : observation.coverage,
})

/** Mean of a share, weighed by length. */
function meanByLength(
  parts: readonly { readonly lengthKm: number; readonly coverage: number }[],
): number {
  const covered = parts.reduce((sum, { lengthKm, coverage }) => sum + lengthKm * coverage, 0)
  return covered / parts.reduce((sum, { lengthKm }) => sum + lengthKm, 0)
}

function sumKnown(parts: readonly { readonly rates: Rates | null }[]): Rates | null {
  const known = parts.map(({ rates }) => rates).filter((rates) => rates !== null)
  return known.length > 0 ? sumRates(known) : null
}
