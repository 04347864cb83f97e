import type { Clock } from './clock.ts'

/** Waits for some work, but no longer than this, ms; what it does later is left to itself. */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const enough = new AbortController()
  const done = work.finally(() => enough.abort())
  await Promise.race([done, clock.sleep(ms, enough.signal)])
}
