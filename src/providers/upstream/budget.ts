import type { FastifyBaseLogger } from 'fastify'
import type { ProviderName } from '../../corridors/snapshot.ts'
import { type QuotaWindow, type SharedStore, StoreAway } from '../../storage/shared/shared-store.ts'
import { ProviderFailure } from '../failure.ts'
import { type QuotaLimits, windowsAt } from './quota-windows.ts'

/** Shares of a limit at which a warning is due, and at which it is critical, percent. */
export const WARN_PERCENT = [80, 90] as const

export interface BudgetOptions {
  readonly provider: ProviderName
  readonly limits: QuotaLimits
  /** Least time between the beginnings of two rounds of asking, ms. */
  readonly leastIntervalMs: number
  readonly store: SharedStore
  /** Names this process among all that share the store. */
  readonly owner: string
  readonly now: () => number
  /** Its lines name the provider. */
  readonly log: FastifyBaseLogger
}

/** How many calls a window had. */
export interface QuotaUse {
  readonly window: QuotaWindow
  readonly used: number
}

/**
 * What may be spent on a provider. Every call is counted before it leaves, for all processes that
 * share the store; where the count is not known, nothing may be spent.
 */
export class Budget {
  readonly #options: BudgetOptions

  constructor(options: BudgetOptions) {
    this.#options = options
  }

  /**
   * Claims a round of asking for this process.
   * @returns false where it is too early, or another process collects
   * @throws ProviderFailure `quotaSpent` where the store is away
   */
  async claim(roundMs: number): Promise<boolean> {
    const { store, owner, provider, leastIntervalMs } = this.#options
    return this.#counted(store.claimRound(owner, provider, roundMs, leastIntervalMs))
  }

  /**
   * Counts a call that is about to be made.
   * @throws ProviderFailure `quotaSpent` where it must not be made: a limit is reached, or the
   * store is away
   */
  async take(): Promise<void> {
    const { store, provider, limits, now } = this.#options
    const windows = windowsAt(now(), limits)
    const count = await this.#counted(store.countCall(provider, windows))
    if (count.granted) {
      for (const [at, window] of windows.entries()) this.#warn(window, count.used[at] ?? 0)
      return
    }
    const { period, limit, toMs } = count.spent
    throw new ProviderFailure(
      'quotaSpent',
      `the budget of ${limit} calls for this ${period} is spent until ${new Date(toMs).toISOString()}`,
    )
  }

  /** The calls of the present windows. @throws StoreAway */
  async use(): Promise<readonly QuotaUse[]> {
    const { store, provider, limits, now } = this.#options
    const windows = windowsAt(now(), limits)
    const used = await store.callsIn(provider, windows)
    return windows.map((window, at) => ({ window, used: used[at] ?? 0 }))
  }

  /** When the last round of any process began, epoch ms; null before the first. @throws StoreAway */
  lastRound(): Promise<number | null> {
    return this.#options.store.lastRound(this.#options.provider)
  }

  async #counted<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error
      throw new ProviderFailure('quotaSpent', `the budget cannot be counted: ${error.message}`)
    }
  }

  /** The one call that reaches a share of the limit is the one that tells of it. */
  #warn({ period, limit }: QuotaWindow, used: number): void {
    if (limit === null) return
    const percent = WARN_PERCENT.findLast((share) => used === Math.ceil((limit * share) / 100))
    if (percent === undefined) return
    this.#options.log.warn({ period, used, limit }, `${percent} % of the budget is spent`)
  }
}
