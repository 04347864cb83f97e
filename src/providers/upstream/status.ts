import { type FailureOutcome, ProviderFailure } from '../failure.ts'

/** The failure that an HTTP status means where the provider says nothing more exact. */
export function failureOfStatus(status: number): ProviderFailure {
  return new ProviderFailure(outcomeOf(status), `the provider answered with status ${status}`)
}

function outcomeOf(status: number): FailureOutcome {
  if (status === 401 || status === 403) return 'unauthorized'
  if (status === 429) return 'throttled'
  return status >= 500 ? 'serverError' : 'badAnswer'
}
