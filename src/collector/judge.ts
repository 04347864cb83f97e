import type { BinIndex } from '../corridors/bins.ts'
import { matchPieces } from '../corridors/matching.ts'
import { type RefusalReason, tally } from '../corridors/road-piece.ts'
import {
  measuresNothing,
  type ProviderName,
  type Snapshot,
  type Warning,
} from '../corridors/snapshot.ts'
import type { ProviderAnswer } from '../providers/provider.ts'

/** An answer that must not become the current snapshot, and why. */
export interface Rejection {
  readonly reason: RefusalReason
  readonly detail: string
}

/** A provider's clock may be ahead of ours by this, ms; beyond it its time is not believed. */
const CLOCK_TOLERANCE_MS = 120_000

/**
 * Makes a snapshot of a provider's answer, or says why it is none: it is older than the same
 * provider's one before, holds nothing, or measures no section while the one before did.
 */
export function judge(
  corridorId: string,
  index: BinIndex,
  answer: ProviderAnswer,
  context: {
    readonly provider: ProviderName
    readonly fetchedAtMs: number
    readonly previous: Snapshot | null
  },
): Snapshot | Rejection {
  const { provider, fetchedAtMs, previous } = context
  const { observedAtMs, warnings } = believedTime(answer.observedAtMs, fetchedAtMs)
  // Another provider's time says nothing of this one's: some tell when they observed, some do not.
  const before = previous?.provider === provider ? previous.observedAtMs : 0
  if (observedAtMs < Math.min(before, fetchedAtMs))
    return { reason: 'older', detail: 'the answer is older than the current snapshot' }
  if (answer.pieces.length === 0 && answer.refused.length === 0)
    return { reason: 'noCoverage', detail: 'the provider has no data for this corridor' }
  const match = matchPieces(index, answer.pieces)
  const refused = tally([...match.refused, ...answer.refused])
  const snapshot: Snapshot = {
    id: `${corridorId}-${fetchedAtMs}`,
    provider,
    observedAtMs,
    fetchedAtMs,
    sections: match.sections,
    refused,
    warnings,
  }
  if (measuresNothing(snapshot) && previous !== null && !measuresNothing(previous))
    return measuredNothing(snapshot)
  return snapshot
}

export const isSnapshot = (verdict: Snapshot | Rejection): verdict is Snapshot =>
  'sections' in verdict

/** Why an answer measures nothing: most of its pieces were refused for this. */
export function measuredNothing({ refused }: Pick<Snapshot, 'refused'>): Rejection {
  const reasons = refused.map(({ reason, pieces }) => `${reason} ${pieces}`)
  return {
    reason: refused[0]?.reason ?? 'noCoverage',
    detail: `the answer measures no section (${reasons.join(', ') || 'its pieces cover too little'})`,
  }
}

/** The provider's time, or the time of fetching where it tells none or its clock is ahead. */
function believedTime(
  statedMs: number | null,
  fetchedAtMs: number,
): { observedAtMs: number; warnings: Warning[] } {
  if (statedMs === null) return { observedAtMs: fetchedAtMs, warnings: [] }
  if (statedMs <= fetchedAtMs) return { observedAtMs: statedMs, warnings: [] }
  const detail = 'the provider states a time in the future; the time of fetching is used instead'
  const warnings =
    statedMs - fetchedAtMs > CLOCK_TOLERANCE_MS ? [{ reason: 'providerClockAhead', detail }] : []
  return { observedAtMs: fetchedAtMs, warnings }
}
