import { z } from 'zod'

/** Five minutes of one detector station. */
export interface DetectorRow {
  /** Since midnight, ms. */
  readonly atMs: number
  readonly station: string
  readonly lengthKm: number
  readonly lanes: number
  readonly freeFlowKmh: number
  readonly speedKmh: number
  /** Over all lanes, veh/h. */
  readonly flowVehH: number
}

const COLUMNS = 'time,station,seq,length_km,lanes_eff,vff_kmh,speed_kmh,flow_vph'

const NAMES = COLUMNS.split(',')

const decimal = z
  .string()
  .regex(/^\d+(\.\d+)?$/)
  .transform(Number)
const positive = decimal.pipe(z.number().positive())

const fields = z.tuple([
  z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/),
  z.string().min(1),
  decimal,
  positive,
  positive,
  positive,
  z
    .literal('')
    .transform(() => 0)
    .or(decimal),
  decimal,
])

/**
 * Reads a day of measured speeds and flows from CSV with the columns above. A row whose speed is
 * empty or 0 has measured none: it is left out, as a gap.
 * @throws Error naming the line and the column that is wrong
 */
export function parseDetectorDay(csv: string): DetectorRow[] {
  const [header, ...lines] = csv.trim().split(/\r?\n/)
  if (header !== COLUMNS) throw new Error(`line 1: the columns must be ${COLUMNS}`)
  const rows = lines.map((line, index) => parseRow(line, index + 2))
  const measured = rows.filter(({ speedKmh }) => speedKmh > 0)
  if (measured.length === 0) throw new Error('line 2: there are no rows with a speed')
  return measured
}

function parseRow(line: string, number: number): DetectorRow {
  const parsed = fields.safeParse(line.split(','))
  if (!parsed.success) {
    const [column] = parsed.error.issues.map(({ path }) => NAMES[Number(path[0])])
    const what =
      column === undefined ? `there must be ${NAMES.length} columns` : `${column} is wrong`
    throw new Error(`line ${number}: ${what}`)
  }
  const [time, station, , lengthKm, lanes, freeFlowKmh, speedKmh, flowVehH] = parsed.data
  const [hours, minutes] = [time.slice(0, 2), time.slice(3)].map(Number)
  const atMs = Date.UTC(1970, 0, 1, hours, minutes)
  return { atMs, station, lengthKm, lanes, freeFlowKmh, speedKmh, flowVehH }
}
