import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { parseDetectorDay } from './detector-day.ts'
import { EX_NOINPUT } from './exit-codes.ts'
import { compareDelay, type ReferenceRule } from './validation.ts'

/** A measured day that is kept beside the project, not in it. */
const DEFAULT_FILE = '../shared/data/i5s-2026-04-02.csv.gz'

/** The total at this reference decides: the model's published accuracy. */
const DECISIVE: ReferenceRule = {
  name: '85 % of free flow',
  speedKmh: (row) => 0.85 * row.freeFlowKmh,
}
const MOST_ERROR_PERCENT = 12

const RULES: readonly ReferenceRule[] = [
  { name: 'free flow', speedKmh: (row) => row.freeFlowKmh },
  DECISIVE,
  { name: '90 km/h', speedKmh: () => 90 },
]

/**
 * Feeds the speeds of measured days through the impact model and prints the vehicle-hours of
 * delay beside those of the measured flows.
 * @param args CSV files, gzipped or not
 * @returns the exit code: 0 within ±12 % at 85 % of free flow, 1 beyond, 66 a file that cannot be read
 */
export function validate(args: readonly string[], print: (line: string) => void): number {
  let code = 0
  for (const file of args.length > 0 ? args : [DEFAULT_FILE]) {
    let rows: ReturnType<typeof parseDetectorDay>
    try {
      const bytes = readFileSync(file)
      rows = parseDetectorDay((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString())
    } catch (error) {
      print(`${file}: ${String(error).replace(/^Error: /, '')}`)
      return EX_NOINPUT
    }
    print(`${file}: ${rows.length} rows`)
    print('reference            measured   estimated (low - high), veh-h    error')
    for (const rule of RULES) {
      const { measuredVehH, estimatedVehH, errorPercent } = compareDelay(rows, rule)
      const { low, central, high } = estimatedVehH
      const [measured, estimate, from, to] = [measuredVehH, central, low, high].map((value) =>
        value.toFixed(0).padStart(6),
      )
      const sign = errorPercent < 0 ? '' : '+'
      print(
        `${rule.name.padEnd(20)}   ${measured}      ${estimate} (${from} - ${to})          ${sign}${errorPercent.toFixed(1)} %`,
      )
      // Without any measured delay the error is NaN, which proves nothing and must not pass.
      if (rule === DECISIVE && !(Math.abs(errorPercent) <= MOST_ERROR_PERCENT)) code = 1
    }
  }
  return code
}
