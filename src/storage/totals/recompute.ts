import { bucketsOf, dayOf, type Span } from '../../corridors/buckets.ts'
import { slotStart } from '../../impact/amounts.ts'
import { MODELS } from '../../impact/models.ts'
import type { Connection } from '../connection.ts'
import type { Queries } from '../database/database.ts'
import { lockCorridor } from '../ticks/corridor-version.ts'
import { lastRefreshEnd } from '../ticks/refreshes.ts'
import { computeTotals, type TotalsTask } from './compute-totals.ts'
import { SLOT_MS } from './slots.ts'

const DAY_MS = 86_400_000

/** The first moment whose whole calendar day is still kept as observations, epoch ms. */
export const keptFromMs = (nowMs: number, retentionDays: number, timeZone: string): number =>
  dayOf(nowMs - retentionDays * DAY_MS, timeZone).toMs

/**
 * Computes the totals of a span anew by a model, day by day, from the kept observations. They stand
 * beside those of another model or version. Stopped at any moment and begun again, it goes on with
 * the day that was not finished.
 * @param wanted the span as it was asked for, by which a run that was stopped is found again
 * @param kept the part of it that there is something to compute of
 * @throws DatabaseAway when the database cannot be used
 */
export async function recompute(
  connection: Connection,
  wanted: TotalsTask,
  kept: Span,
  tell: {
    /** An earlier run did this much. */
    resumed(done: Span): void
    /** This was done now. */
    done(span: Span): void
  },
): Promise<void> {
  const doneMs = await connection.use(({ write }) => doneUntil(write, wanted))
  const fromMs = Math.max(kept.fromMs, doneMs)
  if (fromMs > kept.fromMs) tell.resumed({ fromMs: kept.fromMs, toMs: fromMs })
  for (const day of bucketsOf({ fromMs, toMs: kept.toMs }, '1d', wanted.timeZone)) {
    const span = { fromMs: Math.max(day.fromMs, fromMs), toMs: Math.min(day.toMs, kept.toMs) }
    await connection.use(({ write }) =>
      write.transaction().execute(async (transaction) => {
        await lockCorridor(transaction, wanted.corridorId)
        const toMs = await slotEnd(transaction, wanted, span.toMs)
        await computeTotals(transaction, { ...wanted, ...span, toMs })
        await noteDone(transaction, wanted, span.toMs)
      }),
    )
    tell.done(span)
  }
  await connection.use(({ write }) => finish(write, wanted))
}

/**
 * The end of the slot that a moment lies in, or else the end of what is known by now. A slot is
 * computed whole: what was observed of it after the moment, while this was at work, would be lost.
 */
async function slotEnd(
  db: Queries,
  { corridorId, source }: TotalsTask,
  atMs: number,
): Promise<number> {
  const knownMs = (await lastRefreshEnd(db, corridorId, source)) ?? atMs
  return Math.max(atMs, Math.min(slotStart(atMs + SLOT_MS - 1, SLOT_MS), knownMs))
}

const keyOf = ({ corridorId, source, model, fromMs, toMs }: TotalsTask) => ({
  corridor: corridorId,
  source,
  model,
  model_version: MODELS[model].version,
  from_ms: fromMs,
  to_ms: toMs,
})

/** Where an unfinished recomputation of the same span stopped, or the start of the span. */
async function doneUntil(db: Queries, task: TotalsTask): Promise<number> {
  const row = await db
    .selectFrom('recomputations')
    .select('done_until_ms')
    .where((expression) => expression.and(keyOf(task)))
    .executeTakeFirst()
  return row?.done_until_ms ?? task.fromMs
}

async function noteDone(db: Queries, task: TotalsTask, untilMs: number): Promise<void> {
  await db
    .insertInto('recomputations')
    .values({ ...keyOf(task), done_until_ms: untilMs })
    .onConflict((conflict) =>
      conflict
        .columns(['corridor', 'source', 'model', 'model_version', 'from_ms', 'to_ms'])
        .doUpdateSet({ done_until_ms: untilMs }),
    )
    .execute()
}

async function finish(db: Queries, task: TotalsTask): Promise<void> {
  await db
    .deleteFrom('recomputations')
    .where((expression) => expression.and(keyOf(task)))
    .execute()
}
