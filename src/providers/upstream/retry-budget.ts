const HOUR_MS = 3_600_000
/** So many retries an hour are always allowed. */
const LEAST_RETRIES = 10
/** Beyond it retries may be this share of the calls; the default of Envoy's retry budget. */
const RETRY_SHARE = 0.2

/** Keeps retries from becoming a storm: they stay a small part of the calls of the last hour. */
export class RetryBudget {
  #calls: number[] = []
  #retries: number[] = []

  /** Notes a call, epoch ms. */
  noteCall(nowMs: number, isRetry: boolean): void {
    this.#calls = within(this.#calls, nowMs)
    this.#retries = within(this.#retries, nowMs)
    const list = isRetry ? this.#retries : this.#calls
    list.push(nowMs)
  }

  /** True while one more call may be a retry. */
  allows(nowMs: number): boolean {
    const calls = within(this.#calls, nowMs).length
    return within(this.#retries, nowMs).length < Math.max(LEAST_RETRIES, RETRY_SHARE * calls)
  }
}

const within = (times: readonly number[], nowMs: number): number[] =>
  times.filter((atMs) => atMs > nowMs - HOUR_MS)
