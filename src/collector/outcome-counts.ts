import type { Outcome } from '../corridors/outcome.ts'
import type { ProviderName } from '../corridors/snapshot.ts'
import type { Attempt } from '../storage/current-state.ts'

/** What did not happen is left out. */
export type OutcomeCounts = Readonly<Partial<Record<Outcome, number>>>

/** How often each provider was asked for a corridor by this process, by how it ended. */
export class AttemptCounts {
  readonly #counts = new Map<ProviderName, OutcomeCounts>()
  readonly #last = new Map<ProviderName, Attempt>()

  add(attempt: Attempt): void {
    const { provider, outcome } = attempt
    const counts = this.of(provider)
    this.#counts.set(provider, { ...counts, [outcome]: (counts[outcome] ?? 0) + 1 })
    this.#last.set(provider, attempt)
  }

  of(provider: ProviderName): OutcomeCounts {
    return this.#counts.get(provider) ?? {}
  }

  /** The last time that this process asked a provider; null before the first. */
  last(provider: ProviderName): Attempt | null {
    return this.#last.get(provider) ?? null
  }
}
