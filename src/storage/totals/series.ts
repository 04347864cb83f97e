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

/** The ids of the series of a corridor's sections, by section. */
export async function seriesOf(
  db: Queries,
  { corridorId, source, model, modelVersion }: SeriesKey,
): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('series')
    .select(['id', 'section'])
    .where('corridor', '=', corridorId)
    .where('source', '=', source)
    .where('model', '=', model)
    .where('model_version', '=', modelVersion)
    .execute()
  return new Map(rows.map(({ section, id }) => [section, id]))
}

/** The same, with a new series for every section that had none. */
export async function ensureSeries(
  db: Queries,
  key: SeriesKey,
  sections: readonly { readonly section: string; readonly direction: string }[],
): Promise<ReadonlyMap<string, number>> {
  const known = await seriesOf(db, key)
  const missing = sections.filter(({ section }) => !known.has(section))
  if (missing.length === 0) return known
  const last = await db
    .selectFrom('series')
    .select((row) => row.fn.max('id').as('id'))
    .executeTakeFirst()
  const added = missing.map(({ section, direction }, index) => ({
    id: (last?.id ?? 0) + 1 + index,
    corridor: key.corridorId,
    source: key.source,
    direction,
    section,
    model: key.model,
    model_version: key.modelVersion,
  }))
  // Another process may take the same id or add the same series at this moment: what is not there
  // after this is tried with the next id.
  await db
    .insertInto('series')
    .values(added)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return ensureSeries(db, key, sections)
}
