import { INTERVAL_SECONDS, type Interval } from '../../corridors/buckets.ts'
import type { Source } from '../../corridors/snapshot.ts'
import type { ModelId } from '../../impact/models.ts'
import type { Queries } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { lockCorridor } from '../ticks/corridor-version.ts'
import { type AmountColumns, SUMMED_COLUMNS } from './amount-columns.ts'
import { chunksOf } from './chunks.ts'
import { rollUp } from './roll-up.ts'
import { ensureSeries } from './series.ts'

/** A bucket of a section as another installation computed it. */
export interface ImportedTotals {
  readonly corridorId: string
  readonly timeZone: string
  readonly direction: string
  readonly section: string
  readonly source: Source
  readonly model: ModelId
  readonly modelVersion: string
  readonly interval: Interval
  readonly startMs: number
  readonly measuredKmH: number
  readonly amounts: AmountColumns
}

/**
 * Keeps totals of another installation beside those that are computed here, and sums them into the
 * longer buckets, in one transaction. Of two imports of one bucket the one stands that measured
 * more; the same totals again change nothing.
 * @returns how many buckets are new or better than what was imported before
 * @throws the database's error; then nothing is imported
 */
export async function importTotals(
  db: Queries,
  totals: readonly ImportedTotals[],
): Promise<number> {
  const groups = new Map<string, Group>()
  for (const one of totals) {
    const { corridorId, source, model, modelVersion, interval } = one
    const key = `${corridorId} ${source} ${model} ${modelVersion} ${interval}`
    const group = groups.get(key) ?? { of: one, totals: [] }
    group.totals.push(one)
    groups.set(key, group)
  }
  // Corridors in one order, so that of two imports at once one waits for the other, not both.
  const inOrder = [...groups].toSorted(([a], [b]) => a.localeCompare(b)).map(([, group]) => group)
  return db.transaction().execute(async (transaction) => {
    let changed = 0
    for (const group of inOrder) changed += await importGroup(transaction, group)
    return changed
  })
}

/** Totals of one corridor, source, model version and interval, as the first of them has it. */
interface Group {
  readonly of: ImportedTotals
  readonly totals: ImportedTotals[]
}

async function importGroup(db: Queries, { of, totals }: Group): Promise<number> {
  await lockCorridor(db, of.corridorId)
  const series = await ensureSeries(db, of, sectionsIn(totals))
  const bySection = Map.groupBy(bestOf(totals), ({ section }) => section)
  const rows = [...series].flatMap(([section, id]) =>
    (bySection.get(section) ?? []).map((one) => toRow(id, one)),
  )
  const changed: { readonly start_ms: number }[] = []
  for (const chunk of chunksOf(rows)) changed.push(...(await keepBetter(db, chunk)))
  const moments = new Set(changed.map(({ start_ms }) => start_ms))
  await rollUp(db, [...series.values()], moments, of.interval, of.timeZone)
  return changed.length
}

const toRow = (
  series: number,
  { interval, startMs, measuredKmH, amounts }: ImportedTotals,
): Tables['totals'] => ({
  series,
  bucket_seconds: INTERVAL_SECONDS[interval],
  start_ms: startMs,
  origin: 'imported',
  measured_km_h: measuredKmH,
  ...amounts,
})

const sectionsIn = (totals: readonly ImportedTotals[]) => [
  ...new Map(
    totals.map(({ section, direction }) => [section, { section, direction }] as const),
  ).values(),
]

/** One of each bucket: a statement must not touch a row twice. */
function bestOf(totals: readonly ImportedTotals[]): ImportedTotals[] {
  const best = new Map<string, ImportedTotals>()
  for (const one of totals) {
    const key = `${one.section} ${one.startMs}`
    if (one.measuredKmH > (best.get(key)?.measuredKmH ?? -1)) best.set(key, one)
  }
  return [...best.values()]
}

/** Adds rows, or puts them in the place of those that measured less; the starts of what changed. */
const keepBetter = (
  db: Queries,
  rows: readonly Tables['totals'][],
): Promise<{ start_ms: number }[]> =>
  db
    .insertInto('totals')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['series', 'bucket_seconds', 'start_ms', 'origin'])
        .doUpdateSet((row) =>
          Object.fromEntries(SUMMED_COLUMNS.map((name) => [name, row.ref(`excluded.${name}`)])),
        )
        .whereRef('excluded.measured_km_h', '>', 'totals.measured_km_h'),
    )
    .returning('start_ms')
    .execute()
