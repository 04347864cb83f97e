import type { Source } from '../../corridors/snapshot.ts'
import type { Queries } from '../database/database.ts'

/** When the last kept refresh of a corridor ended, epoch ms; null before the first. */
export async function lastRefreshEnd(
  db: Queries,
  corridorId: string,
  source: Source,
): Promise<number | null> {
  const last = await db
    .selectFrom('refreshes')
    .select((row) => row.fn.max<number | null>('ended_ms').as('ended_ms'))
    .where('corridor', '=', corridorId)
    .where('source', '=', source)
    .executeTakeFirst()
  return last?.ended_ms ?? null
}
