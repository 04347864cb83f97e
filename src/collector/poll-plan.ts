import type { Corridor } from '../corridors/corridor.ts'
import type { QuotaUse } from '../providers/upstream/budget.ts'
import type { NextPoll } from '../storage/current-state.ts'
import {
  afterWeighted,
  MEAN_WEIGHT,
  type WeightAt,
  weightedSeconds,
  weightsOf,
} from './poll-weight.ts'

/**
 * The share of the polls left that is kept for retries, which cost calls too: one poll at least,
 * and none of a limit of less than twenty. Assumption: one call in twenty is a retry; more of them
 * only slow the plan.
 */
const RESERVE_SHARE = 0.05

const HOUR_MS = 3_600_000

/** How much more a poll tells while traffic changes. Assumption. */
const CHANGING_URGENCY = 1.5

export interface PollSituation {
  /** From when the wait counts, epoch ms; the budgets have the calls of the poll before it. */
  readonly nowMs: number
  /** Those that a poll asks for; never empty. */
  readonly corridors: readonly Corridor[]
  readonly pollSeconds: number
  readonly leastIntervalSeconds: number
  /** At least 1; may be a mean that has the usual retries in it. */
  readonly callsPerPoll: number
  /** The windows around now, of one provider. */
  readonly windows: readonly QuotaUse[]
  /** Whether traffic changes now, see `isTrafficChanging`. */
  readonly isChanging: boolean
}

export interface PollPlan {
  /** Time to wait until the next poll, whole seconds; up to a month where a month is spent. */
  readonly intervalSeconds: number
  /** What made the wait as long as it is. */
  readonly limitedBy: NextPoll['limitedBy']
}

/**
 * How long to wait until the next poll, so that no window is spent before it ends. Without a limit
 * of a day or a month there is nothing to save for a better hour: polls come every `pollSeconds`,
 * or as often as the hour can pay. With one they come most often when they tell most, and
 * `pollSeconds` is their mean interval on a working day. To be made anew after every poll: what was
 * spent on retries or changing traffic is then saved by the polls that follow.
 */
export function planPoll(situation: PollSituation): PollPlan {
  const { nowMs, leastIntervalSeconds } = situation
  const { seconds, limitedBy, weightAt } = shareOfPoll(situation)
  const intervalSeconds = Math.ceil((afterWeighted(seconds, nowMs, weightAt) - nowMs) / 1000)
  return intervalSeconds < leastIntervalSeconds
    ? { intervalSeconds: Math.ceil(leastIntervalSeconds), limitedBy: 'leastInterval' }
    : { intervalSeconds, limitedBy }
}

/** How often polls come around a moment, epoch ms, by the plan as it is now. */
export interface Pace {
  readonly atMs: number
  readonly intervalSeconds: number
}

/** The pace of the next 24 hours, hour by hour, as far as it can be told beforehand. */
export function paceAhead(situation: PollSituation): readonly Pace[] {
  const { nowMs, leastIntervalSeconds, windows } = situation
  // Beyond the end of a window the next one counts, of which nothing is used yet.
  const ends = windows.map(({ window }) => window.toMs)
  const shares = new Map<number, Share>()
  return Array.from({ length: 24 }, (_, hour) => {
    const atMs = nowMs + hour * HOUR_MS
    const ended = ends.filter((toMs) => toMs <= atMs).length
    const share =
      shares.get(ended) ?? shareOfPoll({ ...situation, windows: windows.map(nextAfter(atMs)) })
    shares.set(ended, share)
    const wait = Math.max(leastIntervalSeconds, share.seconds / share.weightAt(atMs))
    return { atMs, intervalSeconds: Math.ceil(wait) }
  })
}

/** A window that has not ended at a moment as it is; else the next, of the same length. */
const nextAfter =
  (atMs: number) =>
  ({ window, used }: QuotaUse): QuotaUse => {
    const { fromMs, toMs } = window
    if (atMs < toMs) return { window, used }
    return { window: { ...window, fromMs: toMs, toMs: toMs + toMs - fromMs }, used: 0 }
  }

interface Share {
  /** Weighted. */
  readonly seconds: number
  readonly limitedBy: NextPoll['limitedBy']
  readonly weightAt: WeightAt
}

/** The weighted seconds that every poll gets, and what made them so many. */
function shareOfPoll(situation: PollSituation): Share {
  const { corridors, pollSeconds, windows } = situation
  const isScarce = windows.some(({ window }) => window.limit !== null && window.period !== 'hour')
  const weightAt = isScarce ? weightsOf(corridors) : () => 1
  const meanWeight = isScarce ? MEAN_WEIGHT : 1
  const urgency = isScarce && situation.isChanging ? CHANGING_URGENCY : 1
  const shares: { seconds: number; limitedBy: PollPlan['limitedBy'] }[] = [
    { seconds: (pollSeconds * meanWeight) / urgency, limitedBy: 'pollSeconds' },
    ...windows.map((budget) => ({
      seconds: affordableShare(budget, situation, urgency, weightAt),
      limitedBy: budget.window.period,
    })),
  ]
  const longest = shares.reduce((most, share) => (share.seconds > most.seconds ? share : most))
  return { ...longest, weightAt }
}

/** The weighted seconds that a window has for each poll; all until it ends where none is left. */
function affordableShare(
  { window: { limit, fromMs, toMs }, used }: QuotaUse,
  { nowMs, callsPerPoll }: PollSituation,
  urgency: number,
  weightAt: WeightAt,
): number {
  if (limit === null) return 0
  const left = Math.max(0, Math.floor((limit - used) / callsPerPoll))
  const isTiny = limit * RESERVE_SHARE < callsPerPoll
  const planned = left - (isTiny ? 0 : Math.ceil(left * RESERVE_SHARE))
  // The planned polls share out the rest with the next window's first, which that one pays.
  // A window that is still to come has all of its own time.
  return (
    weightedSeconds({ fromMs: Math.max(nowMs, fromMs), toMs }, weightAt) / (planned * urgency + 1)
  )
}
