import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for a condition; the last time limit is that of the test. */
export const until = async (done: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await done())) await sleep(50)
}
