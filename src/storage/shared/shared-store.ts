/** What lies further ahead than this was made by a wrong clock, ms. No lease lasts so long. */
export const WRONG_CLOCK_MS = 3_600_000

/** The same for a round, which only clocks that are out of step put into the future. */
export const ROUND_AHEAD_MS = 300_000

/**
 * What processes must agree on: the calls that were made of a provider's budget, who collects,
 * and the current snapshot. It lives in Redis or in the database, so that restarts and replicas
 * share it. Every method throws `StoreAway` when the store cannot be used now.
 */
export interface SharedStore {
  readonly kind: 'database' | 'redis'

  /**
   * Takes the right to collect, or keeps it.
   * @param owner names the process, as no other is named
   * @param nowMs what the owner's clock says, epoch ms
   * @param ttlMs how long it lasts unless it is kept; less than an hour
   * @returns true while the owner has it; false while another does. A lease that ends more than an
   * hour ahead was taken by a wrong clock and does not count.
   */
  holdLease(owner: string, nowMs: number, ttlMs: number): Promise<boolean>

  /** Gives the right to collect back, where the owner has it. */
  releaseLease(owner: string): Promise<void>

  /**
   * Claims a round of asking a provider, for the owner of the lease. Claiming the same round again
   * is granted again.
   * @param roundMs when the round began
   * @returns false where the owner has no lease, or the last round began less than the least
   * interval before this one. A round that is more than five minutes ahead was claimed by a wrong clock
   * and does not count.
   */
  claimRound(
    owner: string,
    provider: string,
    roundMs: number,
    leastIntervalMs: number,
  ): Promise<boolean>

  /** When the last round of asking a provider began, epoch ms; null before the first. */
  lastRound(provider: string): Promise<number | null>

  /**
   * Counts one call in every window, or in none where one of them is spent. Where this throws, the
   * call may have been counted.
   * @param windows those that begin and end around now, each with its limit; their periods always in
   * the same order
   */
  countCall(provider: string, windows: readonly QuotaWindow[]): Promise<CallCount>

  /** The calls that were counted in each window, in the order of the windows. */
  callsIn(provider: string, windows: readonly QuotaWindow[]): Promise<readonly number[]>

  /** Keeps a text for all processes, if the owner has the lease; if not, leaves what there is. */
  publish(owner: string, name: string, value: string): Promise<void>

  /** The text that was last published under a name; null where there is none. */
  read(name: string): Promise<string | null>

  /** Ends the connection, if the store has one of its own. */
  close(): Promise<void>
}

/** A span of the calendar (UTC) with the most calls that may be made in it. */
export interface QuotaWindow {
  readonly period: 'hour' | 'day' | 'month'
  readonly fromMs: number
  readonly toMs: number
  /** Null: any number. At least 1. */
  readonly limit: number | null
}

/** What came of counting a call. */
export type CallCount =
  /** How many calls each window now has, in the order of the windows. */
  | { readonly granted: true; readonly used: readonly number[] }
  /** The first window that is spent. */
  | { readonly granted: false; readonly spent: QuotaWindow }

/** The shared store cannot be used now; the message says why, for a person, and holds no secret. */
export class StoreAway extends Error {
  override readonly name = 'StoreAway'
}

/** What a store says; null where it is away. */
export async function unlessAway<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (error instanceof StoreAway) return null
    throw error
  }
}
