import { dayOf, type Span } from '../corridors/buckets.ts'
import { dayType } from '../corridors/calendar.ts'
import type { Corridor } from '../corridors/corridor.ts'
import { dayFactorsOf, HOURLY_SHARE_PERCENT, shareOfHour } from '../corridors/demand.ts'
import { localTime } from '../corridors/local-time.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Within it the weight does not change: all zones are off by whole quarters of an hour. */
const STEP_MS = HOUR_MS / 4

/**
 * The weight of the emptiest hour. Assumption: high enough that polls every 300 s on average are
 * at most 569 s apart at night, because an observation holds for 600 s.
 */
export const LEAST_WEIGHT = 0.4

const BUSIEST_SHARE = Math.max(...HOURLY_SHARE_PERCENT) / 100

/** Vehicles of an hour compared with the busiest of a working day, within the bounds. */
const weightOfHour = (hour: number, dayFactor: number): number =>
  Math.min(1, Math.max(LEAST_WEIGHT, (shareOfHour(hour) / BUSIEST_SHARE) * dayFactor))

/** Mean weight of the 24 hours of a working day. */
export const MEAN_WEIGHT =
  HOURLY_SHARE_PERCENT.reduce<number>((sum, _, hour) => sum + weightOfHour(hour, 1), 0) / 24

/** How much a poll tells at a moment, epoch ms, compared with the busiest hour; above 0 to 1. */
export type WeightAt = (atMs: number) => number

/**
 * How much a poll of one or more corridors tells. Delay is vehicles times time, so a poll tells
 * most when most vehicles drive; over several corridors the one that has most to tell counts.
 * Cheap for moments that follow each other.
 */
export function weightsOf(corridors: readonly Corridor[]): WeightAt {
  const weights = corridors.map(weightsOfOne)
  return (atMs) => Math.max(LEAST_WEIGHT, ...weights.map((weightAt) => weightAt(atMs)))
}

function weightsOfOne(corridor: Corridor): WeightAt {
  const { timeZone, calendar } = corridor
  let day: Span = { fromMs: 0, toMs: 0 }
  let dayFactor = 0
  return (atMs) => {
    if (atMs < day.fromMs || atMs >= day.toMs) {
      // Looking a day up in the calendar is slow.
      day = dayOf(atMs, timeZone)
      dayFactor = dayFactorsOf(corridor)[dayType(localTime(atMs, timeZone), calendar)]
    }
    // So is asking what the clocks show: that takes a day on which they change.
    const isPlain = day.toMs - day.fromMs === DAY_MS
    const hour = isPlain ? (atMs - day.fromMs) / HOUR_MS : localTime(atMs, timeZone).hour
    return weightOfHour(Math.floor(hour), dayFactor)
  }
}

/** The seconds of a span, each counted with its weight. */
export function weightedSeconds({ fromMs, toMs }: Span, weightAt: WeightAt): number {
  let sumMs = 0
  for (let at = fromMs; at < toMs; at = nextStep(at))
    sumMs += weightAt(at) * (Math.min(nextStep(at), toMs) - at)
  return sumMs / 1000
}

/** When so many weighted seconds have passed since a moment; epoch ms. */
export function afterWeighted(seconds: number, fromMs: number, weightAt: WeightAt): number {
  const weightOfStep = (ms: number): number => weightAt(ms) * (nextStep(ms) - ms)
  let [at, restMs] = [fromMs, seconds * 1000]
  while (restMs > weightOfStep(at)) {
    restMs -= weightOfStep(at)
    at = nextStep(at)
  }
  return at + Math.round(restMs / weightAt(at))
}

const nextStep = (atMs: number): number => atMs - (atMs % STEP_MS) + STEP_MS
