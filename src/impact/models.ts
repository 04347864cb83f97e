import { FROZEN, frozenImpact } from './frozen.ts'
import { physicalImpact } from './physical.ts'
import type { ImpactSettings, SectionImpact, SectionState } from './section.ts'

/** One way to turn a section's state into its impact, and what its user must know of it. */
export interface ImpactModel {
  readonly version: string
  /** What is known to be wrong with it: its numbers are not to be quoted as true. */
  readonly knownDefects: readonly string[]
  /** What it cannot see, although it is right. */
  readonly limits: readonly string[]
  /** Constants it has in place of a chosen reference, fleet, curve or capacity; null: it uses them. */
  readonly ownConstants: typeof FROZEN | null
  impactOf(state: SectionState, settings: ImpactSettings): SectionImpact
}

export const MODEL_IDS = ['physical', 'ayalon-1.0-freeze'] as const
export type ModelId = (typeof MODEL_IDS)[number]
export const DEFAULT_MODEL: ModelId = 'physical'

export const MODELS: Readonly<Record<ModelId, ImpactModel>> = {
  physical: {
    version: '1.0.0',
    knownDefects: [],
    limits: [
      'The band is a modelling band (capacity, lanes, demand), not a statistical confidence.',
      'Excess fuel and CO2 come from average speeds and understate stop-and-go driving: on a simulated day with 29 % heavy vehicle-kilometres an average-speed curve found 4 % (uk-tag) to 25 % (barth-2008) of the excess CO2.',
      'Where traffic is faster than the reference speed, excess fuel and CO2 are those of the higher speed, not of congestion.',
    ],
    ownConstants: null,
    impactOf: physicalImpact,
  },
  'ayalon-1.0-freeze': {
    version: '1.0-freeze',
    knownDefects: [
      'Flow is speed × 25 veh/km, so a jam lowers the flow; against measured flow it understates delay by 76-81 %.',
      'A flow in vehicles per hour is used as a number of vehicles.',
      'Fuel is 1.2 litres per hour of delay at any speed.',
      'Its published runs compared the travel time of a 9 km segment with the free-flow time of 0.4 km, counted one segment twice, included another road, left out the southbound carriageway and stored cached answers again: they report 859 vehicle-hours on an empty road.',
    ],
    limits: ['Kept only to reproduce published figures; it has no band.'],
    ownConstants: FROZEN,
    impactOf: frozenImpact,
  },
}
