import type { FastifyBaseLogger } from 'fastify'
import { atMost } from '../at-most.ts'
import { BackgroundLoop } from '../background-loop.ts'
import type { Clock } from '../clock.ts'
import { Problem } from '../problems/problem.ts'
import type { Connection } from '../storage/connection.ts'
import { DatabaseAway } from '../storage/database-away.ts'
import type { ApiKey, KeySource } from './api-key.ts'
import { HeldKeys } from './held-keys.ts'
import { idOfKey } from './issued-key.ts'
import { deleteKey, insertKey, type KeptKey, noteUses, readKeys } from './kept-keys.ts'
import { type KeyOrder, type MadeKey, makeKey } from './key-order.ts'
import { NoPepper, type Pepper, pepperFor } from './pepper.ts'

/** How long a key that another process made or revoked may go unnoticed, ms. */
const REFRESH_MS = 5000
/** How long a start waits for the keys to be read, ms. */
const START_MS = 3000

export interface IssuedKeysOptions {
  readonly connection: Connection
  readonly pepper: Pepper
  readonly clock: Clock
  readonly log: FastifyBaseLogger
}

/**
 * The keys of the database. All are held here, so that no request waits for it, and they go on
 * working while it is away. What is done on it is done as reads are: it fails at once while the
 * database is away, and others find out when it is back.
 */
export class IssuedKeys implements KeySource {
  readonly canBeGuessed = false
  readonly #options: IssuedKeysOptions
  readonly #held = new HeldKeys()
  /** Reads the keys again, and writes when they were last used. */
  readonly #loop: BackgroundLoop
  #fault: string | null = null
  #pepperFault: string | null = null

  constructor(options: IssuedKeysOptions) {
    this.#options = options
    this.#loop = new BackgroundLoop(options.clock, async () => {
      await this.#refresh()
      return REFRESH_MS
    })
  }

  /** What is wrong with the pepper, for a person; null where nothing is. */
  get fault(): string | null {
    return this.#pepperFault
  }

  /** Reads the keys, if the database answers soon; else when it does. */
  async start(): Promise<void> {
    await atMost(this.#options.clock, START_MS, this.#refresh())
    this.#loop.start()
  }

  /** Ends the background work, and writes the last uses. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#whileHere(() => this.#writeUses(Infinity))
  }

  /** @throws Problem `source_unavailable` while nobody can tell, because no key was read yet */
  async find(secret: string): Promise<ApiKey | undefined> {
    if (this.#held.changes === 0 && idOfKey(secret) !== null)
      throw new Problem('source_unavailable', 'The keys of the database are not known yet.', {
        retryAfterSeconds: REFRESH_MS / 1000,
      })
    return this.#held.find(secret, this.#options.clock.now())
  }

  /**
   * Every key, the oldest first, with its last use as far as this process knows.
   * @throws DatabaseAway when the database cannot be read now
   * @throws NoPepper
   */
  async list(): Promise<KeptKey[]> {
    await this.#load()
    return this.#held.all
  }

  /**
   * Makes a key, which works here at once.
   * @returns null where there are as many keys as there may be
   * @throws DatabaseAway when the database cannot be written now
   * @throws NoPepper
   */
  async create(order: KeyOrder): Promise<MadeKey | null> {
    const { connection, clock } = this.#options
    const keys = await connection.useOpen(({ read }) => readKeys(read))
    const pepper = await pepperFor(this.#options.pepper, keys)
    const made = makeKey(order, pepper, clock.now())
    if (!(await connection.useOpen(({ write }) => insertKey(write, made.kept)))) return null
    this.#held.add(made.kept, pepper)
    return made
  }

  /**
   * Ends a key, here at once.
   * @returns false where there is none with this id
   * @throws DatabaseAway when the database cannot be written now
   */
  async revoke(id: string): Promise<boolean> {
    const wasThere = await this.#options.connection.useOpen(({ write }) => deleteKey(write, id))
    this.#held.remove(id)
    return wasThere
  }

  #refresh(): Promise<void> {
    return this.#whileHere(async () => {
      await this.#load()
      await this.#writeUses(this.#options.clock.now())
    })
  }

  async #writeUses(nowMs: number): Promise<void> {
    const uses = this.#held.dueUses(nowMs)
    if (uses.length === 0) return
    await this.#options.connection.useOpen(({ write }) => noteUses(write, uses))
  }

  async #whileHere(work: () => Promise<void>): Promise<void> {
    try {
      await work()
      this.#pepperFault = null
      this.#note(null)
    } catch (err) {
      if (err instanceof NoPepper) this.#pepperFault = err.message
      if (err instanceof DatabaseAway || err instanceof NoPepper) this.#note(err.message)
      else this.#options.log.error({ err }, 'reading the keys of the database broke')
    }
  }

  async #load(): Promise<void> {
    const { changes } = this.#held
    const keys = await this.#options.connection.useOpen(({ read }) => readKeys(read))
    const [pepper] = await Promise.allSettled([this.#options.pepper.read()])
    // What changed here meanwhile is newer than what was read.
    if (this.#held.changes !== changes) return
    // Where there is no key there may be no pepper yet.
    if (pepper.status === 'fulfilled') this.#held.hold(keys, pepper.value)
    else if (keys.length === 0) this.#held.hold(keys)
    else {
      // Keys that are gone are gone, whatever becomes of the pepper.
      this.#held.keepOnly(keys)
      throw pepper.reason
    }
  }

  /** Tells once that the keys cannot be read, and once that they can again. */
  #note(fault: string | null): void {
    if (fault === this.#fault) return
    this.#fault = fault
    const { log } = this.#options
    if (fault === null) log.info('the keys of the database are known again')
    else log.warn({ detail: fault }, 'the keys of the database cannot be read: those known stand')
  }
}
