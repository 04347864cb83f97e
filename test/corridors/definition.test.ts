import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { z } from 'zod'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { corridorSchema, limitKmhOf, sectionsOf } from '../../src/corridors/corridor.ts'
import { geometryFaults, overallBearing } from '../../src/corridors/geometry-faults.ts'
import {
  at,
  corridorWith,
  DEFINITION,
  oneWay,
  reversed,
  section,
} from './fixtures/straight-road.ts'

/** The places in a definition that the schema refuses. */
const refusedIn = (definition: object): string[] => {
  const { error } = corridorSchema.safeParse(definition)
  return (error?.issues ?? []).flatMap(({ path, ...issue }) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => [...path, key].join('.'))
      : path.join('.'),
  )
}
const root = (change: object): object => ({ ...DEFINITION, ...change })
const inSection = (change: object): object =>
  root({ directions: [{ direction: 'northbound', sections: [section('a', 0, 1000, change)] }] })

t.test('a definition says what it must and nothing that is not known', async (t) => {
  t.strictSame(refusedIn(DEFINITION), [])
  for (const key of Object.keys(DEFINITION))
    t.strictSame(refusedIn(root({ [key]: undefined })), [key])
  t.strictSame(refusedIn(root({ speedLimit: 90 })), ['speedLimit'])
  t.strictSame(refusedIn(inSection({ limit: 90 })), ['directions.0.sections.0.limit'])
  t.strictSame(refusedIn(root({ demand: { ...DEFINITION.demand, perHour: 1 } })), [
    'demand.perHour',
  ])
  t.strictSame(refusedIn(root({ prices: { ...DEFINITION.prices, toll: 1 } })), ['prices.toll'])
  const [northbound] = DEFINITION.directions
  t.strictSame(refusedIn(root({ directions: [{ ...northbound, name: 'up' }] })), [
    'directions.0.name',
  ])
  const unsourced = { ...DEFINITION.prices, fuelPerLitre: { amount: 8, date: '2026-09' } }
  t.strictSame(refusedIn(root({ prices: unsourced })), ['prices.fuelPerLitre.source'])
})

t.test('a value out of its range is refused by name', async (t) => {
  const wrong: Record<string, unknown[]> = {
    id: ['', 'Mill Road', '-mill', 'mill--road', 'a'.repeat(65), 'מיל'],
    name: ['', 'x'.repeat(501), 20],
    timeZone: ['', 'Asia/Mill', 'Jerusalem', '+03:00', 2],
    currency: ['', 'ils', 'SHEKEL'],
    calendar: ['gregorian', ''],
    postedLimitKmh: [Number.NaN, Number.POSITIVE_INFINITY, 9, 201, '90', null],
    emissionCurve: ['copert'],
    directions: [{}],
  }
  for (const [key, values] of Object.entries(wrong))
    for (const value of values)
      t.strictSame(refusedIn(root({ [key]: value })), [key], `${key}: ${value}`)

  const wrongInSection: Record<string, unknown[]> = {
    id: ['A 1', ''],
    from: [''],
    lengthM: [Number.NaN, 0, -1000, 49, 100_001, '1000'],
    lanes: [Number.NaN, 0, 0.4, 21],
    limitKmh: [Number.NaN, 0, 201],
    points: [
      [],
      [at(0)],
      [[91, 35], at(1000)],
      [at(0), [Number.NaN, 35]],
      [[32, -181], at(1000)],
      [at(0), [32, '35']],
      [at(0), [32, 35, 10]],
      [at(0), at(500), [32, Number.POSITIVE_INFINITY]],
    ],
  }
  for (const [key, values] of Object.entries(wrongInSection))
    for (const value of values) {
      const places = refusedIn(inSection({ [key]: value }))
      t.ok(places.length > 0, `${key}: ${value}`)
      t.ok(places.every((place) => place.startsWith(`directions.0.sections.0.${key}`)))
    }
  t.strictSame(refusedIn(root({ directions: [] })), ['directions.0'], 'no direction')
  const empty = { directions: [{ direction: 'northbound', sections: [] }] }
  t.strictSame(refusedIn(root(empty)), ['directions.0.sections.0'], 'no section')

  const sourced = { amount: 1, source: 'x', date: 'x' }
  const { vehiclesPerDay } = DEFINITION.demand
  for (const uncertainty of [-0.1, 1.1, Number.NaN])
    t.strictSame(refusedIn(root({ demand: { vehiclesPerDay, uncertainty } })), [
      'demand.uncertainty',
    ])
  for (const amount of [-1, Number.NaN, Number.POSITIVE_INFINITY])
    t.strictSame(
      refusedIn(
        root({
          prices: { valueOfTimePerVehH: { ...sourced, amount }, fuelPerLitre: sourced },
          demand: { vehiclesPerDay: { ...sourced, amount }, uncertainty: 0 },
        }),
      ).toSorted(),
      ['demand.vehiclesPerDay.amount', 'prices.valueOfTimePerVehH.amount'],
    )
})

t.test('the shares of a fleet are of known classes and sum to 1', async (t) => {
  t.strictSame(refusedIn(root({ fleet: { petrolCar: 0.7, bus: 0.3 } })), [])
  t.strictSame(refusedIn(root({ fleet: { petrolCar: 0.7, bus: 0.2 } })), ['fleet'])
  t.strictSame(refusedIn(root({ fleet: {} })), ['fleet'])
  t.strictSame(refusedIn(root({ fleet: { petrolCar: 1, tram: 0 } })), ['fleet.tram'])
  t.ok(refusedIn(root({ fleet: { petrolCar: 1.2, bus: -0.2 } })).includes('fleet.bus'))
  t.ok(refusedIn(root({ fleet: { petrolCar: Number.NaN, bus: 1 } })).includes('fleet.petrolCar'))
})

t.test("a section's own limit stands before the corridor's", async (t) => {
  const road = oneWay([section('a', 0, 1000, { limitKmh: 70 }), section('b', 1000, 2000)])
  t.strictSame(
    sectionsOf(road).map((part) => [part.id, limitKmhOf(road, part)]),
    [
      ['a', 70],
      ['b', 90],
    ],
  )
})

/** One-way corridors of three sections of 1 km. */
const [A, B, C] = [section('a', 0, 1000), section('b', 1000, 2000), section('c', 2000, 3000)]

t.test('a road that is well drawn has no faults', async (t) => {
  t.strictSame(geometryFaults(corridorWith({})), [])
  t.strictSame(geometryFaults(oneWay([A, B, C])), [])
  const bent = [at(0), at(700, 700), at(1400, 1400)]
  const lengthM = Math.SQRT2 * 1400
  t.strictSame(
    geometryFaults(oneWay([section('bent', 0, 1400, { points: bent, lengthM })], 'eastbound')),
    [],
    'north-east is east enough',
  )
})

t.test('a stated length that is more than 2 % off is a fault', async (t) => {
  for (const lengthM of [981, 1000, 1020])
    t.strictSame(geometryFaults(oneWay([section('a', 0, 1000, { lengthM })])), [], `${lengthM} m`)
  for (const lengthM of [979, 1021, 400, 9000]) {
    const faults = geometryFaults(oneWay([section('a', 0, 1000, { lengthM })]))
    t.match(faults, [/"a": lengthM is \d+, but its points are 1000 m long/], `${lengthM} m`)
    t.equal(faults.length, 1)
  }
})

t.test('an id or a direction that stands twice is a fault', async (t) => {
  const [northbound] = DEFINITION.directions
  const twice = corridorWith({ directions: [northbound, northbound] })
  t.strictSame(geometryFaults(twice).length, 3, 'one direction and two sections')
  t.match(geometryFaults(twice), [/direction "northbound"/, /"north-1"/, /"north-2"/])
  const once = geometryFaults(oneWay([A, { ...B, id: 'a' }]))
  t.match(once, [/section "a" stands twice/])
  t.equal(once.length, 1)
})

t.test('the one section that is reversed is named, wherever it stands', async (t) => {
  for (const [id, sections] of [
    ['a', [reversed(A), B, C]],
    ['b', [A, reversed(B), C]],
    ['c', [A, B, reversed(C)]],
  ] as const) {
    const faults = geometryFaults(oneWay([...sections]))
    t.strictSame(faults, [`section "${id}" is reversed`])
  }
})

t.test('sections in the wrong order, and all of them reversed in place, are faults', async (t) => {
  for (const sections of [
    [B, A],
    [reversed(A), reversed(B)],
  ]) {
    const faults = geometryFaults(oneWay(sections))
    t.ok(faults.some((fault) => /"a".*reversed or in the wrong order|"b".*wrong order/.test(fault)))
  }
  const shuffled = geometryFaults(oneWay([A, C, B]))
  t.ok(shuffled.some((fault) => fault.includes('"c" is not connected to "a": 1000 m')))
})

t.test('sections that do not connect, or overlap, are faults', async (t) => {
  const gap = geometryFaults(oneWay([A, section('b', 1200, 2200)]))
  t.strictSame(gap, ['section "b" is not connected to "a": 200 m between them'])
  const overlap = geometryFaults(oneWay([A, section('b', 700, 1700)]))
  t.strictSame(overlap, ['section "b" is not connected to "a": 300 m between them'])
  t.strictSame(geometryFaults(oneWay([A, section('b', 1010, 2000)])), [], 'a few metres are not')
})

t.test('a direction that runs against its compass name is a fault', async (t) => {
  const ways = {
    northbound: [at(0), at(1000)],
    eastbound: [at(0), at(0, 1000)],
    southbound: [at(0), at(-1000)],
    westbound: [at(0), at(0, -1000)],
  }
  for (const [name, points] of Object.entries(ways)) {
    t.strictSame(geometryFaults(oneWay([section('a', 0, 1000, { points })], name)), [], name)
    const against = oneWay([section('a', 0, 1000, { points: points.toReversed() })], name)
    t.match(geometryFaults(against), [new RegExp(`"${name}" is reversed`)], `against ${name}`)
    t.equal(geometryFaults(against).length, 1)
  }
  const nameless = oneWay([section('a', 1000, 0)], 'to-the-sea')
  t.strictSame(geometryFaults(nameless), [], 'another name promises no compass direction')
  const wholly = oneWay([reversed(C), reversed(B), reversed(A)])
  t.match(geometryFaults(wholly), [/"northbound" is reversed: .* 180 degrees/])
  t.equal(geometryFaults(wholly).length, 1)
  t.equal(overallBearing([at(0), at(500, 900), at(0, 1000)]).toFixed(3), '90.000', 'first to last')
})

t.test('the built-in Ayalon has no faults and the constants of the model', async (t) => {
  t.strictSame(geometryFaults(AYALON), [])
  t.match(AYALON, {
    timeZone: 'Asia/Jerusalem',
    currency: 'ILS',
    calendar: 'israel',
    demand: { vehiclesPerDay: { amount: 100_000 }, uncertainty: 0.25 },
    prices: {
      valueOfTimePerVehH: { amount: 62.5 },
      fuelPerLitre: { amount: 7.02, date: '2026-03' },
    },
    attribution: /© OpenStreetMap contributors, ODbL 1\.0/,
  })
})

// Facts handed over beside the project, not in it: on other machines there is nothing to compare.
const facts = new URL('../../../shared/data/ayalon-sections.json', import.meta.url)
const skip = existsSync(facts) ? false : `${facts.pathname} is not here`

t.test('the built-in Ayalon equals the facts that it was derived from', { skip }, async (t) => {
  const { postedLimitKmh, directions } = z
    .object({ postedLimitKmh: z.number(), directions: z.array(z.unknown()) })
    .parse(JSON.parse(readFileSync(facts, 'utf8')))
  t.equal(AYALON.postedLimitKmh, postedLimitKmh)
  t.same(AYALON.directions, directions)
  t.equal(directions.length, 2)
})
