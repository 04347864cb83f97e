import type { FastifyBaseLogger } from 'fastify'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import type { Secret } from '../secret.ts'
import { RedisClient } from '../storage/shared/redis-client.ts'
import { COUNT_REQUEST } from '../storage/shared/redis-scripts.ts'
import { type RequestCount, RequestCounts } from './request-counts.ts'

/** How long a request may wait for Redis, ms. */
const COMMAND_TIMEOUT_MS = 250
/** After Redis failed it is left alone for so long, ms, so that only few requests wait for it. */
const REST_MS = 1000

const answer = z.tuple([z.int(), z.int()])

/**
 * Where requests are counted: in Redis for all processes, else in this one. Every count of Redis is
 * remembered here, so that the process goes on from it while Redis is away.
 */
export class LimitStore {
  readonly #clock: Clock
  readonly #log: FastifyBaseLogger
  readonly #redis: RedisClient | null
  readonly #counts = new Map<number, RequestCounts>()
  #restUntilMs = 0
  #isFallback = false

  /** @param redis URL of the server; null where there is none */
  constructor(redis: Secret | null, clock: Clock, log: FastifyBaseLogger) {
    this.#clock = clock
    this.#log = log
    this.#redis = redis && new RedisClient(redis, COMMAND_TIMEOUT_MS)
  }

  /** Where the limits are meant to be counted. */
  get kind(): 'redis' | 'memory' {
    return this.#redis === null ? 'memory' : 'redis'
  }

  /** True while Redis is away, and each process counts for itself. */
  get isFallback(): boolean {
    return this.#isFallback
  }

  /** Resolves when Redis answered or has failed to; see `RedisClient.connect`. */
  async connect(): Promise<void> {
    await this.#redis?.connect()
  }

  close(): void {
    this.#redis?.close()
  }

  /** Counts a request in the window of a length, ms. */
  async add(who: string, windowMs: number): Promise<RequestCount> {
    const counts = this.#of(windowMs)
    const own = counts.add(who)
    const shared = await this.#addShared(who, windowMs)
    return shared === null ? own : counts.learn(who, shared)
  }

  /** The count as far as this process knows it. */
  peek(who: string, windowMs: number): RequestCount {
    return this.#of(windowMs).peek(who)
  }

  #of(windowMs: number): RequestCounts {
    const found = this.#counts.get(windowMs) ?? new RequestCounts(() => this.#clock.now(), windowMs)
    this.#counts.set(windowMs, found)
    return found
  }

  /** Null where Redis has no say. */
  async #addShared(who: string, windowMs: number): Promise<RequestCount | null> {
    if (this.#redis === null || this.#clock.now() < this.#restUntilMs) return null
    try {
      const keys = [`ayalon:limit:${windowMs}:${who}`]
      const counted = await this.#redis.run(COUNT_REQUEST, keys, [String(windowMs)])
      const [current, ttl] = answer.parse(counted)
      this.#note(false)
      return { current, ttl }
    } catch {
      this.#restUntilMs = this.#clock.now() + REST_MS
      this.#note(true)
      return null
    }
  }

  #note(isFallback: boolean): void {
    if (isFallback === this.#isFallback) return
    this.#isFallback = isFallback
    if (isFallback)
      this.#log.warn({ detail: this.#redis?.fault }, 'limits are counted in this process alone')
    else this.#log.info('limits are counted in Redis')
  }
}
