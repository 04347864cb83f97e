import { shareOfHour } from '../corridors/demand.ts'
import { type Band, exactly } from '../impact/band.ts'
import { integrate } from '../impact/integral.ts'
import { physicalImpact } from '../impact/physical.ts'
import { sumRates } from '../impact/rates.ts'
import { impactSettings } from '../impact/settings.ts'
import type { DetectorRow } from './detector-day.ts'

/** A way to set the reference speed of a station, km/h. */
export interface ReferenceRule {
  readonly name: string
  speedKmh(row: DetectorRow): number
}

/** Vehicle-hours of delay of a day, as measured and as the model finds them from speeds alone. */
export interface Comparison {
  readonly measuredVehH: number
  readonly estimatedVehH: Band
  /** Of the central estimate, percent of the measured; NaN where no delay was measured. */
  readonly errorPercent: number
}

const DAY_MS = 24 * 3_600_000

/** The model's delay from the speeds, beside the delay from the measured flows. */
export function compareDelay(rows: readonly DetectorRow[], rule: ReferenceRule): Comparison {
  const stations = Map.groupBy(rows, ({ station }) => station)
  let measuredVehH = 0
  const estimated = { low: 0, central: 0, high: 0 }
  for (const series of stations.values()) {
    const ordered = series.toSorted((a, b) => a.atMs - b.atMs)
    measuredVehH += total(ordered, (row) => {
      const delayH = row.lengthKm / row.speedKmh - row.lengthKm / rule.speedKmh(row)
      return row.flowVehH * Math.max(0, delayH)
    })
    // Whoever runs the road knows how many vehicles a day use it; the hours follow the profile.
    const vehiclesPerDay = total(ordered, ({ flowVehH }) => flowVehH)
    for (const end of ['low', 'central', 'high'] as const)
      estimated[end] += total(ordered, (row) => estimate(row, rule, vehiclesPerDay)[end])
  }
  const errorPercent = 100 * (estimated.central / measuredVehH - 1)
  return { measuredVehH, estimatedVehH: estimated, errorPercent }
}

const total = (rows: readonly DetectorRow[], perHour: (row: DetectorRow) => number): number =>
  integrate(
    rows.map((row) => ({ atMs: row.atMs, perHour: perHour(row) })),
    0,
    DAY_MS,
  ).total

function estimate(row: DetectorRow, rule: ReferenceRule, vehiclesPerDay: number): Band {
  const state = {
    ...row,
    limitKmh: row.freeFlowKmh,
    profileVehH: exactly(vehiclesPerDay * shareOfHour(Math.floor(row.atMs / 3_600_000))),
    measuredFlowVehH: null,
  }
  const reference = { kind: 'custom', kmh: rule.speedKmh(row) } as const
  const prices = { valueOfTimePerVehH: 0, fuelPerLitre: 0 }
  const { rates } = physicalImpact(state, impactSettings({ reference, prices }))
  return sumRates([rates].filter((known) => known !== null)).delay
}
