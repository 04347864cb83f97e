import type { Clock } from '../../src/clock.ts'

interface Sleeper {
  atMs: number
  readonly wake: () => void
}

/** A clock that stands still until it is told to move. */
export class FakeClock implements Clock {
  #nowMs: number
  readonly #sleepers = new Set<Sleeper>()
  readonly #watchers = new Set<() => void>()

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(sleeper)
        resolve()
      }
      const sleeper: Sleeper = { atMs: this.#nowMs + ms, wake }
      signal.addEventListener('abort', wake, { once: true })
      this.#sleepers.add(sleeper)
      if (signal.aborted) wake()
      for (const tell of this.#watchers) tell()
    })
  }

  /** Resolves when this many are asleep: whoever was awake has done its work. */
  asleep(count: number): Promise<void> {
    return new Promise((resolve) => {
      const tell = (): void => {
        if (this.#sleepers.size < count) return
        this.#watchers.delete(tell)
        resolve()
      }
      this.#watchers.add(tell)
      tell()
    })
  }

  /** Moves on and wakes whose time has come, without waiting for what they do. */
  move(ms: number): void {
    this.#nowMs += ms
    for (const { atMs, wake } of this.#sleepers) if (atMs <= this.#nowMs) wake()
  }

  /** Sets the clock, as somebody would by hand: what sleeps wakes after the same time as before. */
  set(nowMs: number): void {
    for (const sleeper of this.#sleepers) sleeper.atMs += nowMs - this.#nowMs
    this.#nowMs = nowMs
  }

  /** Moves on, and waits until all that woke are asleep again. */
  async advance(ms: number): Promise<void> {
    const count = this.#sleepers.size
    this.move(ms)
    await this.asleep(count)
  }
}
