/** How often someone asked in a window of time, and how long it still lasts, ms. */
export interface RequestCount {
  readonly current: number
  readonly ttl: number
}

/** Of so many is remembered how often they asked; then the oldest windows make way. */
const MOST_KEPT = 100_000

/** Counts requests in windows of one length, each begun by the first request of whoever asks. */
export class RequestCounts {
  readonly #now: () => number
  readonly #windowMs: number
  readonly #mostKept: number
  /** In the order in which the windows began, so that the first is the first to end. */
  readonly #windows = new Map<string, { readonly current: number; readonly endsMs: number }>()

  constructor(now: () => number, windowMs: number, mostKept = MOST_KEPT) {
    this.#now = now
    this.#windowMs = windowMs
    this.#mostKept = mostKept
  }

  /** How many windows are remembered; those that ended go with the next request. */
  get size(): number {
    return this.#windows.size
  }

  /** Counts a request. */
  add(who: string): RequestCount {
    const { current, ttl } = this.peek(who)
    if (ttl === 0) this.#windows.delete(who)
    return this.learn(who, { current: current + 1, ttl: ttl === 0 ? this.#windowMs : ttl })
  }

  /** The count as it is. */
  peek(who: string): RequestCount {
    const found = this.#windows.get(who)
    const ttl = (found?.endsMs ?? 0) - this.#now()
    // A window that lasts longer than any was begun by a wrong clock.
    return found === undefined || ttl <= 0 || ttl > this.#windowMs
      ? { current: 0, ttl: 0 }
      : { current: found.current, ttl }
  }

  /** Takes over what another place counted. */
  learn(who: string, count: RequestCount): RequestCount {
    this.#windows.set(who, { current: count.current, endsMs: this.#now() + count.ttl })
    this.#forget()
    return count
  }

  #forget(): void {
    const nowMs = this.#now()
    for (const [who, { endsMs }] of this.#windows) {
      if (endsMs > nowMs && this.#windows.size <= this.#mostKept) break
      this.#windows.delete(who)
    }
  }
}
