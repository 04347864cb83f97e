import type { Span } from '../corridors/buckets.ts'
import type { Amounts } from '../impact/amounts.ts'
import { type AMOUNT_COLUMNS, toColumns } from '../storage/totals/amount-columns.ts'
import { isoTime } from './json.ts'

/** The amounts' names in a CSV file, with their units; costs are in the line's currency. */
export const CSV_AMOUNTS = {
  delay_veh_h_low: 'delay_low',
  delay_veh_h_central: 'delay_central',
  delay_veh_h_high: 'delay_high',
  excess_fuel_l_low: 'fuel_low',
  excess_fuel_l_central: 'fuel_central',
  excess_fuel_l_high: 'fuel_high',
  excess_fuel_l_positive_part: 'fuel_positive',
  excess_co2_kg_low: 'co2_low',
  excess_co2_kg_central: 'co2_central',
  excess_co2_kg_high: 'co2_high',
  excess_co2_kg_positive_part: 'co2_positive',
  time_cost_low: 'time_cost_low',
  time_cost_central: 'time_cost_central',
  time_cost_high: 'time_cost_high',
  fuel_cost_low: 'fuel_cost_low',
  fuel_cost_central: 'fuel_cost_central',
  fuel_cost_high: 'fuel_cost_high',
} as const satisfies Readonly<Record<string, (typeof AMOUNT_COLUMNS)[number]>>

/** What comes before the amounts in each line. */
export const CSV_KEYS = [
  'from',
  'to',
  'interval',
  'corridor',
  'direction',
  'section',
  'source',
  'model',
  'model_version',
  'currency',
  'coverage',
] as const

/** The first line of a file. */
export const CSV_HEADER = [...CSV_KEYS, ...Object.keys(CSV_AMOUNTS)].join(',')

/** One bucket of one section, or of a sum of them. */
export interface CsvTotals {
  readonly bucket: Span
  readonly interval: string
  readonly corridor: string
  /** Empty for a sum over directions, or over sections. */
  readonly direction: string
  readonly section: string
  readonly source: string
  readonly model: string
  readonly modelVersion: string
  readonly currency: string
  readonly coverage: number
  /** Null where nothing was measured: the fields stay empty. */
  readonly amounts: Amounts | null
}

/** Digits of the coverage: more would tell of the sums, not of the road. */
const COVERAGE_DIGITS = 9

/**
 * A line of the file. Amounts have all their digits, so that they are the same after an import. No
 * field holds a comma or a quote: ids are of letters, digits and hyphens.
 */
export function csvLine(totals: CsvTotals): string {
  const { bucket, coverage, amounts } = totals
  const columns = amounts && toColumns(amounts)
  return [
    isoTime(bucket.fromMs),
    isoTime(bucket.toMs),
    totals.interval,
    totals.corridor,
    totals.direction,
    totals.section,
    totals.source,
    totals.model,
    totals.modelVersion,
    totals.currency,
    Number(coverage.toFixed(COVERAGE_DIGITS)),
    ...Object.values(CSV_AMOUNTS).map((column) => columns?.[column] ?? ''),
  ].join(',')
}
