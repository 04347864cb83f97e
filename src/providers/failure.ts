import type { RefusalReason } from '../corridors/road-piece.ts'

/** How a call to a provider can fail. */
export type FailureOutcome = Extract<
  RefusalReason,
  | 'noCoverage'
  | 'unauthorized'
  | 'throttled'
  | 'timeout'
  | 'unreachable'
  | 'serverError'
  | 'badAnswer'
>

/**
 * A provider gave no usable answer. The message is made by us alone: it holds no URL, no key and
 * no text of the provider, so that it may be logged and shown.
 */
export class ProviderFailure extends Error {
  override readonly name = 'ProviderFailure'
  readonly outcome: FailureOutcome

  constructor(outcome: FailureOutcome, message: string) {
    super(message)
    this.outcome = outcome
  }
}
