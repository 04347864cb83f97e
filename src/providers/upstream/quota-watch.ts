import { BackgroundLoop } from '../../background-loop.ts'
import type { Clock } from '../../clock.ts'
import type { ProviderName } from '../../corridors/snapshot.ts'
import { unlessAway } from '../../storage/shared/shared-store.ts'
import type { QuotaUse } from './budget.ts'
import type { Guard } from './guard.ts'

/** How often the store is asked, ms. */
const EVERY_MS = 15_000

/** A provider that is asked over the network. */
export interface Guarded {
  readonly name: ProviderName
  readonly guard: Guard
}

/** What is spent of the budgets, seen so often that nobody who wants to know waits for the store. */
export class QuotaWatch {
  readonly #clock: Clock
  readonly #seen = new Map<ProviderName, readonly QuotaUse[]>()
  readonly loop: BackgroundLoop

  constructor(guarded: readonly Guarded[], clock: Clock) {
    this.#clock = clock
    this.loop = new BackgroundLoop(clock, async () => {
      await Promise.all(guarded.map((one) => this.#look(one)))
      return EVERY_MS
    })
  }

  /**
   * The calls of the present windows, as last seen: while the store is away none is made. Empty
   * before the first look, and without a window that began since.
   */
  of(provider: ProviderName): readonly QuotaUse[] {
    const nowMs = this.#clock.now()
    const seen = this.#seen.get(provider) ?? []
    return seen.filter(({ window }) => window.toMs > nowMs)
  }

  async #look({ name, guard }: Guarded): Promise<void> {
    const use = await unlessAway(guard.budget.use())
    if (use !== null) this.#seen.set(name, use)
  }
}
