import type { Span } from '../../corridors/buckets.ts'
import type { Observed } from '../../corridors/observed.ts'
import { PROVIDER_NAMES, type Snapshot, type Source, sourceOf } from '../../corridors/snapshot.ts'
import type { Queries } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { versionsOf } from './corridor-version.ts'
import { providerSchema, sectionObservationSchema } from './tick.ts'

type Row = Tables['observations']

/** Keeps what a snapshot says of each section; an answer that is kept already is not kept again. */
export async function keepObservations(
  db: Queries,
  version: string,
  { provider, observedAtMs, fetchedAtMs, sections }: Snapshot,
): Promise<void> {
  const rows = sections.map(
    (section): Row => ({
      version,
      observed_ms: observedAtMs,
      section: section.id,
      provider,
      fetched_ms: fetchedAtMs,
      status: section.status,
      coverage: section.coverage,
      confidence: section.confidence,
      speed_kmh: section.speedKmh,
      free_flow_kmh: section.freeFlowKmh,
    }),
  )
  await db
    .insertInto('observations')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** What was observed of a corridor in a span, in order of the providers' own time. */
export async function loadObserved(
  db: Queries,
  corridorId: string,
  source: Source,
  { fromMs, toMs }: Span,
): Promise<Observed[]> {
  const versions = await versionsOf(db, corridorId)
  if (versions.size === 0) return []
  const rows = await db
    .selectFrom('observations')
    .selectAll()
    .where('version', 'in', [...versions.keys()])
    .where('observed_ms', '>=', fromMs)
    .where('observed_ms', '<', toMs)
    .where('provider', 'in', providersOf(source))
    .execute()
  const byVersion = Map.groupBy(rows, ({ version }) => version)
  const answers = [...versions].flatMap(([version, corridor]) =>
    answersIn(byVersion.get(version) ?? []).map((answer) => ({ corridor, ...answer })),
  )
  // Of two providers' answers for one moment, the one that was fetched last stands.
  const inOrder = answers.toSorted(
    (a, b) => a.snapshot.observedAtMs - b.snapshot.observedAtMs || a.fetchedAtMs - b.fetchedAtMs,
  )
  return inOrder.map(({ corridor, snapshot }) => ({ corridor, snapshot }))
}

/** The rows of one definition of a corridor as the answers that they came in. */
const answersIn = (
  rows: readonly Row[],
): (Pick<Observed, 'snapshot'> & { readonly fetchedAtMs: number })[] =>
  [...Map.groupBy(rows, (row) => `${row.observed_ms} ${row.provider}`).values()].flatMap(
    (sections) =>
      sections.slice(0, 1).map((first) => ({
        fetchedAtMs: first.fetched_ms,
        snapshot: {
          provider: providerSchema.parse(first.provider),
          observedAtMs: first.observed_ms,
          sections: sections.map(toObservation),
        },
      })),
  )

const providersOf = (source: Source): string[] =>
  PROVIDER_NAMES.filter((name) => sourceOf(name) === source)

/** A row as the observation it was. */
export const toObservation = (row: Row): Snapshot['sections'][number] =>
  sectionObservationSchema.parse({
    id: row.section,
    status: row.status,
    coverage: row.coverage,
    confidence: row.confidence,
    speedKmh: row.speed_kmh,
    freeFlowKmh: row.free_flow_kmh,
  })
