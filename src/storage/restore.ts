import { bucketOf, dayOf } from '../corridors/buckets.ts'
import { type Corridor, sectionsOf } from '../corridors/corridor.ts'
import { unobserved } from '../corridors/section-observation.ts'
import { type ProviderName, type Snapshot, type Source, sourceOf } from '../corridors/snapshot.ts'
import { HOLD_SECONDS } from '../impact/integral.ts'
import { DEFAULT_MODEL } from '../impact/models.ts'
import type { Attempt, CorridorState } from './current-state.ts'
import type { Queries } from './database/database.ts'
import { lockCorridor, versionOf, versionsOf } from './ticks/corridor-version.ts'
import { loadObserved, toObservation } from './ticks/observations.ts'
import { lastRefreshEnd } from './ticks/refreshes.ts'
import { outcomeSchema, refusedSchema, warningsSchema } from './ticks/tick.ts'
import { computeTotals } from './totals/compute-totals.ts'

const DAY_MS = 86_400_000

/** The configured providers, all of one source. */
type Providers = readonly [ProviderName, ...ProviderName[]]

/**
 * What an earlier process left of a corridor: its last snapshot, its last attempt, and what was
 * observed today. Only answers of the providers that are configured now come back, and only a
 * snapshot of the road as it is defined now.
 */
export async function restore(
  db: Queries,
  corridor: Corridor,
  providers: Providers,
  nowMs: number,
): Promise<CorridorState> {
  const { id: corridorId, timeZone } = corridor
  const source = sourceOf(providers[0])
  const snapshot = await lastSnapshot(db, corridor, providers)
  // A snapshot of shortly before midnight shows the totals of its own day.
  const shownMs = Math.max(snapshot?.fetchedAtMs ?? nowMs, nowMs - DAY_MS)
  const fromMs = dayOf(shownMs, timeZone).fromMs - HOLD_SECONDS * 1000
  const observed = await loadObserved(db, corridorId, source, { fromMs, toMs: nowMs + 1 })
  // Answers by the present definition are known as such by the definition itself.
  const present = versionOf(corridor)
  return {
    snapshot,
    attempt: await lastAttempt(db, corridorId, providers),
    recent: observed.map((one) =>
      versionOf(one.corridor) === present ? { ...one, corridor } : one,
    ),
  }
}

/**
 * Computes today's totals anew: should the model have another version since the last process, the
 * whole day counts by the new one. What is no longer kept as observations stays as it is.
 */
export async function recomputeToday(
  db: Queries,
  { id: corridorId, timeZone }: Corridor,
  source: Source,
  nowMs: number,
  retentionDays: number,
): Promise<void> {
  const keptMs = bucketOf(nowMs - retentionDays * DAY_MS, '1h', timeZone).toMs
  const fromMs = Math.max(dayOf(nowMs, timeZone).fromMs, keptMs)
  await db.transaction().execute(async (transaction) => {
    await lockCorridor(transaction, corridorId)
    const toMs = (await lastRefreshEnd(transaction, corridorId, source)) ?? 0
    const task = { corridorId, source, timeZone, model: DEFAULT_MODEL, fromMs, toMs }
    if (toMs > fromMs) await computeTotals(transaction, task)
  })
}

async function lastSnapshot(
  db: Queries,
  corridor: Corridor,
  providers: Providers,
): Promise<Snapshot | null> {
  const road = roadOf(corridor)
  const versions = await versionsOf(db, corridor.id)
  const sameRoad = [...versions].filter(([, definition]) => roadOf(definition) === road)
  if (sameRoad.length === 0) return null
  const last = await db
    .selectFrom('snapshots')
    .selectAll()
    .where('corridor', '=', corridor.id)
    .where('source', '=', sourceOf(providers[0]))
    .where('provider', 'in', providers)
    .where(
      'version',
      'in',
      sameRoad.map(([version]) => version),
    )
    .orderBy('fetched_ms', 'desc')
    .limit(1)
    .executeTakeFirst()
  const provider = providers.find((name) => name === last?.provider)
  if (last === undefined || provider === undefined) return null
  const rows = await db
    .selectFrom('observations')
    .selectAll()
    .where('version', '=', last.version)
    .where('observed_ms', '=', last.observed_ms)
    .where('provider', '=', provider)
    .execute()
  const observed = new Map(rows.map((row) => [row.section, toObservation(row)]))
  return {
    id: last.id,
    provider,
    observedAtMs: last.observed_ms,
    fetchedAtMs: last.fetched_ms,
    sections: sectionsOf(corridor).map(({ id }) => observed.get(id) ?? unobserved(id)),
    refused: refusedSchema.parse(JSON.parse(last.refused)),
    warnings: warningsSchema.parse(JSON.parse(last.warnings)),
  }
}

/** What observations depend on: the sections and where they lie. A price or a name may change. */
const roadOf = (corridor: Corridor): string =>
  JSON.stringify(sectionsOf(corridor).map(({ id, lengthM, points }) => [id, lengthM, points]))

/**
 * Of the attempts of the last refresh the one that was of use, or else the first. What a stop of
 * the service broke off says nothing of the provider.
 */
async function lastAttempt(
  db: Queries,
  corridorId: string,
  providers: Providers,
): Promise<Attempt | null> {
  const attempts = await db
    .selectFrom('refreshes')
    .selectAll()
    .where('corridor', '=', corridorId)
    .where('source', '=', sourceOf(providers[0]))
    .where('provider', 'in', providers)
    .where('outcome', '!=', 'stopped')
    .orderBy('ended_ms', 'desc')
    .orderBy('at_ms')
    .limit(providers.length)
    .execute()
  const [newest] = attempts
  const sameRefresh = attempts.filter(({ ended_ms }) => ended_ms === newest?.ended_ms)
  const last = sameRefresh.find(({ outcome }) => outcome === 'ok') ?? newest
  const provider = providers.find((name) => name === last?.provider)
  const outcome = outcomeSchema.safeParse(last?.outcome).data
  if (last === undefined || provider === undefined || outcome === undefined) return null
  const { at_ms, ended_ms, detail } = last
  return { atMs: at_ms, provider, outcome, durationMs: ended_ms - at_ms, detail }
}
