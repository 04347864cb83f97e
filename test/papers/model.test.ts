import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { HOURLY_SHARE_PERCENT } from '../../src/corridors/demand.ts'
import type { Band } from '../../src/impact/band.ts'
import { perKm } from '../../src/impact/emissions/curve.ts'
import { DEFAULT_FLEET, VEHICLE_CLASSES } from '../../src/impact/emissions/fleet.ts'
import { CONGESTED_SHARE, congestedFlowShare } from '../../src/impact/flow.ts'
import { integrate } from '../../src/impact/integral.ts'
import { physicalImpact } from '../../src/impact/physical.ts'
import { impactSettings } from '../../src/impact/settings.ts'
import { travelSeconds } from '../../src/impact/speed.ts'

const PAPER = readFileSync(resolve(import.meta.dirname, '../../docs/model.md'), 'utf8')

/** The cells of the rows of all tables of a section. */
function rowsOf(heading: string): string[][] {
  const [, rest = ''] = PAPER.split(`\n## ${heading}\n`)
  const [section = ''] = rest.split('\n## ')
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

/** True when a number is what the paper says, to the digits that it says. */
const says = (cell: string, value: number): boolean => {
  const digits = cell.split('.')[1]?.length ?? 0
  return value.toFixed(digits) === cell.replace('−', '-')
}

/** The example of the paper. */
const [LENGTH_KM, SPEED, FREE] = [5, 14, 90]

/** The figures of the example as the service computes them, by their symbols in the paper. */
function figures(): Record<string, number> {
  const { valueOfTimePerVehH, fuelPerLitre } = AYALON.prices
  const prices = {
    valueOfTimePerVehH: valueOfTimePerVehH.amount,
    fuelPerLitre: fuelPerLitre.amount,
  }
  const state = {
    lengthKm: LENGTH_KM,
    lanes: 4,
    speedKmh: SPEED,
    freeFlowKmh: FREE,
    limitKmh: FREE,
  }
  const unknown = { profileVehH: null, measuredFlowVehH: null }
  const impact = physicalImpact({ ...state, ...unknown }, impactSettings({ prices }))
  const { flowVehH, vehiclesPresent, rates } = impact
  const central = (band: Band | null | undefined): number => band?.central ?? Number.NaN
  const hold = [{ atMs: 0, perHour: central(rates?.delay) }]
  return {
    v_ref: impact.referenceKmh,
    x: SPEED / (CONGESTED_SHARE * FREE),
    share: congestedFlowShare(SPEED, FREE),
    q: central(flowVehH),
    T: impact.travelTimeSeconds,
    T_ref: travelSeconds(LENGTH_KM, FREE),
    d: impact.delaySecondsPerVehicle,
    R: central(rates?.delay),
    N: central(vehiclesPresent),
    'f(v)': perKm('uk-tag', DEFAULT_FLEET, SPEED).litres,
    'f(v_ref)': perKm('uk-tag', DEFAULT_FLEET, FREE).litres,
    fuel: central(rates?.excessFuel),
    CO2: central(rates?.excessCo2),
    'time cost': central(rates?.timeCost),
    'fuel cost': central(rates?.fuelCost),
    'R low': rates?.delay.low ?? Number.NaN,
    'R high': rates?.delay.high ?? Number.NaN,
    VHD: integrate(hold, 0, 300_000).total,
  }
}

t.test('each figure of the worked example is what the service computes', async (t) => {
  const cells = new Map(
    rowsOf('Worked example').map(([symbol = '', , value = '']) => [symbol, value]),
  )
  for (const [symbol, value] of Object.entries(figures()))
    t.ok(says(cells.get(symbol) ?? '', value), `${symbol}: ${cells.get(symbol)}, ${value}`)
})

t.test('the tables of the emission curves are those that are computed with', async (t) => {
  const rows = rowsOf('Fuel, CO2, money')
  const of = rowsOf('Worked example')
  for (const vehicle of VEHICLE_CLASSES) {
    const [, ...cells] = rows.find(([name]) => name === `\`${vehicle}\``) ?? []
    const [a = 0, b = 0, c = 0, d = 0, co2 = 0, share] = cells.map((cell) =>
      Number(cell.replace('−', '-')),
    )
    t.equal(share, DEFAULT_FLEET[vehicle], vehicle)
    const [, ...shown] = of.find(([name]) => name === `\`${vehicle}\``) ?? []
    for (const [index, v] of [SPEED, FREE].entries()) {
      const { litres, co2Kg } = perKm('uk-tag', { [vehicle]: 1 }, v)
      t.equal(
        (a / v + b + c * v + d * v * v).toFixed(9),
        litres.toFixed(9),
        `${vehicle}, ${v} km/h`,
      )
      t.equal((litres * co2).toFixed(9), co2Kg.toFixed(9))
      t.ok(says(shown[index] ?? '', litres), `${vehicle}: ${shown[index]}, ${litres}`)
    }
  }
})

t.test('the shares of the hours are those that are computed with', async (t) => {
  const [hours = [], , morning = [], , , evening = []] = rowsOf('Flow from speed')
  t.equal(hours.length, 12)
  t.strictSame([...morning, ...evening].map(Number), [...HOURLY_SHARE_PERCENT])
})
