import { z } from 'zod'
import { bucketOf, INTERVALS } from '../corridors/buckets.ts'
import type { Corridor, Section } from '../corridors/corridor.ts'
import { SOURCES } from '../corridors/snapshot.ts'
import { hoursBetween } from '../impact/integral.ts'
import { MODEL_IDS } from '../impact/models.ts'
import { AMOUNT_COLUMNS, type AmountColumns } from '../storage/totals/amount-columns.ts'
import type { ImportedTotals } from '../storage/totals/import-totals.ts'
import { CSV_AMOUNTS, CSV_KEYS } from '../views/totals-csv.ts'

/** What a line is held against. */
export interface ImportContext {
  readonly corridors: readonly Corridor[]
  readonly nowMs: number
  /** From when on buckets of less than an hour are kept, epoch ms. */
  readonly keptFromMs: (corridor: Corridor) => number
}

const COLUMNS = [...CSV_KEYS, ...Object.keys(CSV_AMOUNTS)]
/** The ends of a band may be this far out of order, relative to their size: sums are rounded. */
const TOLERANCE = 1e-9

const number = z
  .string()
  .regex(/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i, 'must be a number')
  .transform(Number)
  .pipe(z.number())
const time = z.iso.datetime('must be a time such as 2026-11-21T05:00:00.000Z').transform(Date.parse)
const oneOf = <T extends string>(names: readonly T[]) =>
  z.enum(names, `must be one of ${names.join(', ')}`)

const keys = z.object({
  from: time,
  to: time,
  interval: oneOf(INTERVALS),
  corridor: z.string(),
  direction: z.string(),
  section: z.string().min(1, 'is empty: only what was downloaded with by=section can be imported'),
  source: oneOf(SOURCES),
  model: oneOf(MODEL_IDS),
  model_version: z.string().min(1, 'is empty'),
  currency: z.string(),
  coverage: number.pipe(z.number().min(0).max(1)),
})
/** More than any road in the world: sums of what is not absurd stay finite. */
const MOST = 1e12
const amount = number.pipe(z.number().min(-MOST).max(MOST))
const amounts = z.record(z.enum(AMOUNT_COLUMNS), amount)

/** Something is wrong with a line; the message says what, for a person. */
export class LineFault extends Error {}

/**
 * Reads a line of a file that the history gives as CSV.
 * @returns null for a bucket of which nothing was measured
 * @throws LineFault
 */
export function importLine(line: string, context: ImportContext): ImportedTotals | null {
  const fields = line.split(',')
  if (fields.length !== COLUMNS.length)
    throw new LineFault(`has ${fields.length} fields where ${COLUMNS.length} belong`)
  const named = Object.fromEntries(fields.map((field, index) => [`${COLUMNS[index]}`, field]))
  const isEmpty = fields.slice(CSV_KEYS.length).every((field) => field === '')
  // Where there is no data, no version computed it.
  const key = read(keys, isEmpty ? { ...named, model_version: 'none' } : named)
  const { corridor, section } = placeOf(key, context)
  const { fromMs, toMs } = bucketOf(key.from, key.interval, corridor.timeZone)
  if (key.from !== fromMs || key.to !== toMs)
    throw new LineFault(`from, to: are no bucket of ${key.interval} of ${corridor.timeZone}`)
  if (fromMs > context.nowMs) throw new LineFault('from: lies in the future')
  if (isEmpty) return null
  const isShort = key.interval === '5m' || key.interval === '15m'
  if (isShort && fromMs < context.keptFromMs(corridor))
    throw new LineFault(`interval: buckets of ${key.interval} are not kept for so long`)
  const hours = hoursBetween(fromMs, toMs)
  return {
    corridorId: corridor.id,
    timeZone: corridor.timeZone,
    direction: key.direction,
    section: section.id,
    source: key.source,
    model: key.model,
    modelVersion: key.model_version,
    interval: key.interval,
    startMs: fromMs,
    measuredKmH: (key.coverage * section.lengthM * hours) / 1000,
    amounts: amountsIn(named),
  }
}

/** @param toName the field's name in the file */
function read<T>(
  schema: z.ZodType<T>,
  values: Readonly<Record<string, string>>,
  toName = (field: string): string => field,
): T {
  const result = schema.safeParse(values)
  if (result.success) return result.data
  const faults = result.error.issues.map(
    ({ path, message }) => `${toName(path.join('.'))}: ${message}`,
  )
  throw new LineFault(faults.join('; '))
}

function placeOf(
  key: z.infer<typeof keys>,
  { corridors }: ImportContext,
): { readonly corridor: Corridor; readonly section: Section } {
  const corridor = corridors.find(({ id }) => id === key.corridor)
  if (corridor === undefined) throw new LineFault('corridor: is not configured here')
  if (corridor.currency !== key.currency)
    throw new LineFault(`currency: is ${corridor.currency} here`)
  const direction = corridor.directions.find((one) => one.direction === key.direction)
  const section = direction?.sections.find(({ id }) => id === key.section)
  if (section === undefined) throw new LineFault('direction, section: are not in this corridor')
  return { corridor, section }
}

/** The names in a file of the amounts' columns. */
const NAMES = new Map<string, string>(
  Object.entries(CSV_AMOUNTS).map(([name, column]) => [column, name]),
)
const nameOf = (column: string): string => `${NAMES.get(column)}`

function amountsIn(named: Readonly<Record<string, string>>): AmountColumns {
  const values = AMOUNT_COLUMNS.map((column) => [column, `${named[nameOf(column)]}`] as const)
  const found = read(amounts, Object.fromEntries(values), nameOf)
  for (const name of ['delay', 'fuel', 'co2', 'time_cost', 'fuel_cost'] as const) {
    const low = found[`${name}_low`]
    const central = found[`${name}_central`]
    const high = found[`${name}_high`]
    const slack = TOLERANCE * Math.max(Math.abs(low), Math.abs(high))
    if (low > central + slack || central > high + slack)
      throw new LineFault(`${nameOf(`${name}_central`)}: is not between low and high`)
  }
  if (found.delay_low < 0) throw new LineFault(`${nameOf('delay_low')}: is below 0`)
  return found
}
