import type { FastifyBaseLogger } from 'fastify'
import { z } from 'zod'
import type { Outcome } from '../../corridors/outcome.ts'
import { ProviderFailure } from '../failure.ts'
import { Breaker, type BreakerView, savedBreaker } from './breaker.ts'
import type { Budget } from './budget.ts'
import { withRetries } from './retries.ts'
import { RetryBudget } from './retry-budget.ts'
import { throwIfStopped } from './stopped.ts'

/** A provider that asks for a longer wait is not asked again in this refresh, ms. */
const LONGEST_WAIT_MS = 30_000
/** Nor for longer than this, ms, whatever it asks for: nobody knows why it asked. */
const LONGEST_PAUSE_MS = 900_000

/** The last call that left: when it ended, epoch ms, and whether the provider answered at all. */
const lastCall = z.object({ atMs: z.number(), reached: z.boolean() })
export type LastCall = z.infer<typeof lastCall>

/** What another process needs to go on with the guard. */
export const savedGuard = z.object({
  breaker: savedBreaker,
  /** Epoch ms. */
  pausedUntilMs: z.number(),
  lastCall: lastCall.nullable(),
})
export type SavedGuard = z.infer<typeof savedGuard>

/** A call that left, and what came of it. */
export interface CallMade {
  readonly outcome: Outcome
  readonly durationMs: number
}

export interface GuardOptions {
  readonly budget: Budget
  /** Where the provider is asked. */
  readonly address: URL
  /** Epoch ms. */
  readonly now: () => number
  /** From 0 to below 1. */
  readonly random: () => number
  /** Its lines name the provider. */
  readonly log: FastifyBaseLogger
}

/**
 * Stands before every call to one provider: its breaker and the pause that the provider asked for
 * first, then the budget, then the call; and again where a retry is worth it.
 */
export class Guard {
  readonly #now: () => number
  readonly #random: () => number
  readonly #breaker: Breaker
  readonly #retries = new RetryBudget()
  readonly budget: Budget
  readonly address: URL
  #pausedUntilMs = 0
  #lastCall: LastCall | null = null
  #listeners: readonly ((call: CallMade) => void)[] = []

  constructor({ budget, address, now, random, log }: GuardOptions) {
    this.#breaker = new Breaker(log)
    this.budget = budget
    this.address = address
    this.#now = now
    this.#random = random
  }

  /**
   * Makes a call, and again where it failed by a fault that may pass.
   * @param call throws ProviderFailure
   * @throws ProviderFailure of the last call, or why none was made; the abort reason
   */
  async run<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    try {
      return await withRetries(signal, {
        admit: (isRetry) => this.#admit(signal, isRetry),
        make: () => this.#make(call),
        mayRetry: (failure) => this.#mayRetry(failure),
        random: this.#random,
      })
    } catch (error) {
      if (error instanceof ProviderFailure) this.#pause(error)
      throw error
    }
  }

  /** Tells of every call of this process that left. */
  onCall(listener: (call: CallMade) => void): void {
    this.#listeners = [...this.#listeners, listener]
  }

  /** How the breaker is, and until when the provider wants to be left alone. */
  get view(): BreakerView & { readonly pausedUntilMs: number | null } {
    const nowMs = this.#now()
    const leftMs = this.#pausedUntilMs - nowMs
    // A pause that is longer than any was begun by a wrong clock.
    const isPaused = leftMs > 0 && leftMs <= LONGEST_PAUSE_MS
    return { ...this.#breaker.at(nowMs), pausedUntilMs: isPaused ? this.#pausedUntilMs : null }
  }

  saved(): SavedGuard {
    return {
      breaker: this.#breaker.saved(),
      pausedUntilMs: this.#pausedUntilMs,
      lastCall: this.#lastCall,
    }
  }

  /** Goes on where another process was. */
  restore({ breaker, pausedUntilMs, lastCall }: SavedGuard): void {
    this.#breaker.restore(breaker)
    this.#pausedUntilMs = pausedUntilMs
    this.#lastCall = lastCall
  }

  /** The last call of any process, as far as this one knows; null before the first. */
  get lastCall(): LastCall | null {
    return this.#lastCall
  }

  #mayRetry({ retryAfterMs }: ProviderFailure): boolean {
    const { state, pausedUntilMs } = this.view
    return (
      (retryAfterMs ?? 0) <= LONGEST_WAIT_MS &&
      pausedUntilMs === null &&
      state !== 'open' &&
      this.#retries.allows(this.#now())
    )
  }

  /** Resolves when a call may be made now, and is counted. */
  async #admit(signal: AbortSignal, isRetry: boolean): Promise<void> {
    throwIfStopped(signal)
    this.#throwIfClosed()
    await this.budget.take()
    throwIfStopped(signal)
    this.#retries.noteCall(this.#now(), isRetry)
  }

  async #make<T>(call: () => Promise<T>): Promise<T> {
    const beganMs = this.#now()
    try {
      const result = await this.#breaker.run(call)
      this.#note('ok', beganMs)
      return result
    } catch (error) {
      if (error instanceof ProviderFailure) this.#note(error.outcome, beganMs)
      throw error
    }
  }

  #note(outcome: Outcome, beganMs: number): void {
    const atMs = this.#now()
    this.#lastCall = { atMs, reached: outcome !== 'timeout' && outcome !== 'unreachable' }
    for (const tell of this.#listeners) tell({ outcome, durationMs: Math.max(0, atMs - beganMs) })
  }

  /** What the provider asked for and no retry waited for is kept by whoever comes next. */
  #pause({ retryAfterMs }: ProviderFailure): void {
    if (retryAfterMs !== null)
      this.#pausedUntilMs = this.#now() + Math.min(retryAfterMs, LONGEST_PAUSE_MS)
  }

  /** @throws ProviderFailure where no call may be made now */
  #throwIfClosed(): void {
    const { untilMs, pausedUntilMs } = this.view
    if (pausedUntilMs !== null)
      throw new ProviderFailure(
        'throttled',
        `it asked not to be asked until ${time(pausedUntilMs)}`,
      )
    if (untilMs !== null)
      throw new ProviderFailure(
        this.#breaker.outcome,
        `its last calls failed, so it is not asked until ${time(untilMs)}`,
      )
  }
}

const time = (atMs: number): string => new Date(atMs).toISOString()
