import { BackgroundLoop } from '../../background-loop.ts'
import type { Clock } from '../../clock.ts'
import { type SharedStore, StoreAway } from './shared-store.ts'

/** Whether this process may collect: it holds the lease, another does, or nobody knows. */
export type Right = 'held' | 'elsewhere' | 'unknown'

/** A lease outlives so many intervals of being renewed; a third one passes before it is noticed. */
const INTERVALS = 2

/**
 * The right to collect, of which there is one among all processes that share a store. It is
 * renewed once an interval; when its holder dies, another takes it within three.
 */
export class Lease {
  readonly #store: SharedStore
  readonly #clock: Clock
  readonly intervalMs: number
  readonly owner: string
  /** Renews the lease while a round takes its time. */
  readonly loop: BackgroundLoop
  #right: Right = 'unknown'
  #askedAtMs = Number.NEGATIVE_INFINITY

  /** @param owner names this process as no other is named */
  constructor(store: SharedStore, clock: Clock, owner: string, intervalMs: number) {
    this.#store = store
    this.#clock = clock
    this.owner = owner
    this.intervalMs = intervalMs
    this.loop = new BackgroundLoop(clock, async () => {
      await this.#renew()
      return intervalMs
    })
  }

  /** What is known of the right; never older than an interval, so that a lease was not lost unseen. */
  async confirm(): Promise<Right> {
    const age = this.#clock.now() - this.#askedAtMs
    if (age < 0 || age >= this.intervalMs) await this.#renew()
    return this.#right
  }

  /** What was last known of the right. */
  get right(): Right {
    return this.#right
  }

  /** Gives the lease back, so that another process need not wait until it ends. */
  async release(): Promise<void> {
    try {
      await this.#store.releaseLease(this.owner)
    } catch (error) {
      // It then ends by itself.
      if (!(error instanceof StoreAway)) throw error
    }
  }

  async #renew(): Promise<void> {
    const nowMs = this.#clock.now()
    try {
      const held = await this.#store.holdLease(this.owner, nowMs, INTERVALS * this.intervalMs)
      this.#right = held ? 'held' : 'elsewhere'
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error
      this.#right = 'unknown'
    }
    this.#askedAtMs = nowMs
  }
}
