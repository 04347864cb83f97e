import type { FastifyBaseLogger } from 'fastify'
import { BackgroundLoop } from '../../background-loop.ts'
import type { Clock } from '../../clock.ts'
import type { DayCounts } from '../../statistics/day-counts.ts'
import type { Connection } from '../connection.ts'
import { DatabaseAway } from '../database-away.ts'
import { addCounts, type Batch } from './counts.ts'

/** How often counts are written, ms; a process that is killed loses what it counted since. */
const WRITE_MS = 60_000

export interface CountsWriterOptions {
  readonly connection: Pick<Connection, 'use'>
  readonly counts: DayCounts
  readonly clock: Clock
  readonly log: FastifyBaseLogger
  /** Names this process as no other is named. */
  readonly process: string
}

/** Adds what this process counts to what all have counted. While the database is away it waits. */
export class CountsWriter {
  readonly #options: CountsWriterOptions
  readonly #loop: BackgroundLoop
  #written = 0
  /** Its writing failed, or nobody knows: it is tried again as it is, and nothing is added to it. */
  #batch: Batch | null = null

  constructor(options: CountsWriterOptions) {
    this.#options = options
    this.#loop = new BackgroundLoop(options.clock, async () => {
      await this.#write()
      return WRITE_MS
    })
  }

  start(): void {
    this.#loop.start()
  }

  /** Ends the background work with a last write; what is answered after it is not kept. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#write()
  }

  async #write(): Promise<void> {
    try {
      await this.#add(this.#batch)
      await this.#add(this.#next())
    } catch (err) {
      if (!(err instanceof DatabaseAway)) this.#options.log.error({ err }, 'counts are not written')
    }
  }

  async #add(batch: Batch | null): Promise<void> {
    if (batch === null) return
    this.#batch = batch
    await this.#options.connection.use(({ write }) => addCounts(write, batch))
    this.#batch = null
  }

  #next(): Batch | null {
    const { counts, clock, process } = this.#options
    const taken = counts.take()
    if (taken.length === 0) return null
    this.#written += 1
    return { process, number: this.#written, atMs: clock.now(), counts: taken }
  }
}
