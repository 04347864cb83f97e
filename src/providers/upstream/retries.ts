import { DelegateBackoff, handleWhen, retry } from 'cockatiel'
import { ProviderFailure } from '../failure.ts'
import { isUnwell } from './breaker.ts'
import { unlessStopped } from './stopped.ts'

/** After a failed call so many more are made at most. */
const MOST_RETRIES = 3
/** The wait before the first of them, ms; each next waits up to twice as long. */
const FIRST_WAIT_MS = 1000

/** A call that may be made more than once. */
export interface Tries<T> {
  /** Resolves when a call may leave now. */
  readonly admit: (isRetry: boolean) => Promise<void>
  /** Makes a call. */
  readonly make: () => Promise<T>
  /** Whether a failure of the provider's health is worth another try. */
  readonly mayRetry: (failure: ProviderFailure) => boolean
  /** From 0 to below 1. */
  readonly random: () => number
}

/**
 * Makes a call, and again after up to 1, 2 and 4 s (with full jitter), or after the wait that the
 * provider asks for where that is longer.
 * @throws ProviderFailure of the last call, or why none was made; the abort reason
 */
export async function withRetries<T>(signal: AbortSignal, tries: Tries<T>): Promise<T> {
  let waitingAfter: ProviderFailure | null = null
  let inFlight: Promise<unknown> = Promise.resolve()
  const policy = retry(
    handleWhen((error) => {
      if (!isUnwell(error) || !tries.mayRetry(error)) return false
      waitingAfter = error
      return true
    }),
    {
      maxAttempts: MOST_RETRIES,
      backoff: new DelegateBackoff(({ attempt }) =>
        Math.max(
          waitingAfter?.retryAfterMs ?? 0,
          tries.random() * FIRST_WAIT_MS * 2 ** (attempt - 1),
        ),
      ),
    },
  )
  const work = policy.execute(async ({ attempt }) => {
    await tries.admit(attempt > 0)
    waitingAfter = null
    const made = tries.make()
    inFlight = made.catch(() => {})
    return made
  }, signal)
  try {
    return await unlessStopped(signal, work)
  } catch (error) {
    // A call that is broken off is noted before anybody goes on.
    await inFlight
    // Time or budget that ran out before the next try says less than why the last one failed.
    throw error instanceof ProviderFailure ? (waitingAfter ?? error) : error
  }
}
