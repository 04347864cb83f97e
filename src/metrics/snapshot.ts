import type { Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import type { Corridor } from '../corridors/corridor.ts'
import {
  type CorridorResult,
  corridorImpact,
  type DirectionResult,
  settingsOf,
} from '../corridors/corridor-impact.ts'
import type { Snapshot } from '../corridors/snapshot.ts'
import { DEFAULT_MODEL, MODELS } from '../impact/models.ts'
import type { Rates } from '../impact/rates.ts'
import type { CurrentState } from '../storage/current-state.ts'
import { type Served, servedNow } from '../storage/freshness.ts'
import { addGauges, type Reading } from './registry.ts'

const SECONDS_PER_HOUR = 3600
const GRAMS_PER_KG = 1000

export interface SnapshotSources {
  readonly corridors: readonly Corridor[]
  readonly state: CurrentState
  readonly clock: Clock
  /** Nothing older is served, and no rate of it told. */
  readonly maxStaleSeconds: number
}

/** What a direction's rates are told as, in base units per second. */
const RATES = [
  {
    name: 'ayalon_delay_vehicle_seconds_per_second',
    help: 'Vehicle-seconds of delay per second, which is vehicle-hours per hour: central value against free flow.',
    of: ({ delay }: Rates) => delay.central,
  },
  {
    name: 'ayalon_excess_co2_grams_per_second',
    help: 'Grams of CO2 per second more than at free flow (central value); negative where slower traffic emits less.',
    of: ({ excessCo2 }: Rates) => (excessCo2.central * GRAMS_PER_KG) / SECONDS_PER_HOUR,
  },
  {
    name: 'ayalon_excess_fuel_litres_per_second',
    help: 'Litres of fuel per second more than at free flow (central value); negative where slower traffic burns less.',
    of: ({ excessFuel }: Rates) => excessFuel.central / SECONDS_PER_HOUR,
  },
] as const

/** What is told of the road; what is not measured, or too old to be served, is absent, not 0. */
export function snapshotMetrics(registry: Registry, sources: SnapshotSources): void {
  const { corridors, state, clock, maxStaleSeconds } = sources
  const impacts = new Impacts()
  const served = (): { readonly corridor: Corridor; readonly now: Served }[] =>
    corridors.map((corridor) => ({
      corridor,
      now: servedNow(state.of(corridor.id), clock.now(), maxStaleSeconds),
    }))
  const byDirection = (of: (result: DirectionResult) => number | null) => (): Reading[] =>
    served().flatMap(({ corridor, now }) =>
      now.kind === 'missing' || now.kind === 'expired'
        ? []
        : impacts.of(corridor, now.snapshot).directions.flatMap((result): Reading[] => {
            const value = of(result)
            const labels = { corridor: corridor.id, direction: result.direction }
            return value === null ? [] : [[labels, value]]
          }),
    )
  addGauges(
    registry,
    {
      name: 'ayalon_corridor_info',
      help: 'Always 1; each configured corridor, also one that has no snapshot.',
      labels: ['corridor'],
    },
    () => corridors.map(({ id }) => [{ corridor: id }, 1]),
  )
  addGauges(
    registry,
    {
      name: 'ayalon_snapshot_age_seconds',
      help: 'Age of the last good observation of a corridor in seconds, also where it is too old to be served.',
      labels: ['corridor'],
    },
    () =>
      served().flatMap(({ corridor, now }) =>
        now.kind === 'missing' ? [] : [[{ corridor: corridor.id }, now.ageSeconds]],
      ),
  )
  addGauges(
    registry,
    {
      name: 'ayalon_snapshot_info',
      help: 'Always 1; the provider that the present snapshot of a corridor is from is its label.',
      labels: ['corridor', 'provider'],
    },
    () =>
      served().flatMap(({ corridor, now }) =>
        now.kind === 'missing' || now.kind === 'expired'
          ? []
          : [[{ corridor: corridor.id, provider: now.snapshot.provider }, 1]],
      ),
  )
  const labels = ['corridor', 'direction']
  addGauges(
    registry,
    {
      name: 'ayalon_snapshot_coverage_ratio',
      help: 'Share of the length of a direction that is measured and in its rates, from 0 to 1.',
      labels,
    },
    byDirection(({ coverage }) => coverage),
  )
  for (const { name, help, of } of RATES)
    addGauges(
      registry,
      { name, help, labels },
      byDirection(({ rates }) => rates && of(rates)),
    )
}

/** The impact of the corridors' last snapshots by the default model, computed once for each. */
class Impacts {
  readonly #kept = new Map<
    string,
    { readonly snapshot: Snapshot; readonly result: CorridorResult }
  >()

  of(corridor: Corridor, snapshot: Snapshot): CorridorResult {
    const kept = this.#kept.get(corridor.id)
    if (kept?.snapshot === snapshot) return kept.result
    const settings = settingsOf(corridor, { kind: 'freeFlow' })
    const result = corridorImpact(corridor, snapshot, MODELS[DEFAULT_MODEL], settings)
    this.#kept.set(corridor.id, { snapshot, result })
    return result
  }
}
