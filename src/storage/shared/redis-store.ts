import { z } from 'zod'
import type { Secret } from '../../secret.ts'
import { RedisClient } from './redis-client.ts'
import * as scripts from './redis-scripts.ts'
import {
  type CallCount,
  type QuotaWindow,
  ROUND_AHEAD_MS,
  type SharedStore,
  WRONG_CLOCK_MS,
} from './shared-store.ts'

const DAY_MS = 86_400_000
/** A value that nobody published anew for so long is let go of, ms. */
const VALUE_MS = 7 * DAY_MS

const LEASE = 'ayalon:lease'
const roundOf = (provider: string): string => `ayalon:round:${provider}`
const textOf = (name: string): string => `ayalon:value:${name}`
const callsOf = (provider: string, windows: readonly QuotaWindow[]): string[] =>
  windows.map(({ period, fromMs }) => `ayalon:calls:${provider}:${period}:${fromMs}`)

const yesOrNo = z.union([z.literal(0), z.literal(1)]).transform((answer) => answer === 1)
const text = z.string().nullable()
const numbers = z.array(z.int())
const atLeastOne = z.tuple([z.int()], z.int())

/**
 * Shares by Redis, whose own clock says when a lease has run out. It comes back by itself when Redis
 * does. The budget is no better kept than Redis keeps its data: it should write them to disk
 * (`appendonly yes`) and let go of none for want of memory (`maxmemory-policy noeviction`).
 */
export class RedisStore implements SharedStore {
  readonly kind = 'redis'
  readonly #client: RedisClient

  /** @param url as `redisUrlFault` finds no fault with it */
  constructor(url: Secret) {
    this.#client = new RedisClient(url)
  }

  /** Why Redis could not be used the last time, for a person; null when it could. */
  get fault(): string | null {
    return this.#client.fault
  }

  /** Resolves, some three seconds later at most, when Redis answered or has failed to. */
  async connect(): Promise<void> {
    try {
      await this.#client.connect()
      await this.#client.run(scripts.PING, [], [])
    } catch {
      // The fault says it. From now on the connection is tried again and again.
    }
  }

  async holdLease(owner: string, _nowMs: number, ttlMs: number): Promise<boolean> {
    const values = [owner, String(ttlMs), String(WRONG_CLOCK_MS)]
    return yesOrNo.parse(await this.#client.run(scripts.HOLD_LEASE, [LEASE], values))
  }

  async releaseLease(owner: string): Promise<void> {
    await this.#client.run(scripts.RELEASE_LEASE, [LEASE], [owner])
  }

  async claimRound(
    owner: string,
    provider: string,
    roundMs: number,
    leastIntervalMs: number,
  ): Promise<boolean> {
    const keys = [LEASE, roundOf(provider)]
    const values = [owner, String(roundMs), String(leastIntervalMs), String(ROUND_AHEAD_MS)]
    return yesOrNo.parse(await this.#client.run(scripts.CLAIM_ROUND, keys, values))
  }

  async lastRound(provider: string): Promise<number | null> {
    const last = text.parse(await this.#client.run(scripts.READ, [roundOf(provider)], []))
    return last === null ? null : Number(last)
  }

  async countCall(provider: string, windows: readonly QuotaWindow[]): Promise<CallCount> {
    const keys = callsOf(provider, windows)
    // From the last call on, and a day more: the clocks need not agree on when the window ends.
    const values = windows.flatMap(({ limit, fromMs, toMs }) => [
      String(limit ?? ''),
      String(toMs - fromMs + DAY_MS),
    ])
    const [number, ...used] = atLeastOne.parse(
      await this.#client.run(scripts.COUNT_CALL, keys, values),
    )
    const spent = windows[number - 1]
    return spent === undefined ? { granted: true, used } : { granted: false, spent }
  }

  async callsIn(provider: string, windows: readonly QuotaWindow[]): Promise<readonly number[]> {
    return numbers.parse(await this.#client.run(scripts.CALLS_IN, callsOf(provider, windows), []))
  }

  async publish(owner: string, name: string, value: string): Promise<void> {
    const values = [owner, value, String(VALUE_MS)]
    await this.#client.run(scripts.PUBLISH, [LEASE, textOf(name)], values)
  }

  async read(name: string): Promise<string | null> {
    return text.parse(await this.#client.run(scripts.READ, [textOf(name)], []))
  }

  async close(): Promise<void> {
    this.#client.close()
  }
}
