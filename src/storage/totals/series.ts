import type { ModelId } from '../../impact/models.ts'
import type { Queries } from '../database/database.ts'

/** A model and the version of it that computed something. */
export interface ModelVersion {
  readonly model: ModelId
  readonly version: string
}

/** The ids of a corridor's series that a model's version computed, by section. */
export async function seriesOf(
  db: Queries,
  corridorId: string,
  { model, version }: ModelVersion,
): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('series')
    .select(['id', 'section'])
    .where('corridor', '=', corridorId)
    .where('model', '=', model)
    .where('model_version', '=', version)
    .execute()
  return new Map(rows.map(({ section, id }) => [section, id]))
}

/** The same, with a new series for every section that had none. */
export async function ensureSeries(
  db: Queries,
  corridorId: string,
  { model, version }: ModelVersion,
  sections: readonly { readonly section: string; readonly direction: string }[],
): Promise<ReadonlyMap<string, number>> {
  const known = await seriesOf(db, corridorId, { model, version })
  const missing = sections.filter(({ section }) => !known.has(section))
  if (missing.length === 0) return known
  const last = await db
    .selectFrom('series')
    .select((row) => row.fn.max('id').as('id'))
    .executeTakeFirst()
  const added = missing.map(({ section, direction }, index) => ({
    id: (last?.id ?? 0) + 1 + index,
    corridor: corridorId,
    direction,
    section,
    model,
    model_version: version,
  }))
  // Should another process add series at this moment, one of the two transactions fails and is
  // tried again.
  await db.insertInto('series').values(added).execute()
  return new Map([...known, ...added.map(({ section, id }) => [section, id] as const)])
}
