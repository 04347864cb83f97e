/**
 * How asking a provider for a corridor can fail:
 * - `noCoverage`: it has no data for this road, or only for others;
 * - `unauthorized`: it refuses the key;
 * - `throttled`: it wants to be asked less often;
 * - `quotaSpent`: our own budget allows no call;
 * - `timeout`, `unreachable`: it does not answer in time, or not at all;
 * - `serverError`: it answers that it is broken;
 * - `badAnswer`: it answers what cannot be used;
 * - `lowConfidence`: it only guesses.
 */
export const FAILURE_OUTCOMES = [
  'noCoverage',
  'unauthorized',
  'throttled',
  'quotaSpent',
  'timeout',
  'unreachable',
  'serverError',
  'badAnswer',
  'lowConfidence',
] as const
export type FailureOutcome = (typeof FAILURE_OUTCOMES)[number]

/** How an attempt can end; `stopped` is the service's own stop, `internalError` its own fault. */
export const OUTCOMES = ['ok', ...FAILURE_OUTCOMES, 'internalError', 'stopped'] as const
export type Outcome = (typeof OUTCOMES)[number]
