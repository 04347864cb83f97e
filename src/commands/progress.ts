/** Between two lines about the progress of a long work, ms. */
const EVERY_MS = 2000

/** Tells now and then how far a long work has come and how long it may still take. */
export class Progress {
  readonly #now: () => number
  readonly #print: (line: string) => void
  readonly #total: number
  readonly #startedMs: number
  #toldMs: number
  #done = 0
  /** What was done before this run: it says nothing of its speed. */
  #before = 0

  /** @param total how much there is to do, in any unit */
  constructor(total: number, now: () => number, print: (line: string) => void) {
    this.#total = total
    this.#now = now
    this.#print = print
    this.#startedMs = now()
    this.#toldMs = this.#startedMs
  }

  /** Notes what an earlier run did. */
  skip(amount: number): void {
    this.#done += amount
    this.#before += amount
  }

  /** Notes what was done since the last call. */
  add(amount: number): void {
    this.#done += amount
    const nowMs = this.#now()
    if (nowMs - this.#toldMs < EVERY_MS) return
    this.#toldMs = nowMs
    const perMs = (this.#done - this.#before) / (nowMs - this.#startedMs)
    const leftSeconds = Math.ceil((this.#total - this.#done) / perMs / 1000)
    const percent = Math.floor((100 * this.#done) / this.#total)
    this.#print(`${percent} % done, about ${leftSeconds} s left`)
  }
}
