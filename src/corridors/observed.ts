import type { RatesAt } from '../impact/amounts.ts'
import type { ImpactModel } from '../impact/models.ts'
import type { Reference } from '../impact/reference.ts'
import { type Corridor, sectionsOf } from './corridor.ts'
import { corridorImpact, settingsOf } from './corridor-impact.ts'
import type { Snapshot } from './snapshot.ts'

/** What was observed at one moment, with the definition that the corridor had then. */
export interface Observed {
  readonly corridor: Corridor
  readonly snapshot: Pick<Snapshot, 'provider' | 'observedAtMs' | 'sections'>
}

/** The rates of a whole corridor over time, from its observations in order of time. */
export const corridorSamples = (
  observed: readonly Observed[],
  model: ImpactModel,
  reference: Reference,
): RatesAt[] =>
  observed.map(({ corridor, snapshot }) => {
    const settings = settingsOf(corridor, reference)
    const { rates, coverage } = corridorImpact(corridor, snapshot, model, settings)
    return { atMs: snapshot.observedAtMs, rates, measured: coverage }
  })

/** One section's rates over time; `measured` in kilometres. */
export interface SectionSamples {
  /** As it was called last. */
  readonly direction: string
  readonly section: string
  readonly samples: RatesAt[]
}

/**
 * The rates of each section over time against free flow. Where a later definition lacks a section,
 * it ends there: the road that it covered is in others now.
 */
export function sectionSamples(
  observed: readonly Observed[],
  model: ImpactModel,
): SectionSamples[] {
  const series = new Map<string, SectionSamples>()
  for (const { corridor, snapshot } of observed) {
    const atMs = snapshot.observedAtMs
    const settings = settingsOf(corridor, { kind: 'freeFlow' })
    const { directions } = corridorImpact(corridor, snapshot, model, settings)
    for (const { direction, sections, rates: sum } of directions)
      for (const { section, observation, rates: own } of sections) {
        const samples = series.get(section.id)?.samples ?? []
        series.set(section.id, { direction, section: section.id, samples })
        // As in the sum of its direction: closed beside unknown sections says nothing of the traffic.
        const rates = sum === null ? null : own
        const measured = rates === null ? 0 : (observation.coverage * section.lengthM) / 1000
        samples.push({ atMs, rates, measured })
      }
    const present = new Set(sectionsOf(corridor).map(({ id }) => id))
    for (const [id, { samples }] of series)
      if (!present.has(id)) samples.push({ atMs, rates: null, measured: 0 })
  }
  return [...series.values()]
}
