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

const TIME = /^([01]\d|2[0-3]):[0-5]\d$/
const decimal = z
  .string()
  .regex(/^\d+(\.\d+)?$/)
  .transform(Number)
const positive = decimal.pipe(z.number().positive())

const fields = z.tuple([
  z.string().regex(TIME),
  z.string().min(1),
  decimal,
  positive,
  positive,
  positive,
  positive,
  decimal,
])

/**
 * Reads a day of measured speeds and flows from CSV with the columns above.
 * @throws Error naming the line that is wrong
 */
export function parseDetectorDay(csv: string): DetectorRow[] {
  const [header, ...lines] = csv.trim().split(/\r?\n/)
  if (header !== COLUMNS) throw new Error(`line 1: the columns must be ${COLUMNS}`)
  if (lines.length === 0) throw new Error('line 2: there are no rows')
  return lines.map((line, index) => {
    const parsed = fields.safeParse(line.split(','))
    if (!parsed.success)
      throw new Error(`line ${index + 2}: it does not have the columns ${COLUMNS}`)
    const [time, station, , lengthKm, lanes, freeFlowKmh, speedKmh, flowVehH] = parsed.data
    const [hours, minutes] = [time.slice(0, 2), time.slice(3)].map(Number)
    const atMs = Date.UTC(1970, 0, 1, hours, minutes)
    return { atMs, station, lengthKm, lanes, freeFlowKmh, speedKmh, flowVehH }
  })
}
