import { createHash } from 'node:crypto'
import { type Corridor, corridorSchema } from '../../corridors/corridor.ts'
import type { Queries } from '../database/database.ts'

const versions = new WeakMap<Corridor, string>()

/** Names one definition of a corridor: equal for equal definitions. */
export function versionOf(corridor: Corridor): string {
  const known = versions.get(corridor)
  if (known !== undefined) return known
  const made = createHash('sha256').update(JSON.stringify(corridor)).digest('hex').slice(0, 16)
  versions.set(corridor, made)
  return made
}

/** Definitions by version; a version never changes, so that it is read once. */
const definitions = new Map<string, Corridor>()

/** Keeps the definition that observations are about to be made with. */
export async function keepVersion(db: Queries, corridor: Corridor, atMs: number): Promise<string> {
  const version = versionOf(corridor)
  await db
    .insertInto('corridor_versions')
    .values({
      version,
      corridor: corridor.id,
      definition: JSON.stringify(corridor),
      first_used_ms: atMs,
    })
    .onConflict((conflict) => conflict.column('version').doNothing())
    .execute()
  return version
}

/**
 * Lets the other writers of a corridor's totals wait until this transaction ends: two that compute
 * the same totals at once would be in each other's way. On SQLite a transaction does so anyway. One
 * row is locked, of the first version: several could be locked in another order by another process.
 */
export async function lockCorridor(db: Queries, corridorId: string): Promise<void> {
  await db
    .updateTable('corridor_versions')
    .set({ corridor: corridorId })
    .where('version', '=', (row) =>
      row
        .selectFrom('corridor_versions')
        .select((version) => version.fn.min('version').as('version'))
        .where('corridor', '=', corridorId),
    )
    .execute()
}

/** Every definition that the corridor ever had, by version. */
export async function versionsOf(
  db: Queries,
  corridorId: string,
): Promise<ReadonlyMap<string, Corridor>> {
  const rows = await db
    .selectFrom('corridor_versions')
    .select(['version', 'definition'])
    .where('corridor', '=', corridorId)
    .execute()
  return new Map(
    rows.map(({ version, definition }) => [version, definitionOf(version, definition)]),
  )
}

function definitionOf(version: string, json: string): Corridor {
  const known = definitions.get(version) ?? corridorSchema.parse(JSON.parse(json))
  definitions.set(version, known)
  return known
}
