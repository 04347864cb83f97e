import type { Insertable, Selectable } from 'kysely'
import type { Queries } from '../storage/database/database.ts'
import type { Tables } from '../storage/database/tables.ts'
import type { KeyLimits } from './api-key.ts'
import type { Scope } from './scopes.ts'

/** So many keys are kept at most: every process holds them all. */
export const MOST_KEYS = 1000

/** A key as it is kept. Times are epoch milliseconds. */
export interface KeptKey {
  /** 16 hexadecimal digits. */
  readonly id: string
  readonly name: string
  readonly scope: Scope
  /** `hashOfKey` of the key. */
  readonly hash: string
  readonly createdMs: number
  /** Null: it never does. */
  readonly expiresMs: number | null
  /** To the minute; null before the first use. */
  readonly lastUsedMs: number | null
  readonly limits: KeyLimits
}

/** Every key, the oldest first. */
export async function readKeys(db: Queries): Promise<KeptKey[]> {
  const rows = await db
    .selectFrom('api_keys')
    .selectAll()
    .orderBy('created_ms')
    .orderBy('id')
    .execute()
  return rows.map(fromRow)
}

/**
 * Keeps a new key.
 * @returns false where there are `MOST_KEYS` already; then it is not kept
 */
export const insertKey = (db: Queries, key: KeptKey): Promise<boolean> =>
  db.transaction().execute(async (transaction) => {
    const { kept } = await transaction
      .selectFrom('api_keys')
      .select((row) => row.fn.countAll<number>().as('kept'))
      .executeTakeFirstOrThrow()
    if (kept >= MOST_KEYS) return false
    await transaction.insertInto('api_keys').values(toRow(key)).execute()
    return true
  })

/** Lets go of a key; false where there is none with this id. */
export async function deleteKey(db: Queries, id: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('api_keys').where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0
}

/** When a key was last used, epoch ms. */
export interface KeyUse {
  readonly id: string
  readonly atMs: number
}

/** Notes when keys were last used, unless a later use was noted. */
export const noteUses = (db: Queries, uses: readonly KeyUse[]): Promise<void> =>
  db.transaction().execute(async (transaction) => {
    // All processes in the same order, so that no two wait for each other.
    for (const { id, atMs } of uses.toSorted((a, b) => (a.id < b.id ? -1 : 1)))
      await transaction
        .updateTable('api_keys')
        .set({ last_used_ms: atMs })
        .where('id', '=', id)
        .where((row) => row.or([row('last_used_ms', 'is', null), row('last_used_ms', '<', atMs)]))
        .execute()
  })

const toRow = (key: KeptKey): Insertable<Tables['api_keys']> => ({
  id: key.id,
  name: key.name,
  scope: key.scope,
  hash: key.hash,
  created_ms: key.createdMs,
  expires_ms: key.expiresMs,
  last_used_ms: key.lastUsedMs,
  per_minute: key.limits.perMinute,
  per_hour: key.limits.perHour,
})

const fromRow = (row: Selectable<Tables['api_keys']>): KeptKey => ({
  id: row.id,
  name: row.name,
  scope: row.scope,
  hash: row.hash,
  createdMs: row.created_ms,
  expiresMs: row.expires_ms,
  lastUsedMs: row.last_used_ms,
  limits: { perMinute: row.per_minute, perHour: row.per_hour },
})
