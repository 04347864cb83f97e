import type { FastifyBaseLogger } from 'fastify'
import {
  type Database,
  type DatabasePlace,
  NO_CONNECTIONS,
  openDatabase,
} from './database/database.ts'
import { databaseFault, schemaFault } from './database/faults.ts'
import { isBehind, migrate } from './database/migrations.ts'
import type { PoolUse } from './database/postgres.ts'
import { DatabaseAway } from './database-away.ts'

const STARTING = 'the database is not open yet'
const BEHIND = 'the schema of the database is behind: run npm run migrate -- up'

const UNKNOWN = 'the database cannot be opened; the log says why'

const faultOf = (error: unknown): string | null => databaseFault(error) ?? schemaFault(error)

/**
 * The way to the database, which may come and go. The embedded one is migrated when it is opened;
 * a server's schema is only looked at, because not every replica should change it.
 */
export class Connection {
  readonly #place: DatabasePlace
  readonly #log: FastifyBaseLogger
  #opening: Promise<Database> | null = null
  #closing: Promise<void> = Promise.resolve()
  #fault: string | null = STARTING
  #pool = NO_CONNECTIONS
  /** Tells of the connections to the server; null for the embedded database, which has none. */
  readonly pool: (() => PoolUse) | null

  constructor(place: DatabasePlace, log: FastifyBaseLogger) {
    this.#place = place
    this.#log = log
    this.pool = 'url' in place ? () => this.#pool : null
  }

  /** Why the database cannot be used, for a person; null while it can. */
  get fault(): string | null {
    return this.#fault
  }

  get schemaIsBehind(): boolean {
    return this.#fault === BEHIND
  }

  /**
   * Does some work, on a database that is opened first where it is not.
   * @throws DatabaseAway when it cannot be used now
   */
  async use<T>(work: (database: Database) => Promise<T>): Promise<T> {
    this.#opening ??= this.#open()
    const opening = this.#opening
    try {
      const result = await work(await opening)
      this.#note(null)
      return result
    } catch (error) {
      const fault = faultOf(error)
      if (fault === null) throw error
      // Another's failure may have closed it before; what was opened since is none of this one's.
      if (this.#opening === opening) {
        this.#note(fault)
        // Not waited for: what hangs would hold up whoever asked.
        this.#closing = this.close()
      }
      throw new DatabaseAway(fault)
    }
  }

  /**
   * Does some work for a client, on a database that is open. While it is away this fails at
   * once, and what fails here closes nothing: the background work finds out how the database is.
   * @throws DatabaseAway when it cannot be used now
   */
  async useOpen<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const open = this.#opening
    if (open === null || this.#fault !== null) throw new DatabaseAway(this.#fault ?? STARTING)
    try {
      return await work(await open)
    } catch (error) {
      const fault = faultOf(error)
      if (fault === null) throw error
      throw new DatabaseAway(fault)
    }
  }

  /** Closes what is open; the next use opens it again. */
  async close(): Promise<void> {
    const open = this.#opening
    this.#opening = null
    await this.#closing
    try {
      await (await open)?.close()
    } catch {
      // What could not be opened need not be closed, and what fails to close is not used again.
    }
  }

  /** @throws DatabaseAway whatever is wrong: what was to be done is then done later */
  async #open(): Promise<Database> {
    try {
      return await this.#openReady()
    } catch (err) {
      const fault = databaseFault(err)
      if (fault === null) this.#log.error({ err }, UNKNOWN)
      throw new DatabaseAway(fault ?? UNKNOWN)
    }
  }

  /** Opens the database and sees to its schema. */
  async #openReady(): Promise<Database> {
    const database = await openDatabase(this.#place, (err) =>
      this.#log.debug({ fault: databaseFault(err) }, 'an idle database connection broke'),
    )
    try {
      if (database.engine === 'sqlite') await migrate(database.write, 'up')
      else if (await isBehind(database.write)) throw new DatabaseAway(BEHIND)
      this.#pool = database.pool
      return database
    } catch (error) {
      await database.close()
      throw error
    }
  }

  #note(fault: string | null): void {
    if (fault === this.#fault) return
    this.#fault = fault
    if (fault === null) this.#log.info('the database can be used')
    else this.#log.warn({ detail: fault }, 'the database cannot be used')
  }
}
