import t from 'tap'
import { exactly } from '../../src/impact/band.ts'
import { perKm } from '../../src/impact/emissions/curve.ts'
import {
  DEFAULT_FLEET,
  type Fleet,
  sharesSumToOne,
  VEHICLE_CLASSES,
} from '../../src/impact/emissions/fleet.ts'
import { capacityBand } from '../../src/impact/flow.ts'
import { DEFAULT_MODEL, MODELS } from '../../src/impact/models.ts'
import { physicalImpact } from '../../src/impact/physical.ts'
import { NO_RATES, sumRates } from '../../src/impact/rates.ts'
import { referenceSpeedKmh } from '../../src/impact/reference.ts'
import { JAM, SETTINGS } from './fixtures/states.ts'

const litresPer100Km = (fleet: Fleet, speedKmh: number): string =>
  (100 * perKm('uk-tag', fleet, speedKmh).litres).toFixed(4)

t.test('the published vectors of a section come out to the last digit', async (t) => {
  // L, n, v, v_ff, profile -> flow, delay of a vehicle, R, N, fuel, CO2
  const rows = [
    [[5, 4, 14, 90, 5000], '4189.570', '1085.714', '1263.521', '1496.275', '1294.288', '3131.738'],
    [[5, 4, 90, 95, 5000], '5000.000', '0.000', '0.000', '277.778', '0.000', '0.000'],
    [[2.604, 4, 30, 90, 6000], '4982.222', '208.320', '288.305', '432.457', '165.690', '397.492'],
    [[2.0, 4, 70, 90, 6000], '6000.000', '22.857', '38.095', '171.429', '-58.132', '-146.360'],
  ] as const
  for (const [[lengthKm, lanes, speedKmh, freeFlowKmh, profile], ...expected] of rows) {
    const state = { ...JAM, lengthKm, lanes, speedKmh, freeFlowKmh, profileVehH: exactly(profile) }
    const impact = physicalImpact(state, SETTINGS)
    t.strictSame(
      [
        impact.flowVehH?.central,
        impact.delaySecondsPerVehicle,
        impact.rates?.delay.central,
        impact.vehiclesPresent?.central,
        impact.rates?.excessFuel.central,
        impact.rates?.excessCo2.central,
      ].map((value) => value?.toFixed(3)),
      expected,
      `${speedKmh} km/h on ${lengthKm} km`,
    )
  }
})

t.test('another central capacity moves the delay as published', async (t) => {
  for (const [capacity, expected] of [
    [1500, '997.517'],
    [2200, '1463.025'],
  ] as const) {
    const { rates } = physicalImpact(JAM, { ...SETTINGS, capacityVehHLane: capacityBand(capacity) })
    t.equal(rates?.delay.central.toFixed(3), expected)
  }
  t.strictSame(capacityBand(1900), { low: 1500, central: 1900, high: 2200 })
  t.strictSame(capacityBand(950), { low: 750, central: 950, high: 1100 }, 'in proportion')
  t.strictSame(capacityBand(3800), { low: 3000, central: 3800, high: 4400 })
})

t.test('the published fuel of a petrol car and of the default fleet come out', async (t) => {
  for (const [speedKmh, expected] of [
    [5, '26.7524'],
    [10, '15.5368'],
    [20, '9.9323'],
    [30, '8.1078'],
    [50, '6.8445'],
    [70, '6.6299'],
    [90, '6.8955'],
    [100, '7.1550'],
  ] as const) {
    t.equal(litresPer100Km({ petrolCar: 1 }, speedKmh), expected, `petrol car, ${speedKmh} km/h`)
  }
  for (const [speedKmh, expected] of [
    [10, '17.7883'],
    [30, '9.2709'],
    [50, '7.7260'],
    [90, '7.9937'],
  ] as const) {
    t.equal(litresPer100Km(DEFAULT_FLEET, speedKmh), expected, `default fleet, ${speedKmh} km/h`)
  }
})

t.test('every vehicle class has the coefficients and the CO2 of the table', async (t) => {
  const table = {
    petrolCar: [1.119322393, 0.04400477, -8.13834e-5, 2.44908e-6, 2.31],
    dieselCar: [0.49214556, 0.062181967, -5.90984e-4, 4.64689e-6, 2.68],
    dieselVan: [1.396883496, 0.0334774, -2.29978e-4, 7.6732e-6, 2.68],
    rigidTruck: [1.431445529, 0.258021379, -0.003906637, 3.36231e-5, 2.68],
    articulatedTruck: [2.670111055, 0.557155643, -0.007976139, 6.00353e-5, 2.68],
    bus: [5.980054953, 0.245278327, -0.003064986, 3.06148e-5, 2.68],
  } as const
  for (const vehicle of VEHICLE_CLASSES) {
    const [a, b, c, d, co2KgPerLitre] = table[vehicle]
    for (const v of [7, 40, 130]) {
      const { litres, co2Kg } = perKm('uk-tag', { [vehicle]: 1 }, v)
      const expected = a / v + b + c * v + d * v * v
      t.equal(litres.toFixed(9), expected.toFixed(9), `${vehicle}, ${v} km/h`)
      t.equal(co2Kg.toFixed(9), (expected * co2KgPerLitre).toFixed(9))
    }
  }
  t.strictSame(
    VEHICLE_CLASSES.map((vehicle) => DEFAULT_FLEET[vehicle]),
    [0.8, 0.05, 0.1, 0.02, 0.01, 0.02],
  )
  t.ok(sharesSumToOne(DEFAULT_FLEET))
  t.ok(sharesSumToOne({ bus: 1 }), 'a class that is not named has no share')
  t.notOk(sharesSumToOne({ petrolCar: 0.8, bus: 0.19 }))
})

t.test('the curves are read at 5 km/h below it and at 140 km/h above it', async (t) => {
  for (const curve of ['uk-tag', 'barth-2008'] as const) {
    t.strictSame(perKm(curve, DEFAULT_FLEET, 4), perKm(curve, DEFAULT_FLEET, 5))
    t.strictSame(perKm(curve, DEFAULT_FLEET, 190), perKm(curve, DEFAULT_FLEET, 140))
    t.notSame(perKm(curve, DEFAULT_FLEET, 6), perKm(curve, DEFAULT_FLEET, 5))
    t.notSame(perKm(curve, DEFAULT_FLEET, 139), perKm(curve, DEFAULT_FLEET, 140))
  }
})

t.test('the published CO2 of the alternative curve comes out, whatever the fleet', async (t) => {
  for (const [speedKmh, expected] of [
    [10, '611.77'],
    [30, '276.90'],
    [50, '210.84'],
    [90, '203.97'],
  ] as const) {
    const { co2Kg, litres } = perKm('barth-2008', DEFAULT_FLEET, speedKmh)
    t.equal((1000 * co2Kg).toFixed(2), expected, `${speedKmh} km/h`)
    t.equal((litres * 2.31).toFixed(9), co2Kg.toFixed(9), 'its litres are petrol')
    t.strictSame(perKm('barth-2008', { bus: 1 }, speedKmh), { co2Kg, litres })
  }
  const { rates } = physicalImpact(JAM, { ...SETTINGS, emissionCurve: 'barth-2008' })
  // q·L·(f(14) − f(90)), with f(14) and f(90) from the published polynomial by hand.
  const gramsPerKm = (v: number): number => {
    const mph = v / 1.609344
    const [a, b, c, d, e] = [
      7.61353499496556, -0.138565467462594, 0.003915102063854, -0.000049451361017,
      0.000000238630156,
    ]
    return Math.exp(a + b * mph + c * mph ** 2 + d * mph ** 3 + e * mph ** 4) / 1.609344
  }
  const expectedKg = (4189.57037 * 5 * (gramsPerKm(14) - gramsPerKm(90))) / 1000
  t.equal(rates?.excessCo2.central.toFixed(1), expectedKg.toFixed(1))
})

t.test('the reference is free flow within the limit, phed, or the speed asked for', async (t) => {
  const slow = { freeFlowKmh: 80, limitKmh: 90 }
  const fast = { freeFlowKmh: 95, limitKmh: 90 }
  t.equal(referenceSpeedKmh({ kind: 'freeFlow' }, slow), 80)
  t.equal(referenceSpeedKmh({ kind: 'freeFlow' }, fast), 90, 'never above the limit')
  t.equal(referenceSpeedKmh({ kind: 'phed' }, fast).toFixed(9), '54.000000000', '60 % of the limit')
  t.equal(referenceSpeedKmh({ kind: 'phed' }, { ...fast, limitKmh: 50 }), 32.2, 'at least 20 mph')
  t.equal(referenceSpeedKmh({ kind: 'custom', kmh: 56.3 }, fast), 56.3)

  const impact = physicalImpact(JAM, { ...SETTINGS, reference: { kind: 'phed' } })
  t.equal(impact.referenceKmh, 54)
  t.equal(impact.delaySecondsPerVehicle.toFixed(3), ((5 / 14 - 5 / 54) * 3600).toFixed(3))
  const crawling = physicalImpact(
    { ...JAM, speedKmh: 60 },
    { ...SETTINGS, reference: { kind: 'phed' } },
  )
  t.ok(crawling.congested, '60 km/h is a jam on a road of 90 km/h')
  t.strictSame(crawling.rates?.delay, exactly(0), 'but no delay against 54 km/h')
})

t.test('the ends of the band move capacity and lanes together', async (t) => {
  const { flowVehH, vehiclesPresent, rates } = physicalImpact(JAM, SETTINGS)
  const central = 1900 * 4
  for (const [name, band] of Object.entries({
    flow: flowVehH,
    present: vehiclesPresent,
    delay: rates?.delay,
    fuel: rates?.excessFuel,
    co2: rates?.excessCo2,
    timeCost: rates?.timeCost,
    fuelCost: rates?.fuelCost,
  })) {
    const { low = 0, central: middle = 0, high = 0 } = band ?? {}
    t.equal((low / middle).toFixed(9), ((1500 * 3.5) / central).toFixed(9), `${name}, low`)
    t.equal((high / middle).toFixed(9), ((2200 * 4.5) / central).toFixed(9), `${name}, high`)
  }
})

t.test('free traffic takes the demand of the hour, at most capacity, end by end', async (t) => {
  const flowing = { ...JAM, speedKmh: 80 }
  const flow = (low: number, central: number, high: number, lanes = 4) =>
    physicalImpact({ ...flowing, lanes, profileVehH: { low, central, high } }, SETTINGS).flowVehH
  t.strictSame(flow(4500, 6000, 7500), { low: 4500, central: 6000, high: 7500 })
  t.strictSame(
    flow(6000, 8000, 10_000),
    { low: 1500 * 3.5, central: 1900 * 4, high: 2200 * 4.5 },
    'demand above capacity',
  )
  t.equal(flow(100, 200, 300, 0.5)?.low, 0, 'half a lane may be none, never less')
})

t.test('a section is congested below three quarters of its free-flow speed', async (t) => {
  const at = (speedKmh: number) => physicalImpact({ ...JAM, speedKmh }, SETTINGS)
  t.equal(at(67.5).congested, false, 'exactly 75 %')
  t.equal(at(67.5).flowVehH?.central, 5000, 'the demand')
  t.equal(at(67.49).congested, true)
  t.equal(at(67.49).flowVehH?.central, 0.82 * 1900 * 4, 'a jam never flows above 82 % of capacity')
  // 0.46 + 0.44·x reaches 0.82 at x = 9/11, which is 55.23 km/h.
  t.equal(at(55.3).flowVehH?.central, 0.82 * 1900 * 4)
  t.ok((at(55.1).flowVehH?.central ?? 0) < 0.82 * 1900 * 4)
})

t.test('below 4 km/h the model computes with 4 km/h', async (t) => {
  const floor = physicalImpact({ ...JAM, speedKmh: 4 }, SETTINGS)
  t.strictSame(physicalImpact({ ...JAM, speedKmh: 0 }, SETTINGS), floor)
  t.strictSame(physicalImpact({ ...JAM, speedKmh: 1.5 }, SETTINGS), floor)
  t.equal(floor.travelTimeSeconds, (5 / 4) * 3600)
})

t.test('a measured flow replaces the estimate and closes the band', async (t) => {
  const { flowVehH, rates } = physicalImpact({ ...JAM, measuredFlowVehH: 3600 }, SETTINGS)
  t.strictSame(flowVehH, exactly(3600))
  // 3,600 veh/h, each delayed by 1085.714 s.
  t.equal(rates?.delay.central.toFixed(3), '1085.714')
  t.equal(rates?.delay.low, rates?.delay.central)
  t.equal(rates?.delay.high, rates?.delay.central)
})

t.test('where nobody knows the demand of free traffic there is no number', async (t) => {
  const flowing = physicalImpact({ ...JAM, speedKmh: 80, profileVehH: null }, SETTINGS)
  t.equal(flowing.flowVehH, null)
  t.equal(flowing.vehiclesPresent, null)
  t.equal(flowing.rates, null)
  t.equal(flowing.delaySecondsPerVehicle, (5 / 80) * 3600 - (5 / 90) * 3600, 'a vehicle has one')
  const jammed = physicalImpact({ ...JAM, profileVehH: null }, SETTINGS)
  t.equal(jammed.flowVehH?.central.toFixed(3), '4189.570', 'a jam tells its own flow')
})

t.test('saved fuel is a negative number, with the positive parts beside the sum', async (t) => {
  const saving = { ...JAM, lengthKm: 2, speedKmh: 70, profileVehH: exactly(6000) }
  const spread = { ...saving, profileVehH: { low: 5000, central: 6000, high: 7000 } }
  const fuel = physicalImpact(spread, SETTINGS).rates?.excessFuel
  t.equal(fuel?.central.toFixed(3), '-58.132')
  t.equal(fuel?.low.toFixed(3), ((-58.132 * 7) / 6).toFixed(3), 'most traffic saves most')
  t.equal(fuel?.high.toFixed(3), ((-58.132 * 5) / 6).toFixed(3))
  t.equal(fuel?.positivePart, 0)

  const known = [JAM, saving].flatMap((state) => physicalImpact(state, SETTINGS).rates ?? [])
  const sum = sumRates(known)
  t.equal(known.length, 2)
  t.equal(sum.excessFuel.central.toFixed(2), (1294.288 - 58.132).toFixed(2))
  t.equal(sum.excessFuel.positivePart.toFixed(3), '1294.288')
  t.equal(sum.excessCo2.central.toFixed(2), (3131.738 - 146.36).toFixed(2))
  t.equal(sum.excessCo2.positivePart.toFixed(3), '3131.738')
  t.equal(sum.delay.central.toFixed(2), (1263.521 + 38.095).toFixed(2))
  t.strictSame(sumRates([]), NO_RATES, 'nothing sums to nothing')
})

t.test('time and fuel are two amounts of money', async (t) => {
  const { rates } = physicalImpact(JAM, SETTINGS)
  t.equal(rates?.timeCost.central.toFixed(1), (1263.521 * 62.5).toFixed(1))
  t.equal(rates?.fuelCost.central.toFixed(1), (1294.288 * 7.02).toFixed(1))
  const free = { valueOfTimePerVehH: 0, fuelPerLitre: 7.02 }
  const worthless = physicalImpact(JAM, { ...SETTINGS, prices: free }).rates
  t.equal(worthless?.timeCost.central, 0)
  t.equal(worthless?.fuelCost.central, rates?.fuelCost.central, 'neither enters the other')
  const saved = physicalImpact({ ...JAM, speedKmh: 70 }, SETTINGS).rates
  t.ok((saved?.timeCost.central ?? 0) > 0 && (saved?.fuelCost.central ?? 0) < 0)
})

t.test('the frozen model reproduces its published figures and says what is wrong', async (t) => {
  const frozen = MODELS['ayalon-1.0-freeze']
  const settings = { ...SETTINGS, prices: { valueOfTimePerVehH: 62.5, fuelPerLitre: 7.5 } }
  const inputs = [
    [5, 300, 1000],
    [5, 720, 1000],
    [10, 1800, 2000],
  ] as const
  const impacts = inputs.map(([lengthKm, seconds, vehicles]) =>
    frozen.impactOf(
      { ...JAM, lengthKm, speedKmh: lengthKm / (seconds / 3600), measuredFlowVehH: vehicles },
      settings,
    ),
  )
  const sum = sumRates(impacts.flatMap(({ rates }) => rates ?? []))
  t.equal(sum.delay.central.toFixed(1), '950.0')
  t.equal(sum.excessFuel.central.toFixed(1), '1140.0')
  t.equal(sum.fuelCost.central.toFixed(1), '8550.0')
  t.equal(sum.excessCo2.central.toFixed(1), '2633.4')
  t.strictSame(sum.delay, exactly(sum.delay.central), 'it has no band')
  t.ok(frozen.knownDefects.length > 0)
  t.strictSame(MODELS[DEFAULT_MODEL].knownDefects, [])
  t.ok(MODELS[DEFAULT_MODEL].limits.length > 0, 'the right one says what it cannot see')
})

t.test('the frozen model takes 25 vehicles a kilometre for its flow', async (t) => {
  const frozen = MODELS['ayalon-1.0-freeze']
  const impact = frozen.impactOf({ ...JAM, speedKmh: 18 }, SETTINGS)
  t.strictSame(impact.flowVehH, exactly(450))
  // 5 km at 18 km/h take 1,000 s, at 90 km/h 200 s: 450 · 800 s = 100 h. 450 · 1,000 s = 125 vehicles.
  t.equal(impact.rates?.delay.central.toFixed(9), '100.000000000')
  t.equal(impact.vehiclesPresent?.central.toFixed(9), '125.000000000')
  t.ok(impact.congested)
  const free = frozen.impactOf({ ...JAM, speedKmh: 95, freeFlowKmh: 120 }, SETTINGS)
  t.equal(free.referenceKmh, 90, 'whatever the road')
  t.strictSame(free.rates?.delay, exactly(0))
  t.notOk(free.congested)
})
