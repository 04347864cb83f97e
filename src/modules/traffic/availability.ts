import { Problem } from '../../problems/problem.ts'
import type { Attempt, NextPoll } from '../../storage/current-state.ts'
import type { Served } from '../../storage/freshness.ts'
import type { Servable } from './snapshot-view.ts'

/** Before the first refresh has ended, clients should come back soon. */
const STARTING_RETRY_SECONDS = 5
/** A client need not come back sooner than this after a failure of the kind. */
const RETRY_SECONDS = { source_unavailable: 60, network_error: 30, quota_exceeded: 60 } as const

type Code = keyof typeof RETRY_SECONDS | 'no_coverage'
const CODES: Partial<Record<Attempt['outcome'], Code>> = {
  noCoverage: 'no_coverage',
  timeout: 'network_error',
  unreachable: 'network_error',
  quotaSpent: 'quota_exceeded',
}

/**
 * The snapshot that may be served, or the problem that says why there is none.
 * @param nextPoll null before the first
 */
export function servableOrProblem(
  served: Served,
  nextPoll: NextPoll | null,
  nowMs: number,
): Servable | Problem {
  const nextPollSeconds = Math.max(1, Math.ceil(((nextPoll?.atMs ?? nowMs) - nowMs) / 1000))
  switch (served.kind) {
    case 'fresh':
    case 'stale':
      return served
    case 'expired': {
      const detail = `The last good snapshot is ${served.ageSeconds} seconds old, which is too old to serve.`
      // All went well, but the budget pays for no next poll yet.
      const waitsForBudget =
        served.attempt?.outcome === 'ok' &&
        ['hour', 'day', 'month'].includes(nextPoll?.limitedBy ?? '')
      if (!waitsForBudget && served.attempt?.outcome !== 'quotaSpent')
        return new Problem('stale_data', detail, { retryAfterSeconds: nextPollSeconds })
      return new Problem('quota_exceeded', `${detail} The budget allows no newer one yet.`, {
        retryAfterSeconds: Math.max(RETRY_SECONDS.quota_exceeded, nextPollSeconds),
      })
    }
    case 'missing':
      return served.attempt === null ? starting() : failed(served.attempt, nextPollSeconds)
  }
}

const starting = (): Problem =>
  new Problem('source_unavailable', 'The first refresh has not ended yet.', {
    retryAfterSeconds: STARTING_RETRY_SECONDS,
  })

function failed({ outcome, detail }: Attempt, nextPollSeconds: number): Problem {
  const code = CODES[outcome] ?? 'source_unavailable'
  const sentence = `There is no snapshot yet: ${detail}.`
  // Coverage does not come back by waiting.
  if (code === 'no_coverage') return new Problem(code, sentence)
  const waits = code === 'quota_exceeded' ? nextPollSeconds : 0
  return new Problem(code, sentence, { retryAfterSeconds: Math.max(RETRY_SECONDS[code], waits) })
}
