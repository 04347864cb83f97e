import { z } from 'zod'
import type { Clock } from '../clock.ts'
import type { Corridor } from '../corridors/corridor.ts'
import { sourceOf } from '../corridors/snapshot.ts'
import type { Provider } from '../providers/provider.ts'
import { type SavedGuard, savedGuard } from '../providers/upstream/guard.ts'
import { type CurrentState, type NextPoll, POLL_LIMITS } from '../storage/current-state.ts'
import { type SharedStore, unlessAway } from '../storage/shared/shared-store.ts'
import { versionOf } from '../storage/ticks/corridor-version.ts'
import { type Tick, tickSchema, withoutBodies } from '../storage/ticks/tick.ts'

export interface SharedStateOptions {
  readonly corridors: readonly Corridor[]
  readonly providers: readonly Provider[]
  readonly state: CurrentState
  readonly store: SharedStore
  readonly clock: Clock
  /** Names this process among all that share the store. */
  readonly owner: string
  /** Told of what another process collected, where this one's memory does not get it otherwise. */
  readonly record: ((tick: Tick) => void) | null
}

const collectorSchema = z.object({
  nextPoll: z.object({ atMs: z.number(), limitedBy: z.enum(POLL_LIMITS) }),
  guards: z.record(z.string(), savedGuard),
})

const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue('is not JSON')
    return z.NEVER
  }
})

const COLLECTOR = 'collector'
/**
 * Of a corridor the last refresh that gave a snapshot, and the last that gave none: a process that
 * begins in the middle of an outage needs both.
 */
const namesOf = (corridorId: string) => [`good.${corridorId}`, `failed.${corridorId}`] as const

/**
 * What the process that collects tells the others, and what it was told by the one before it: the
 * last refresh of each corridor, the next poll, and how the providers' guards are. Where the store
 * is away nobody is told, which costs nothing: the others then know that they know nothing new.
 */
export class SharedState {
  readonly #options: SharedStateOptions
  /** The texts that were last taken over, by name. */
  readonly #seen = new Map<string, string>()

  constructor(options: SharedStateOptions) {
    this.#options = options
  }

  /** Tells what a refresh of a corridor gave. */
  async publishTick(tick: Tick): Promise<void> {
    const [good, failed] = namesOf(tick.corridor.id)
    await this.#publish(tick.snapshot === null ? failed : good, withoutBodies(tick))
  }

  /** Tells when the next round is, and how the guards are. */
  async publishPlan(nextPoll: NextPoll): Promise<void> {
    const guards: Record<string, SavedGuard> = {}
    for (const { name, guard } of this.#options.providers)
      if (guard !== null) guards[name] = guard.saved()
    await this.#publish(COLLECTOR, { nextPoll, guards })
  }

  /** Takes over what was told since the last time. */
  async follow(): Promise<void> {
    const { corridors, state, providers } = this.#options
    for (const corridor of corridors) {
      const ticks: Tick[] = []
      for (const name of namesOf(corridor.id)) ticks.push(...(await this.#news(name, tickSchema)))
      for (const tick of ticks.toSorted((a, b) => a.endedAtMs - b.endedAtMs))
        this.#take(corridor, tick)
    }
    const [told] = await this.#news(COLLECTOR, collectorSchema)
    if (told === undefined) return
    state.nextPoll = told.nextPoll
    for (const { name, guard } of providers) {
      const saved = told.guards[name]
      if (saved !== undefined) guard?.restore(saved)
    }
  }

  /** After this process collected itself, all that others tell is news. */
  forget(): void {
    this.#seen.clear()
  }

  /** Takes a refresh over, unless it was of another road or of other providers than ours. */
  #take(corridor: Corridor, tick: Tick): void {
    const { providers, state, record, clock } = this.#options
    const { attempts, snapshot } = tick
    const attempt = attempts.find(({ provider }) => provider === snapshot?.provider) ?? attempts[0]
    const isOurs = providers.some(({ name }) => sourceOf(name) === tick.source)
    if (attempt === undefined || !isOurs || versionOf(tick.corridor) !== versionOf(corridor)) return
    // What this process itself fetched later, before it lost the lease, stands.
    const knownMs = state.of(corridor.id).snapshot?.fetchedAtMs ?? 0
    // Unless its time is one of a clock that ran ahead.
    const stands = knownMs <= clock.now()
    if (stands && (snapshot?.fetchedAtMs ?? attempt.atMs) < knownMs) return
    const { atMs, provider, outcome, durationMs, detail } = attempt
    state.note(corridor, { atMs, provider, outcome, durationMs, detail }, snapshot)
    record?.({ ...tick, corridor })
  }

  async #publish(name: string, value: unknown): Promise<void> {
    const { store, owner } = this.#options
    await unlessAway(store.publish(owner, name, JSON.stringify(value)))
  }

  /** What stands under a name; nothing where it is not new or cannot be understood. */
  async #news<T>(name: string, schema: z.ZodType<T>): Promise<T[]> {
    const text = await unlessAway(this.#options.store.read(name))
    if (text === null || text === this.#seen.get(name)) return []
    this.#seen.set(name, text)
    // Another version of this service may tell it in another form.
    const { success, data } = json.pipe(schema).safeParse(text)
    return success ? [data] : []
  }
}
