import type { Clock } from './clock.ts'

/** Work that repeats in the background until it is stopped. Rounds never overlap. */
export class BackgroundLoop {
  readonly #clock: Clock
  readonly #round: (signal: AbortSignal) => Promise<number>
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  /**
   * @param round does the work once and returns the milliseconds to wait before the next; must not
   * reject, and should end soon after its signal is aborted
   */
  constructor(clock: Clock, round: (signal: AbortSignal) => Promise<number>) {
    this.#clock = clock
    this.#round = round
  }

  start(): void {
    this.#running = this.#run(this.#stop.signal)
  }

  /** Aborts the round in progress; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await this.#clock.sleep(await this.#round(signal), signal)
  }
}
