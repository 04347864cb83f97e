import type { Outcome } from '../corridors/outcome.ts'
import type { ProviderName } from '../corridors/snapshot.ts'

/** What did not happen is left out. */
export type OutcomeCounts = Readonly<Partial<Record<Outcome, number>>>

/** How often each provider was asked for a corridor by this process, by how it ended. */
export class AttemptCounts {
  readonly #counts = new Map<ProviderName, OutcomeCounts>()

  add(provider: ProviderName, outcome: Outcome): void {
    const counts = this.of(provider)
    this.#counts.set(provider, { ...counts, [outcome]: (counts[outcome] ?? 0) + 1 })
  }

  of(provider: ProviderName): OutcomeCounts {
    return this.#counts.get(provider) ?? {}
  }
}
