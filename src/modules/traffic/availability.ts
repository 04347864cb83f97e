import { Problem, type ProblemCode } from '../../problems/problem.ts'
import type { Attempt } from '../../storage/current-state.ts'
import type { Served } from '../../storage/freshness.ts'
import type { Servable } from './snapshot-view.ts'

/** Before the first refresh has ended, clients should come back soon. */
const STARTING_RETRY_SECONDS = 5
const RETRY_SECONDS = { source_unavailable: 60, network_error: 30 } as const

const CODES: Partial<Record<Attempt['outcome'], ProblemCode>> = {
  noCoverage: 'no_coverage',
  timeout: 'network_error',
  unreachable: 'network_error',
}

/**
 * The snapshot that may be served, or the problem that says why there is none.
 * @param nextPollSeconds until the next refresh begins
 */
export function servableOrProblem(served: Served, nextPollSeconds: number): Servable | Problem {
  switch (served.kind) {
    case 'fresh':
    case 'stale':
      return served
    case 'expired':
      return new Problem(
        'stale_data',
        `The last good snapshot is ${served.ageSeconds} seconds old, which is too old to serve.`,
        { retryAfterSeconds: nextPollSeconds },
      )
    case 'missing':
      return served.attempt === null ? starting() : failed(served.attempt)
  }
}

const starting = (): Problem =>
  new Problem('source_unavailable', 'The first refresh has not ended yet.', {
    retryAfterSeconds: STARTING_RETRY_SECONDS,
  })

function failed({ outcome, detail }: Attempt): Problem {
  const code = CODES[outcome] ?? 'source_unavailable'
  const sentence = `There is no snapshot yet: ${detail}.`
  if (code !== 'source_unavailable' && code !== 'network_error') return new Problem(code, sentence)
  return new Problem(code, sentence, { retryAfterSeconds: RETRY_SECONDS[code] })
}
