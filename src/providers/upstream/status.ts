import type { FailureOutcome } from '../../corridors/outcome.ts'
import { ProviderFailure } from '../failure.ts'
import type { UpstreamAnswer } from './client.ts'

/** The failure that an HTTP status means where the provider says nothing more exact. */
export function failureOfStatus({ status, retryAfterMs }: UpstreamAnswer): ProviderFailure {
  const message = `the provider answered with status ${status}`
  return new ProviderFailure(outcomeOf(status), message, retryAfterMs)
}

function outcomeOf(status: number): FailureOutcome {
  if (status === 401 || status === 403) return 'unauthorized'
  if (status === 429) return 'throttled'
  return status >= 500 ? 'serverError' : 'badAnswer'
}
