import type { Span } from '../../corridors/buckets.ts'
import { type SectionSamples, sectionSamples } from '../../corridors/observed.ts'
import type { Source } from '../../corridors/snapshot.ts'
import { slotStart } from '../../impact/amounts.ts'
import { HOLD_SECONDS } from '../../impact/integral.ts'
import { MODELS, type ModelId } from '../../impact/models.ts'
import type { Queries } from '../database/database.ts'
import { loadObserved } from '../ticks/observations.ts'
import { rollUp } from './roll-up.ts'
import { ensureSeries } from './series.ts'
import { SLOT_MS, writeSlots } from './slots.ts'

/** Which totals to compute. */
export interface TotalsTask extends Span {
  readonly corridorId: string
  readonly source: Source
  readonly timeZone: string
  readonly model: ModelId
}

/**
 * Computes the totals of a span anew from the kept observations: its slots from the observations,
 * and every longer bucket that they lie in from the slots. What comes out depends on the
 * observations alone, not on when or how often it is done.
 * @returns the samples of each section that it found
 */
export async function computeTotals(db: Queries, task: TotalsTask): Promise<SectionSamples[]> {
  const { corridorId, source, timeZone, model, toMs } = task
  const span = { fromMs: slotStart(task.fromMs, SLOT_MS), toMs }
  const observed = await loadObserved(db, corridorId, source, {
    fromMs: span.fromMs - HOLD_SECONDS * 1000,
    toMs,
  })
  const sections = sectionSamples(observed, MODELS[model])
  const key = { corridorId, source, model, modelVersion: MODELS[model].version }
  const series = await ensureSeries(db, key, sections)
  const touched = await writeSlots(db, series, sections, span)
  await rollUp(db, [...series.values()], touched, '5m', timeZone)
  return sections
}
