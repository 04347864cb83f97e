import { mock } from 'node:test'
import { FakeClock } from './fake-clock.ts'

/**
 * A clock that `Date` follows, for libraries that take no clock. One at a time; the real `Date` is
 * back after the test.
 */
export class DateClock extends FakeClock {
  constructor(t: { teardown(work: () => unknown): void }, nowMs: number) {
    super(nowMs)
    mock.timers.enable({ apis: ['Date'], now: nowMs })
    t.teardown(() => mock.timers.reset())
  }

  override set(nowMs: number): void {
    mock.timers.setTime(nowMs)
    super.set(nowMs)
  }

  override move(ms: number): void {
    mock.timers.setTime(this.now() + ms)
    super.move(ms)
  }
}
