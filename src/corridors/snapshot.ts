import type { Refusal } from './road-piece.ts'
import type { SectionObservation } from './section-observation.ts'

export const PROVIDER_NAMES = ['here', 'tomtom', 'simulated', 'replay'] as const
export type ProviderName = (typeof PROVIDER_NAMES)[number]

/** What numbers stand on: a road that was measured, one that is invented, or recorded answers. */
export const SOURCES = ['live', 'simulated', 'replay'] as const
export type Source = (typeof SOURCES)[number]

/** What the answers of a provider are. Totals never mix two sources. */
export const sourceOf = (provider: ProviderName): Source =>
  provider === 'simulated' || provider === 'replay' ? provider : 'live'

/** Something a reader should know of an answer. */
export interface Warning {
  readonly reason: string
  readonly detail: string
}

/** True when no section of the snapshot has a known state. */
export const measuresNothing = ({ sections }: Pick<Snapshot, 'sections'>): boolean =>
  sections.every(({ status }) => status === 'insufficientCoverage')

/** What one provider said of one corridor at one moment. Never changed after it is made. */
export interface Snapshot {
  /** Unique for the corridor; sorts by time of fetching. */
  readonly id: string
  readonly provider: ProviderName
  /** The provider's own time where it tells one, else the time of fetching; epoch ms. */
  readonly observedAtMs: number
  /** Epoch ms. */
  readonly fetchedAtMs: number
  /** In the order of `sectionsOf(corridor)`. */
  readonly sections: readonly SectionObservation[]
  readonly refused: readonly Refusal[]
  readonly warnings: readonly Warning[]
}
