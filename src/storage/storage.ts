import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import { sql } from 'kysely'
import { atMost } from '../at-most.ts'
import { BackgroundLoop } from '../background-loop.ts'
import type { Clock } from '../clock.ts'
import type { Corridor } from '../corridors/corridor.ts'
import { type ProviderName, sourceOf } from '../corridors/snapshot.ts'
import type { Secret } from '../secret.ts'
import { STORES_STOP_MS } from '../stop-bounds.ts'
import { Connection } from './connection.ts'
import { CurrentState } from './current-state.ts'
import type { DatabasePlace } from './database/database.ts'
import { DatabaseAway } from './database-away.ts'
import { Recorder } from './recorder.ts'
import { recomputeToday, restore } from './restore.ts'
import { type RetentionDays, retentionStep } from './retention.ts'
import { boundedStore } from './shared/bounded-store.ts'
import { DatabaseStore } from './shared/database-store.ts'
import { RedisStore } from './shared/redis-store.ts'
import type { SharedStore } from './shared/shared-store.ts'
import { TickQueue } from './ticks/queue.ts'

/** How often the database is tried while it is away, or ticks wait, ms. */
const RETRY_MS = 10_000
/** How often old data is looked for, and how long one step of deleting waits for the next, ms. */
const RETENTION_MS = 3_600_000
const RETENTION_STEP_MS = 1000
/** How long a start waits for what an earlier process left, ms. */
const START_MS = 3000

export interface StorageOptions {
  readonly place: DatabasePlace
  /** URL of the server that keeps what processes share; null: the database does. */
  readonly redis: Secret | null
  /** Folder for what waits to be written. */
  readonly dataDir: string
  readonly retention: RetentionDays
  readonly corridors: readonly Corridor[]
  readonly providers: readonly [ProviderName, ...ProviderName[]]
  readonly clock: Clock
  readonly log: FastifyBaseLogger
}

/** What the health report says of the memory. */
export interface StorageHealth {
  /** Warning: the database is there, but some refreshes still wait to be written. */
  readonly status: 'ok' | 'warning' | 'error'
  /** What is wrong, for a person. */
  readonly detail: string | null
  /** Refreshes that wait on disk to be written. */
  readonly queued: number
  readonly schemaIsBehind: boolean
  /** Null where there is none; else what is wrong with it, for a person, or empty. */
  readonly redis: string | null
}

/** The service's memory: what keeps it, brings it back after a start, and lets go of what is old. */
export class Storage {
  readonly #options: StorageOptions
  readonly #loops: readonly BackgroundLoop[]
  readonly state = new CurrentState()
  readonly connection: Connection
  readonly recorder: Recorder
  /** What this process shares with others. */
  readonly shared: SharedStore
  readonly #redis: RedisStore | null
  #restored = false

  constructor(options: StorageOptions) {
    const { place, redis, dataDir, retention, clock, log } = options
    this.#options = options
    this.connection = new Connection(place, log)
    this.#redis = redis && new RedisStore(redis)
    const shared = this.#redis ?? new DatabaseStore(this.connection)
    this.shared = boundedStore(shared, log)
    this.recorder = new Recorder({
      connection: this.connection,
      queue: new TickQueue(join(dataDir, 'queue')),
      log,
      keepBodies: retention.raw > 0,
    })
    this.#loops = [
      new BackgroundLoop(clock, () => this.#retry()),
      new BackgroundLoop(clock, () => this.#forget()),
    ]
  }

  /** Brings back what an earlier process left, if the database answers soon; else when it does. */
  async start(): Promise<void> {
    // A database that hangs holds up nothing.
    const begun = Promise.all([this.#catchUp(), this.#redis?.connect()])
    await atMost(this.#options.clock, START_MS, begun)
    for (const loop of this.#loops) loop.start()
  }

  /** Ends the background work and closes the stores. What is not written by then waits on disk. */
  async stop(): Promise<void> {
    const ended = [this.recorder.stop(), ...this.#loops.map((loop) => loop.stop())]
    const closed = Promise.all(ended).then(() => this.connection.close())
    await Promise.all([atMost(this.#options.clock, STORES_STOP_MS, closed), this.shared.close()])
  }

  /** True where processes share, but each has a database of its own. */
  get isAlone(): boolean {
    return this.#redis !== null && 'dataDir' in this.#options.place
  }

  /** How well things are kept now. */
  get health(): StorageHealth {
    const { queued } = this.recorder
    const { schemaIsBehind } = this.connection
    const faults = [this.connection.fault, this.recorder.fault].filter((one) => one !== null)
    const written = queued === 0 ? 'ok' : 'warning'
    const status = faults.length === 0 ? written : 'error'
    const redis = this.#redis && (this.#redis.fault ?? '')
    return { status, detail: faults.join('; ') || null, queued, schemaIsBehind, redis }
  }

  async #retry(): Promise<number> {
    await this.#catchUp()
    return RETRY_MS
  }

  /**
   * Brings back what an earlier process left, writes what waits, and brings back what that added;
   * leaves all of it for later while the database is away. Where nothing is to be done it asks the
   * database something, so that the health report knows of it.
   */
  async #catchUp(): Promise<void> {
    if (!this.#restored) await this.#whileHere(() => this.#restore())
    const written = await this.recorder.retry()
    if (written > 0) await this.#whileHere(() => this.#restore())
    else if (this.#restored && this.recorder.queued === 0) await this.#whileHere(() => this.#ping())
  }

  async #ping(): Promise<void> {
    await this.connection.use(({ write }) => sql`SELECT 1`.execute(write))
  }

  async #restore(): Promise<void> {
    const { corridors, providers, retention, clock } = this.#options
    await this.connection.use(async ({ write }) => {
      // Reading comes first: a database that takes no writes still knows the last snapshot.
      for (const corridor of corridors)
        this.state.restore(corridor.id, await restore(write, corridor, providers, clock.now()))
      this.#restored = true
      const source = sourceOf(providers[0])
      for (const corridor of corridors)
        await recomputeToday(write, corridor, source, clock.now(), retention.observations)
    })
  }

  async #forget(): Promise<number> {
    const { retention, clock } = this.#options
    const more = await this.#whileHere(() =>
      this.connection.use(({ write }) => retentionStep(write, retention, clock.now())),
    )
    return more ? RETENTION_STEP_MS : RETENTION_MS
  }

  /** Nothing in the background may end the process: the database being away is known elsewhere. */
  async #whileHere<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work()
    } catch (err) {
      if (!(err instanceof DatabaseAway)) this.#options.log.error({ err }, 'background work broke')
      return null
    }
  }
}
