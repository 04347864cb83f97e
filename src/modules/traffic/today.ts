import { dayOf } from '../../corridors/buckets.ts'
import type { Corridor } from '../../corridors/corridor.ts'
import { corridorSamples, type Observed } from '../../corridors/observed.ts'
import { type Snapshot, sourceOf } from '../../corridors/snapshot.ts'
import { amountsOf } from '../../impact/amounts.ts'
import { HOLD_SECONDS, hoursBetween } from '../../impact/integral.ts'
import { MODELS, type ModelId } from '../../impact/models.ts'
import type { Reference } from '../../impact/reference.ts'
import { type TotalsView, totalsView } from '../../views/totals.ts'

/**
 * The totals of the day of a snapshot, from its local midnight until it was fetched, from all that
 * was observed on that day by providers of the same kind.
 */
export function todayView(
  corridor: Corridor,
  snapshot: Snapshot,
  recent: readonly Observed[],
  choice: { readonly model: ModelId; readonly reference: Reference },
): TotalsView {
  const toMs = snapshot.fetchedAtMs
  const { fromMs } = dayOf(toMs, corridor.timeZone)
  const source = sourceOf(snapshot.provider)
  const observed = recent.filter(
    ({ snapshot: { observedAtMs, provider } }) =>
      observedAtMs > fromMs - HOLD_SECONDS * 1000 && sourceOf(provider) === source,
  )
  const samples = corridorSamples(observed, MODELS[choice.model], choice.reference)
  const { amounts, measuredHours } = amountsOf(samples, fromMs, toMs)
  const hours = hoursBetween(fromMs, toMs)
  const coverage = hours > 0 ? Math.min(1, measuredHours / hours) : 0
  return totalsView({ fromMs, toMs }, coverage, amounts, corridor.currency)
}
