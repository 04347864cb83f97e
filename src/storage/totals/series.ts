import type { Source } from '../../corridors/snapshot.ts'
import type { ModelId } from '../../impact/models.ts'
import type { Queries } from '../database/database.ts'

/** Which totals: of which corridor, on what they stand, and what computed them. */
export interface SeriesKey {
  readonly corridorId: string
  readonly source: Source
  readonly model: ModelId
  readonly modelVersion: string
}

/** The section that a series is of, and the direction that it lies in. */
interface Member {
  readonly section: string
  readonly direction: string
}

/** The ids of the series of a corridor's sections, by section; each section has one after this. */
export async function ensureSeries(
  db: Queries,
  key: SeriesKey,
  sections: readonly Member[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await rowsOf(db, key)
  const known = new Map(rows.map((row) => [row.section, row]))
  for (const { section, direction } of sections) {
    const row = known.get(section)
    if (row !== undefined && row.direction !== direction) await rename(db, row.id, direction)
  }
  const missing = sections.filter(({ section }) => !known.has(section))
  if (missing.length === 0) return new Map(rows.map(({ section, id }) => [section, id]))
  await add(db, key, missing)
  // Another process may have taken an id or added a series at this moment: what is not there yet
  // is tried with the next id.
  return ensureSeries(db, key, sections)
}

const rowsOf = (db: Queries, { corridorId, source, model, modelVersion }: SeriesKey) =>
  db
    .selectFrom('series')
    .select(['id', 'section', 'direction'])
    .where('corridor', '=', corridorId)
    .where('source', '=', source)
    .where('model', '=', model)
    .where('model_version', '=', modelVersion)
    .execute()

/** A direction that is called otherwise now keeps its past. */
const rename = (db: Queries, id: number, direction: string) =>
  db.updateTable('series').set({ direction }).where('id', '=', id).execute()

async function add(db: Queries, key: SeriesKey, sections: readonly Member[]): Promise<void> {
  const last = await db
    .selectFrom('series')
    .select((row) => row.fn.max<number | null>('id').as('id'))
    .executeTakeFirst()
  const rows = sections.map(({ section, direction }, index) => ({
    id: (last?.id ?? 0) + 1 + index,
    corridor: key.corridorId,
    source: key.source,
    direction,
    section,
    model: key.model,
    model_version: key.modelVersion,
  }))
  await db
    .insertInto('series')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}
