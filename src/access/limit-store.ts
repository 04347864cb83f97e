import type { FastifyBaseLogger } from 'fastify'
import { z } from 'zod'
import { BackgroundLoop } from '../background-loop.ts'
import type { Clock } from '../clock.ts'
import type { Secret } from '../secret.ts'
import { RedisClient } from '../storage/shared/redis-client.ts'
import { COUNT_REQUEST } from '../storage/shared/redis-scripts.ts'
import { type RequestCount, RequestCounts } from './request-counts.ts'

/** How long a request may wait for Redis, ms. */
const COMMAND_TIMEOUT_MS = 500
/** How often the background sees whether Redis counts, ms. */
const LOOK_MS = 1000

const answer = z.tuple([z.int(), z.int()])

/**
 * Where requests are counted: in Redis for all processes, else in this one. Both count every
 * request, and the larger count stands: neither a Redis that is away nor one that comes back empty
 * gives a client more than its limit here. While Redis is away no request waits for it: the
 * background sees when it is back.
 */
export class LimitStore {
  readonly #clock: Clock
  readonly #log: FastifyBaseLogger
  readonly #redis: RedisClient | null
  readonly #loop: BackgroundLoop
  readonly #counts = new Map<number, RequestCounts>()
  #fault: string | null = null

  /** @param redis URL of the server; null where there is none */
  constructor(redis: Secret | null, clock: Clock, log: FastifyBaseLogger) {
    this.#clock = clock
    this.#log = log
    this.#redis = redis && new RedisClient(redis, COMMAND_TIMEOUT_MS)
    this.#loop = new BackgroundLoop(clock, async () => {
      // The same as for a request: a Redis that answers but takes no writes does not count.
      await this.#addShared(this.#redis, 'nobody', LOOK_MS)
      return LOOK_MS
    })
  }

  /** Where the limits are meant to be counted. */
  get kind(): 'redis' | 'memory' {
    return this.#redis === null ? 'memory' : 'redis'
  }

  /** True while Redis is away, and each process counts for itself. */
  get isFallback(): boolean {
    return this.#fault !== null
  }

  /** Why Redis does not count, for a person; null where nothing is wrong. */
  get fault(): string | null {
    return this.#fault
  }

  /** Resolves when Redis is connected or has failed to be; see `RedisClient.connect`. */
  async start(): Promise<void> {
    if (this.#redis === null) return
    await this.#redis.connect()
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    this.#redis?.close()
  }

  /** Counts a request in the window of a length, ms. */
  async add(who: string, windowMs: number): Promise<RequestCount> {
    const counts = this.#of(windowMs)
    const own = counts.add(who)
    const shared = this.isFallback ? null : await this.#addShared(this.#redis, who, windowMs)
    return shared === null || shared.current <= own.current ? own : counts.learn(who, shared)
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
  async #addShared(
    redis: RedisClient | null,
    who: string,
    windowMs: number,
  ): Promise<RequestCount | null> {
    if (redis === null) return null
    try {
      const keys = [`ayalon:limit:${windowMs}:${who}`]
      const [current, ttl] = answer.parse(await redis.run(COUNT_REQUEST, keys, [String(windowMs)]))
      this.#note(null)
      return { current, ttl }
    } catch {
      this.#note(redis.fault)
      return null
    }
  }

  #note(fault: string | null): void {
    const was = this.#fault
    this.#fault = fault
    if (was === null && fault !== null)
      this.#log.warn({ detail: fault }, 'limits are counted in this process alone')
    if (was !== null && fault === null) this.#log.info('limits are counted in Redis')
  }
}
