import { ProviderFailure } from '../failure.ts'

/**
 * Ends the work of a refresh that must not go on.
 * @throws ProviderFailure `timeout` when the time for the refresh is over
 * @throws the reason of any other abort: the service stops
 */
export function throwIfStopped({ aborted, reason }: AbortSignal): void {
  if (!aborted) return
  if (reason instanceof DOMException && reason.name === 'TimeoutError')
    throw new ProviderFailure('timeout', 'the time for this refresh is over')
  throw reason
}

/** Waits for some work, but no longer than until the signal ends it; throws as above. */
export async function unlessStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const ended = new AbortController()
  const stopped = new Promise<never>((_resolve, reject) => {
    const end = (): void => {
      try {
        throwIfStopped(signal)
      } catch (error) {
        reject(error)
      }
    }
    signal.addEventListener('abort', end, { once: true, signal: ended.signal })
    end()
  })
  try {
    return await Promise.race([work, stopped])
  } finally {
    ended.abort()
  }
}
