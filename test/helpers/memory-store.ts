import {
  type CallCount,
  type QuotaWindow,
  type SharedStore,
  StoreAway,
} from '../../src/storage/shared/shared-store.ts'

/** What processes share, for one process that shares with nobody; it can be taken away. */
export class MemoryStore implements SharedStore {
  readonly kind = 'database'
  readonly values = new Map<string, string>()
  readonly #calls = new Map<string, number>()
  readonly #rounds = new Map<string, number>()
  #lease: { owner: string; untilMs: number } | null = null
  /** While set, nothing of it can be used. */
  away: string | null = null

  async holdLease(owner: string, nowMs: number, ttlMs: number): Promise<boolean> {
    this.#check()
    if (this.#lease !== null && this.#lease.owner !== owner && this.#lease.untilMs > nowMs)
      return false
    this.#lease = { owner, untilMs: nowMs + ttlMs }
    return true
  }

  async releaseLease(owner: string): Promise<void> {
    this.#check()
    if (this.#lease?.owner === owner) this.#lease = null
  }

  async claimRound(
    owner: string,
    provider: string,
    roundMs: number,
    leastIntervalMs: number,
  ): Promise<boolean> {
    this.#check()
    const last = this.#rounds.get(provider)
    const isFree = last === undefined || last === roundMs || last <= roundMs - leastIntervalMs
    if (this.#lease?.owner !== owner || !isFree) return false
    this.#rounds.set(provider, roundMs)
    return true
  }

  async lastRound(provider: string): Promise<number | null> {
    this.#check()
    return this.#rounds.get(provider) ?? null
  }

  async countCall(provider: string, windows: readonly QuotaWindow[]): Promise<CallCount> {
    const before = await this.callsIn(provider, windows)
    const spent = windows.find(({ limit }, at) => limit !== null && (before[at] ?? 0) >= limit)
    if (spent !== undefined) return { granted: false, spent }
    const used = before.map((calls) => calls + 1)
    for (const [at, window] of windows.entries())
      this.#calls.set(keyOf(provider, window), used[at] ?? 0)
    return { granted: true, used }
  }

  async callsIn(provider: string, windows: readonly QuotaWindow[]): Promise<readonly number[]> {
    this.#check()
    return windows.map((window) => this.#calls.get(keyOf(provider, window)) ?? 0)
  }

  async publish(owner: string, name: string, value: string): Promise<void> {
    this.#check()
    if (this.#lease?.owner === owner) this.values.set(name, value)
  }

  async read(name: string): Promise<string | null> {
    this.#check()
    return this.values.get(name) ?? null
  }

  async close(): Promise<void> {}

  #check(): void {
    if (this.away !== null) throw new StoreAway(this.away)
  }
}

const keyOf = (provider: string, { period, fromMs }: QuotaWindow): string =>
  `${provider} ${period} ${fromMs}`
