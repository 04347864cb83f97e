import type { FastifyBaseLogger } from 'fastify'
import { BackgroundLoop } from '../../background-loop.ts'
import type { Clock } from '../../clock.ts'
import { type SharedStore, StoreAway, unlessAway } from './shared-store.ts'

/** Whether this process may collect: it holds the lease, another does, or nobody knows. */
export type Right = 'held' | 'elsewhere' | 'unknown'

/** A lease outlives so many intervals of being renewed; a third one passes before it is noticed. */
const INTERVALS = 2

export interface LeaseOptions {
  readonly store: SharedStore
  readonly clock: Clock
  readonly log: FastifyBaseLogger
  /** Names this process as no other is named. */
  readonly owner: string
  readonly intervalMs: number
}

/**
 * The right to collect, of which there is one among all processes that share a store. It is
 * renewed once an interval; when its holder dies, another takes it within three.
 */
export class Lease {
  readonly #options: LeaseOptions
  readonly owner: string
  readonly intervalMs: number
  /** Renews the lease while a round takes its time. */
  readonly loop: BackgroundLoop
  #right: Right = 'unknown'
  #askedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: LeaseOptions) {
    const { clock, owner, intervalMs } = options
    this.#options = options
    this.owner = owner
    this.intervalMs = intervalMs
    this.loop = new BackgroundLoop(clock, async () => {
      await this.#renew()
      return intervalMs
    })
  }

  /** What is known of the right; never older than an interval, so that a lease was not lost unseen. */
  async confirm(): Promise<Right> {
    const age = this.#options.clock.now() - this.#askedAtMs
    if (age < 0 || age >= this.intervalMs) await this.#renew()
    return this.#right
  }

  /** What was last known of the right. */
  get right(): Right {
    return this.#right
  }

  /** Gives the lease back, so that another process need not wait until it ends. */
  async release(): Promise<void> {
    if (this.#right !== 'held') return
    // Where the store is away, it ends by itself.
    await unlessAway(this.#options.store.releaseLease(this.owner))
  }

  async #renew(): Promise<void> {
    const { store, clock, owner, intervalMs } = this.#options
    const nowMs = clock.now()
    try {
      const held = await store.holdLease(owner, nowMs, INTERVALS * intervalMs)
      this.#note(held ? 'held' : 'elsewhere', {})
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error
      this.#note('unknown', { detail: error.message })
    }
    this.#askedAtMs = nowMs
  }

  #note(right: Right, detail: { readonly detail?: string }): void {
    if (right !== this.#right) this.#options.log.info({ right, ...detail }, 'the right to collect')
    this.#right = right
  }
}
