import { setTimeout as sleep } from 'node:timers/promises'

/** Time, handed in, so that tests need not wait for it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Resolves after a time, or at once when the signal ends it. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: Date.now,
  async sleep(ms, signal) {
    // The rejection only says that the signal ended the wait, which the caller sees from it.
    await sleep(ms, undefined, { signal }).catch(() => {})
  },
}
