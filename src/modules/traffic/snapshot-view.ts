import type { z } from 'zod'
import { type Corridor, limitKmhOf } from '../../corridors/corridor.ts'
import {
  type CorridorResult,
  corridorImpact,
  type DirectionResult,
  type SectionResult,
  settingsOf,
} from '../../corridors/corridor-impact.ts'
import type { Observed } from '../../corridors/observed.ts'
import type { Snapshot, Warning } from '../../corridors/snapshot.ts'
import { DEFAULT_MODEL, MODELS, type ModelId } from '../../impact/models.ts'
import type { Reference } from '../../impact/reference.ts'
import type { Served } from '../../storage/freshness.ts'
import { unusedChoices } from '../../views/choices.ts'
import { corridorModelView } from '../../views/corridor-model.ts'
import { isoTime } from '../../views/json.ts'
import type { ModelView } from '../../views/model.ts'
import { ratesView } from '../../views/rates.ts'
import { sectionNumbersView } from '../../views/section.ts'
import type { SnapshotView, snapshotQuery } from './schemas.ts'
import { todayView } from './today.ts'

/** A snapshot that may be served now. */
export type Servable = Extract<Served, { readonly snapshot: Snapshot }>

/** What the caller chose. */
export interface Choice {
  readonly model: ModelId
  readonly reference: Reference
}

export const choiceOf = ({ reference, model }: z.infer<typeof snapshotQuery>): Choice => ({
  model: model ?? DEFAULT_MODEL,
  reference: reference ?? { kind: 'freeFlow' },
})

/** The corridor's snapshot and its impact, as JSON will say it. */
export function snapshotView(
  corridor: Corridor,
  served: Servable,
  recent: readonly Observed[],
  choice: Choice,
): SnapshotView {
  const { snapshot, model, coverage, rates, directions } = roadView(corridor, served, choice)
  return {
    ...corridorHead(corridor),
    snapshot,
    model,
    coverage,
    rates,
    today: todayView(corridor, served.snapshot, recent, choice),
    directions,
    quality: {
      refused: [...served.snapshot.refused],
      warnings: [
        ...served.snapshot.warnings,
        ...stalenessWarnings(served),
        ...unusedChoices(choice.model, choice.reference.kind === 'freeFlow' ? [] : ['reference']),
      ],
    },
  }
}

/** How the road is now. */
export function roadView(
  corridor: Corridor,
  served: Servable,
  choice: Choice,
): Pick<SnapshotView, 'snapshot' | 'model' | 'coverage' | 'rates' | 'directions'> {
  const { currency } = corridor
  const { model, result } = evaluate(corridor, served, choice)
  return {
    snapshot: headView(served),
    model,
    coverage: result.coverage,
    rates: ratesView(result.rates, currency),
    directions: result.directions.map((direction) => ({
      ...directionView(direction, currency),
      sections: direction.sections.map((section) => sectionView(corridor, section)),
    })),
  }
}

export const corridorHead = ({ id, name, timeZone, currency, attribution }: Corridor) => ({
  corridor: id,
  name,
  timeZone,
  currency,
  attribution,
})

/** The impact of a snapshot, and what made it. */
export function evaluate(
  corridor: Corridor,
  { snapshot }: Servable,
  choice: Choice,
): { model: ModelView; result: CorridorResult } {
  const settings = settingsOf(corridor, choice.reference)
  return {
    model: corridorModelView(corridor, choice.model, choice.reference),
    result: corridorImpact(corridor, snapshot, MODELS[choice.model], settings),
  }
}

/** What a reader is served: the present, the last that is known, or what is not measured at all. */
export function tierOf({ snapshot, live }: Servable): SnapshotView['snapshot']['tier'] {
  const { provider } = snapshot
  if (provider === 'simulated' || provider === 'replay') return provider
  return live ? 'live' : 'lastKnownGood'
}

export function headView(served: Servable): SnapshotView['snapshot'] {
  const { snapshot, kind, ageSeconds } = served
  const { id, provider } = snapshot
  return {
    id,
    observedAt: isoTime(snapshot.observedAtMs),
    fetchedAt: isoTime(snapshot.fetchedAtMs),
    ageSeconds,
    freshness: kind,
    provider,
    tier: tierOf(served),
  }
}

function directionView(
  { direction, status, lengthKm, coverage, times, rates }: DirectionResult,
  currency: string,
): Omit<SnapshotView['directions'][number], 'sections'> {
  return {
    direction,
    status,
    lengthKm,
    coverage,
    speedKmh: times?.speedKmh ?? null,
    travelTimeSeconds: times?.travelTimeSeconds ?? null,
    freeFlowTravelTimeSeconds: times?.freeFlowTravelTimeSeconds ?? null,
    delaySecondsPerVehicle: times?.delaySecondsPerVehicle ?? null,
    travelTimeIndex: times?.travelTimeIndex ?? null,
    rates: ratesView(rates, currency),
  }
}

export function sectionView(
  corridor: Corridor,
  result: SectionResult,
): SnapshotView['directions'][number]['sections'][number] {
  const { section } = result
  const { id, from, to, lanes, lengthM } = section
  const { status, coverage, confidence, freeFlowKmh } = result.observation
  const lengthKm = lengthM / 1000
  const limitKmh = limitKmhOf(corridor, section)
  const described = { id, from, to, status, lengthKm, lanes, limitKmh, coverage, confidence }
  return { ...described, freeFlowKmh, ...sectionNumbersView(result, corridor.currency) }
}

function stalenessWarnings({ kind, failure }: Servable): Warning[] {
  if (failure !== null)
    return [{ reason: failure.outcome, detail: `The last refresh failed: ${failure.detail}.` }]
  if (kind === 'fresh') return []
  return [{ reason: 'oldObservation', detail: 'The observation is more than ten minutes old.' }]
}
