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

/**
 * Reads a day of measured speeds and flows from CSV with the columns above.
 * @throws Error naming the line that is wrong
 */
export function parseDetectorDay(csv: string): DetectorRow[] {
  const [header, ...lines] = csv.trim().split(/\r?\n/)
  if (header !== COLUMNS) throw new Error(`line 1: the columns must be ${COLUMNS}`)
  return lines.map((line, index) => {
    const [time = '', station = '', , ...numbers] = line.split(',')
    const [hours = Number.NaN, minutes = Number.NaN] = time.split(':').map(Number)
    const [lengthKm, lanes, freeFlowKmh, speedKmh, flowVehH, ...more] = numbers.map(Number)
    const row = {
      atMs: (hours * 60 + minutes) * 60_000,
      station,
      lengthKm: lengthKm ?? Number.NaN,
      lanes: lanes ?? Number.NaN,
      freeFlowKmh: freeFlowKmh ?? Number.NaN,
      speedKmh: speedKmh ?? Number.NaN,
      flowVehH: flowVehH ?? Number.NaN,
    }
    const { station: _name, ...values } = row
    if (more.length > 0 || Object.values(values).some((value) => !Number.isFinite(value)))
      throw new Error(`line ${index + 2}: it does not have the columns ${COLUMNS}`)
    return row
  })
}
