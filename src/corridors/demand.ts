import { type Band, scale } from '../impact/band.ts'
import { DAY_FACTORS, type DayType, dayType } from './calendar.ts'
import type { Corridor } from './corridor.ts'
import { localTime } from './local-time.ts'

/**
 * Share of a working day's traffic in each hour from 00 h, percent. Mean of weekdays on measured
 * freeways (I-5, Orange County, California).
 */
export const HOURLY_SHARE_PERCENT = [
  1.21, 0.76, 0.67, 0.9, 1.8, 3.37, 4.93, 5.85, 5.75, 5.67, 5.59, 5.57, 5.63, 5.73, 5.83, 5.86,
  5.69, 5.59, 5.36, 4.89, 4.4, 3.91, 3.0, 2.04,
] as const

/** The part of a day's vehicles that drive in the hour that begins at 0 to 23 h. */
export const shareOfHour = (hour: number): number => (HOURLY_SHARE_PERCENT[hour] ?? 0) / 100

/** A corridor's own day factors, or the assumed ones. */
export const dayFactorsOf = ({ demand }: Corridor): Readonly<Record<DayType, number>> =>
  demand.dayFactors ?? DAY_FACTORS

/** Vehicles per hour in one direction at a moment: the corridor's demand profile with its band. */
export function profileVehH(corridor: Corridor, atMs: number): Band {
  const local = localTime(atMs, corridor.timeZone)
  const { vehiclesPerDay, uncertainty } = corridor.demand
  const factor = dayFactorsOf(corridor)[dayType(local, corridor.calendar)]
  return scale(
    { low: 1 - uncertainty, central: 1, high: 1 + uncertainty },
    vehiclesPerDay.amount * factor * shareOfHour(local.hour),
  )
}
