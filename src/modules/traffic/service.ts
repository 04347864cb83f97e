import { createHash } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import type { Corridor } from '../../corridors/corridor.ts'
import { DEFAULT_MODEL, MODELS } from '../../impact/models.ts'
import { Problem } from '../../problems/problem.ts'
import type { ServedTier } from '../../statistics/served.ts'
import type { Attempt, CurrentState } from '../../storage/current-state.ts'
import { servedNow } from '../../storage/freshness.ts'
import { referenceKey } from '../../views/choices.ts'
import { toJson } from '../../views/json.ts'
import { servableOrProblem } from './availability.ts'
import { geojsonView } from './geojson-view.ts'
import type { Representation } from './representation.ts'
import { Representations } from './representations.ts'
import type { CorridorListView } from './schemas.ts'
import type { CachePolicy } from './send-snapshot.ts'
import {
  type Choice,
  corridorHead,
  roadView,
  type Servable,
  snapshotView,
  tierOf,
} from './snapshot-view.ts'

export interface TrafficOptions {
  readonly corridors: readonly Corridor[]
  readonly state: CurrentState
  readonly clock: Clock
  readonly pollSeconds: number
  readonly maxStaleSeconds: number
  /** Whether anybody may read, without a key. */
  readonly isPublic: boolean
}

/** A corridor, and what was made of its current snapshot. */
interface Known {
  readonly corridor: Corridor
  readonly kept: Representations
}

/** What the traffic routes ask for. Never calls a provider, never waits. */
export class TrafficService {
  readonly #options: TrafficOptions
  readonly #corridors: ReadonlyMap<string, Known>

  constructor(options: TrafficOptions) {
    this.#options = options
    this.#corridors = new Map(
      options.corridors.map((corridor) => [corridor.id, { corridor, kept: new Representations() }]),
    )
  }

  /**
   * The current snapshot of a corridor as ready bytes.
   * @param note told how it was served, also where it was not
   * @throws Problem `not_found` for an unknown corridor, or why nothing can be served
   */
  snapshot(
    corridorId: string,
    form: 'json' | 'geojson',
    choice: Choice,
    note: (tier: ServedTier) => void,
  ): { served: Servable; representation: Representation; policy: CachePolicy } {
    const known = this.#known(corridorId)
    const served = this.#served(corridorId)
    note(served instanceof Problem ? 'unavailable' : tierOf(served))
    if (served instanceof Problem) throw served
    const representation = this.#representation(known, served, form, choice)
    return { served, representation, policy: this.#policy() }
  }

  /**
   * How a reader of a corridor is served now.
   * @throws Problem `not_found` for an unknown corridor
   */
  tierOf(corridorId: string): ServedTier {
    this.#known(corridorId)
    const served = this.#served(corridorId)
    return served instanceof Problem ? 'unavailable' : tierOf(served)
  }

  /** The current snapshot as JSON; null where the reader has it, or none can be served. */
  news(
    corridorId: string,
    choice: Choice,
    lastId: string | undefined,
  ): { readonly id: string; readonly json: Buffer } | null {
    const served = this.#served(corridorId)
    if (served instanceof Problem || served.snapshot.id === lastId) return null
    const made = this.#representation(this.#known(corridorId), served, 'json', choice)
    return { id: served.snapshot.id, json: made.bytes(served.ageSeconds, 'identity') }
  }

  /** Every corridor with its headline against free flow. */
  list(): CorridorListView {
    const choice: Choice = { model: DEFAULT_MODEL, reference: { kind: 'freeFlow' } }
    return {
      corridors: this.#options.corridors.map((corridor) => {
        const served = this.#served(corridor.id)
        const head = corridorHead(corridor)
        if (served instanceof Problem) {
          const unavailable = { code: served.code, detail: served.message }
          return {
            ...head,
            snapshot: null,
            coverage: null,
            rates: null,
            directions: [],
            unavailable,
          }
        }
        const { snapshot, coverage, rates, directions } = roadView(corridor, served, choice)
        const headlines = directions.map(({ sections, ...headline }) => headline)
        return { ...head, snapshot, coverage, rates, directions: headlines, unavailable: null }
      }),
    }
  }

  #known(corridorId: string): Known {
    const known = this.#corridors.get(corridorId)
    if (known === undefined) throw new Problem('not_found', 'There is no such corridor.')
    return known
  }

  /** The ready bytes of a snapshot, made once for each choice. */
  #representation(
    { corridor, kept }: Known,
    served: Servable,
    form: 'json' | 'geojson',
    choice: Choice,
  ): Representation {
    const { snapshot, kind, live, failure } = served
    const answered = live ? 'ok' : 'old'
    const { recent } = this.#options.state.of(corridor.id)
    // What was observed before this process began may come back later than its first snapshot.
    const standsOn = `${failure ? fingerprint(failure) : answered}.${recent.length}`
    const version = `${snapshot.id}.${kind}.${standsOn}`
    const model = `${choice.model}-${MODELS[choice.model].version}`
    const variant = `${form}.${model}.${referenceKey(choice.reference)}`
    return kept.get(version, variant, () =>
      toJson(
        form === 'json'
          ? snapshotView(corridor, served, recent, choice)
          : geojsonView(corridor, served, choice),
      ),
    )
  }

  #served(corridorId: string): Servable | Problem {
    const { state, clock, maxStaleSeconds } = this.#options
    const served = servedNow(state.of(corridorId), clock.now(), maxStaleSeconds)
    return servableOrProblem(served, state.nextPoll, clock.now())
  }

  #policy(): CachePolicy {
    const { state, clock, pollSeconds, maxStaleSeconds, isPublic } = this.#options
    const nowMs = clock.now()
    return {
      nowMs,
      nextPollAtMs: state.nextPollAtMs ?? nowMs,
      pollSeconds,
      maxStaleSeconds,
      isPublic,
    }
  }
}

/** Tells one failure from another in an entity tag, which can hold no free text. */
const fingerprint = ({ outcome, detail }: Attempt): string =>
  `${outcome}-${createHash('sha256').update(detail).digest('hex').slice(0, 8)}`
