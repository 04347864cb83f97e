import type { FailureOutcome } from '../corridors/outcome.ts'

/**
 * A provider gave no usable answer. The message is made by us alone: it holds no URL, no key and
 * no text of the provider, so that it may be logged and shown.
 */
export class ProviderFailure extends Error {
  override readonly name = 'ProviderFailure'
  readonly outcome: FailureOutcome
  /** How long the provider asks us to wait, ms; null where it says nothing. */
  readonly retryAfterMs: number | null

  constructor(outcome: FailureOutcome, message: string, retryAfterMs: number | null = null) {
    super(message)
    this.outcome = outcome
    this.retryAfterMs = retryAfterMs
  }
}
