import { timingSafeEqual } from 'node:crypto'
import type { ApiKey } from './api-key.ts'
import { hashOfKey, idOfKey } from './issued-key.ts'
import type { KeptKey, KeyUse } from './kept-keys.ts'

/** The use of a key is written at most once in so long, ms. */
const USE_MS = 60_000

/** Stands for the hash of a key that is not there. */
const NO_HASH = Buffer.alloc(32)

/** The keys of the database as this process knows them. */
export class HeldKeys {
  #keys: ReadonlyMap<string, KeptKey> = new Map()
  #pepper = ''
  /** Uses that the database does not know yet, epoch ms, by the key's id. */
  readonly #uses = new Map<string, number>()
  #changes = 0

  /** How often the keys here changed: what was being read meanwhile may be older than they are. */
  get changes(): number {
    return this.#changes
  }

  /** Lets go of those that are not among the present ones. */
  keepOnly(present: readonly KeptKey[]): void {
    const ids = new Set(present.map(({ id }) => id))
    this.#keys = new Map([...this.#keys].filter(([id]) => ids.has(id)))
  }

  /** Takes the place of what was held. */
  hold(keys: readonly KeptKey[], pepper = this.#pepper): void {
    this.#changes += 1
    this.#pepper = pepper
    this.#keys = new Map(keys.map((key) => [key.id, key]))
    for (const [id, atMs] of this.#uses) {
      const key = this.#keys.get(id)
      if (key === undefined || atMs <= (key.lastUsedMs ?? 0)) this.#uses.delete(id)
    }
  }

  add(key: KeptKey, pepper: string): void {
    this.hold([...this.#keys.values(), key], pepper)
  }

  remove(id: string): void {
    this.hold([...this.#keys.values()].filter((key) => key.id !== id))
  }

  /** Every key, in the order in which they were given, with its last use. */
  get all(): KeptKey[] {
    return [...this.#keys.values()].map((key) => ({
      ...key,
      lastUsedMs: this.#uses.get(key.id) ?? key.lastUsedMs,
    }))
  }

  /**
   * The key with this secret, while it is valid; its use is noted. Does the same work whether there
   * is one or not.
   */
  find(secret: string, nowMs: number): ApiKey | undefined {
    const key = this.#keys.get(idOfKey(secret) ?? '')
    const hash = key === undefined ? NO_HASH : Buffer.from(key.hash, 'hex')
    const isRight = timingSafeEqual(hash, Buffer.from(hashOfKey(secret, this.#pepper), 'hex'))
    if (key === undefined || !isRight || (key.expiresMs ?? Infinity) <= nowMs) return undefined
    this.#uses.set(key.id, nowMs)
    return { id: key.id, scope: key.scope, limits: key.limits }
  }

  /** The uses that the database should be told of now. */
  dueUses(nowMs: number): KeyUse[] {
    return [...this.#keys.values()].flatMap(({ id, lastUsedMs }) => {
      const atMs = this.#uses.get(id)
      return atMs === undefined || nowMs - (lastUsedMs ?? 0) < USE_MS ? [] : [{ id, atMs }]
    })
  }
}
