import type { Connection } from '../connection.ts'
import type { Database } from '../database/database.ts'
import { DatabaseAway } from '../database-away.ts'
import { callsIn, countCall } from './quota-calls.ts'
import {
  type CallCount,
  type QuotaWindow,
  ROUND_AHEAD_MS,
  type SharedStore,
  StoreAway,
  WRONG_CLOCK_MS,
} from './shared-store.ts'

/** Name of the one lease. */
const COLLECTOR = 'collector'

/**
 * Shares by the database. Its lease is measured by the clocks of the processes, which must be in
 * step. One that ran out and that nobody took still lets its owner publish.
 */
export class DatabaseStore implements SharedStore {
  readonly kind = 'database'
  readonly #connection: Connection

  /** @param connection not the store's own: whoever made it closes it */
  constructor(connection: Connection) {
    this.#connection = connection
  }

  async holdLease(owner: string, nowMs: number, ttlMs: number): Promise<boolean> {
    const lease = { owner, until_ms: nowMs + ttlMs }
    const held = await this.#use(({ write }) =>
      write
        .insertInto('collector_lease')
        .values({ name: COLLECTOR, ...lease })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet(lease)
            .where((last) =>
              last.or([
                last('collector_lease.owner', '=', owner),
                last('collector_lease.until_ms', '<=', nowMs),
                last('collector_lease.until_ms', '>', nowMs + WRONG_CLOCK_MS),
              ]),
            ),
        )
        .returning('owner')
        .executeTakeFirst(),
    )
    return held !== undefined
  }

  async releaseLease(owner: string): Promise<void> {
    await this.#use(({ write }) =>
      write
        .deleteFrom('collector_lease')
        .where('name', '=', COLLECTOR)
        .where('owner', '=', owner)
        .execute(),
    )
  }

  async claimRound(
    owner: string,
    provider: string,
    roundMs: number,
    leastIntervalMs: number,
  ): Promise<boolean> {
    const claimed = await this.#use((database) =>
      database.write
        .insertInto('provider_rounds')
        .columns(['provider', 'round_ms'])
        .expression((values) =>
          leaseOf(database, owner)
            .where('until_ms', '>', roundMs)
            .select([values.val(provider).as('provider'), values.val(roundMs).as('round_ms')]),
        )
        .onConflict((conflict) =>
          conflict
            .column('provider')
            .doUpdateSet({ round_ms: roundMs })
            .where((last) =>
              last.or([
                last('provider_rounds.round_ms', '=', roundMs),
                last('provider_rounds.round_ms', '<=', roundMs - leastIntervalMs),
                last('provider_rounds.round_ms', '>', roundMs + ROUND_AHEAD_MS),
              ]),
            ),
        )
        .returning('round_ms')
        .executeTakeFirst(),
    )
    return claimed !== undefined
  }

  async lastRound(provider: string): Promise<number | null> {
    const last = await this.#use(({ write }) =>
      write
        .selectFrom('provider_rounds')
        .select('round_ms')
        .where('provider', '=', provider)
        .executeTakeFirst(),
    )
    return last?.round_ms ?? null
  }

  countCall(provider: string, windows: readonly QuotaWindow[]): Promise<CallCount> {
    return this.#use(({ write }) => countCall(write, provider, windows))
  }

  callsIn(provider: string, windows: readonly QuotaWindow[]): Promise<readonly number[]> {
    return this.#use(({ write }) => callsIn(write, provider, windows))
  }

  async publish(owner: string, name: string, value: string): Promise<void> {
    await this.#use((database) =>
      database.write
        .insertInto('shared_values')
        .columns(['name', 'value'])
        .expression((values) =>
          leaseOf(database, owner).select([
            values.val(name).as('name'),
            values.val(value).as('value'),
          ]),
        )
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute(),
    )
  }

  async read(name: string): Promise<string | null> {
    const kept = await this.#use(({ write }) =>
      write.selectFrom('shared_values').select('value').where('name', '=', name).executeTakeFirst(),
    )
    return kept?.value ?? null
  }

  async close(): Promise<void> {}

  async #use<T>(work: (database: Database) => Promise<T>): Promise<T> {
    try {
      return await this.#connection.use(work)
    } catch (error) {
      throw error instanceof DatabaseAway ? new StoreAway(error.message) : error
    }
  }
}

/**
 * The lease, where it is the owner's. On Postgres nobody takes it while the statement runs; on
 * SQLite one write follows the other anyway.
 */
const leaseOf = ({ engine, write }: Database, owner: string) =>
  write
    .selectFrom('collector_lease')
    .where('name', '=', COLLECTOR)
    .where('owner', '=', owner)
    .$if(engine === 'postgres', (lease) => lease.forShare())
