import type { FastifyBaseLogger } from 'fastify'
import type { Connection } from './connection.ts'
import { databaseFault } from './database/faults.ts'
import { DatabaseAway } from './database-away.ts'
import type { TickQueue } from './ticks/queue.ts'
import { type Tick, withoutBodies } from './ticks/tick.ts'
import { writeTick } from './ticks/write-tick.ts'

export interface RecorderOptions {
  readonly connection: Connection
  readonly queue: TickQueue
  readonly log: FastifyBaseLogger
  /** Whether the providers' raw answers are kept. */
  readonly keepBodies: boolean
}

/**
 * Keeps every tick: first in a queue on disk, from where it goes into the database in order, each
 * tick once. While the database is away they wait. Nobody waits for the recorder.
 */
export class Recorder {
  readonly #options: RecorderOptions
  /** One thing after the other, so that ticks keep their order. Never rejects. */
  #work: Promise<void> = Promise.resolve()
  #fault: string | null = null
  #queued = 0
  #stopped = false

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  /** Ticks that were left on disk when the database last took none. */
  get queued(): number {
    return this.#queued
  }

  /** Why the last tick could be kept nowhere, for a person; null when it was kept. */
  get fault(): string | null {
    return this.#fault
  }

  /** Takes a tick to keep it. */
  record(tick: Tick): void {
    const kept = this.#options.keepBodies ? tick : withoutBodies(tick)
    this.#work = this.#work.then(() => this.#keep(kept))
  }

  /** Writes what waits, as far as the database takes it; how much was written. */
  retry(): Promise<number> {
    const written = this.#work.then(() => this.#drain())
    this.#work = written.then(() => {})
    return written
  }

  /** Resolves when all that was taken so far is in the database or in the queue, or is lost. */
  settled(): Promise<void> {
    return this.#work
  }

  /** Begins nothing more; resolves when the tick at hand is written or its writing failed. */
  stop(): Promise<void> {
    this.#stopped = true
    return this.#work
  }

  async #keep(tick: Tick): Promise<void> {
    const { queue, log } = this.#options
    this.#fault = null
    try {
      const dropped = await queue.append(tick)
      if (dropped > 0) log.error({ dropped }, 'the queue is full: the oldest refreshes made way')
    } catch (err) {
      // Without a disk the database itself may still take it.
      if (await this.#write(tick).catch(() => false)) return
      this.#fault = `refreshes are lost: ${databaseFault(err) ?? 'the data folder fails'}`
      log.error({ err }, this.#fault)
    }
    await this.#drain()
  }

  /** True when the tick is in the database; false when that is away. */
  async #write(tick: Tick): Promise<boolean> {
    try {
      await this.#options.connection.use(({ write }) => writeTick(write, tick))
      return true
    } catch (error) {
      if (error instanceof DatabaseAway) return false
      throw error
    }
  }

  /** Writes what waits, until all is written or the database is away; how much was written. */
  async #drain(): Promise<number> {
    const { queue, log } = this.#options
    let written = 0
    try {
      let name = await queue.oldest()
      while (name !== null && !this.#stopped && (await this.#writeQueued(name))) {
        written += 1
        name = await queue.oldest()
        // A long queue is seen while it is written; the one at hand does not wait any more.
        this.#queued = Math.max(0, queue.length - 1)
      }
    } catch (err) {
      log.error({ err }, 'the queue cannot be read')
    }
    this.#queued = queue.length
    return written
  }

  async #writeQueued(name: string): Promise<boolean> {
    const { queue, log } = this.#options
    try {
      if (!(await this.#write(await queue.read(name)))) return false
      await queue.remove(name)
    } catch (err) {
      if (isGone(err)) await queue.remove(name)
      else {
        log.error({ err, name }, 'a queued refresh cannot be written and is set aside')
        await queue.reject(name)
      }
    }
    return true
  }
}

/** Another process on the same folder has written a file of the queue, and taken it out. */
const isGone = (error: unknown): boolean => Object(error).code === 'ENOENT'
