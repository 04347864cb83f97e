import type { FastifyBaseLogger } from 'fastify'
import { OUTCOMES, type Outcome } from '../corridors/outcome.ts'
import type { ProviderName } from '../corridors/snapshot.ts'
import type { Attempt } from '../storage/current-state.ts'

/** A failure that goes on is told again after this, ms. */
const TELL_AGAIN_MS = 3_600_000

/**
 * Tells of failed attempts without a line for each: a failure is told when it is new, and once an
 * hour while it goes on, with how often it came since.
 */
export class FailureLog {
  readonly #log: FastifyBaseLogger
  readonly #told = new Map<string, { readonly atMs: number; untold: number }>()

  constructor(log: FastifyBaseLogger) {
    this.#log = log
  }

  /** Notes that a provider answered: its next failure is a new one. */
  forget(corridorId: string, provider: ProviderName): void {
    for (const outcome of OUTCOMES) this.#told.delete(keyOf(corridorId, provider, outcome))
  }

  tell(corridorId: string, attempt: Attempt): void {
    const { provider, outcome, atMs } = attempt
    const key = keyOf(corridorId, provider, outcome)
    const told = this.#told.get(key)
    if (told !== undefined && Math.abs(atMs - told.atMs) < TELL_AGAIN_MS) {
      told.untold += 1
      return
    }
    this.#told.set(key, { atMs, untold: 0 })
    const again = told === undefined ? {} : { timesSince: told.untold + 1 }
    this.#log.warn({ corridor: corridorId, ...attempt, ...again }, 'refresh failed')
  }
}

const keyOf = (corridorId: string, provider: ProviderName, outcome: Outcome): string =>
  `${corridorId} ${provider} ${outcome}`
