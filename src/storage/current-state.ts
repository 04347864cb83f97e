import type { Corridor } from '../corridors/corridor.ts'
import type { Observed } from '../corridors/observed.ts'
import type { Outcome } from '../corridors/outcome.ts'
import type { ProviderName, Snapshot } from '../corridors/snapshot.ts'

/** How one attempt to refresh a corridor ended. */
export interface Attempt {
  readonly atMs: number
  readonly provider: ProviderName
  readonly outcome: Outcome
  readonly durationMs: number
  /** For a person; empty when all went well. Holds no secret and no URL. */
  readonly detail: string
}

/** What is known of one corridor now. */
export interface CorridorState {
  /** The last good snapshot; null before the first. */
  readonly snapshot: Snapshot | null
  /** The last attempt; null before the first ended. */
  readonly attempt: Attempt | null
  /** What was observed in the last day and a bit, in order of time: today's totals stand on it. */
  readonly recent: readonly Observed[]
}

/** What can make a wait between two polls as long as it is. */
export const POLL_LIMITS = ['pollSeconds', 'leastInterval', 'hour', 'day', 'month'] as const

/** When the collector asks again, epoch ms, and what made it so: a setting, or a budget. */
export interface NextPoll {
  readonly atMs: number
  readonly limitedBy: (typeof POLL_LIMITS)[number]
}

const UNKNOWN: CorridorState = { snapshot: null, attempt: null, recent: [] }

/** A calendar day has 25 hours at most, and what was observed before it holds into it. */
const RECENT_MS = 26 * 3_600_000

/** The current state of every corridor, in memory. The collector writes it, readers read it. */
export class CurrentState {
  readonly #states = new Map<string, CorridorState>()
  #listeners: readonly ((corridorId: string) => void)[] = []
  /** The next round of asking, of this process or of the one that collects; null until it is known. */
  nextPoll: NextPoll | null = null

  of(corridorId: string): CorridorState {
    return this.#states.get(corridorId) ?? UNKNOWN
  }

  /**
   * Tells of each snapshot that takes the place of another, whoever collected it. A listener must
   * neither fail nor wait.
   */
  onSnapshot(listener: (corridorId: string) => void): void {
    this.#listeners = [...this.#listeners, listener]
  }

  /** Notes an attempt; a snapshot takes the place of the last one, its absence leaves it. */
  note(corridor: Corridor, attempt: Attempt, snapshot: Snapshot | null): void {
    const before = this.of(corridor.id)
    if (snapshot === null) this.#set(corridor.id, { ...before, attempt })
    else {
      const recent = inOrder([...before.recent, { corridor, snapshot }])
      this.#set(corridor.id, { snapshot, attempt, recent })
    }
  }

  /** Adds what was kept before; of two snapshots or attempts the newer one stands. */
  restore(corridorId: string, kept: CorridorState): void {
    const { snapshot, attempt, recent } = this.of(corridorId)
    const isNewer = (kept.snapshot?.fetchedAtMs ?? 0) > (snapshot?.fetchedAtMs ?? 0)
    const isLater = (kept.attempt?.atMs ?? 0) > (attempt?.atMs ?? 0)
    this.#set(corridorId, {
      snapshot: isNewer ? kept.snapshot : snapshot,
      attempt: isLater ? kept.attempt : attempt,
      recent: inOrder([...kept.recent, ...recent]),
    })
  }

  /** When it begins, epoch ms; past while it goes on. */
  get nextPollAtMs(): number | null {
    return this.nextPoll?.atMs ?? null
  }

  #set(corridorId: string, state: CorridorState): void {
    const before = this.of(corridorId)
    this.#states.set(corridorId, state)
    if (state.snapshot?.id === before.snapshot?.id) return
    for (const tell of this.#listeners) tell(corridorId)
  }
}

/** Each answer once, the first time it was given; in order of time, without what is too old. */
function inOrder(observed: readonly Observed[]): Observed[] {
  const seen = new Map<Corridor, Set<string>>()
  const once = observed.filter(({ corridor, snapshot: { observedAtMs, provider } }) => {
    const answers = seen.get(corridor) ?? new Set()
    seen.set(corridor, answers)
    const isNew = !answers.has(`${observedAtMs} ${provider}`)
    answers.add(`${observedAtMs} ${provider}`)
    return isNew
  })
  const sorted = once.toSorted((a, b) => a.snapshot.observedAtMs - b.snapshot.observedAtMs)
  const newest = sorted.at(-1)?.snapshot.observedAtMs ?? 0
  return sorted.filter(({ snapshot }) => snapshot.observedAtMs > newest - RECENT_MS)
}
