import t from 'tap'
import type { Corridor } from '../../src/corridors/corridor.ts'
import { corridorImpact, settingsOf } from '../../src/corridors/corridor-impact.ts'
import type { SectionObservation } from '../../src/corridors/section-observation.ts'
import { DEFAULT_FLEET } from '../../src/impact/emissions/fleet.ts'
import { type ImpactModel, MODELS } from '../../src/impact/models.ts'
import { NO_RATES, type Rates, sumRates } from '../../src/impact/rates.ts'
import type { Reference } from '../../src/impact/reference.ts'
import {
  corridorWith,
  DEFINITION,
  MILL_ROAD,
  oneWay,
  section,
  seen,
  snapshotOf,
  unseen,
} from './fixtures/straight-road.ts'

const freeFlow: Reference = { kind: 'freeFlow' }
interface Choice {
  readonly corridor?: Corridor
  readonly model?: ImpactModel
  readonly reference?: Reference
}
const impactOf = (observations: SectionObservation[], choice: Choice = {}) => {
  const { corridor = MILL_ROAD, model = MODELS.physical, reference = freeFlow } = choice
  const snapshot = snapshotOf(...observations)
  return corridorImpact(corridor, snapshot, model, settingsOf(corridor, reference))
}

const southbound = [seen('south-2', 80), seen('south-1', 80)]

t.test('a corridor is the sum of its directions, and they of their sections', async (t) => {
  const result = impactOf([
    seen('north-1', 20),
    seen('north-2', 40, 0.9),
    seen('south-2', 70),
    seen('south-1', 10),
  ])
  t.equal(result.directions.length, 2)
  const known = (parts: readonly { readonly rates: Rates | null }[]): Rates =>
    sumRates(parts.flatMap(({ rates }) => rates ?? []))
  t.strictSame(result.rates, known(result.directions))
  for (const { direction, status, lengthKm, rates, sections } of result.directions) {
    t.equal(status, 'ok', direction)
    t.equal(lengthKm, 4)
    t.equal(sections.length, 2)
    t.strictSame(rates, known(sections))
  }
  const [north, south] = result.directions
  // 1,000 m fully and 3,000 m at 90 %: 3,700 of 4,000; and with the other direction 7,700 of 8,000.
  t.equal(north?.coverage.toFixed(9), '0.925000000')
  t.equal(south?.coverage, 1)
  t.equal(result.coverage.toFixed(9), '0.962500000')
  // 20 km/h is a third of 0.75 · 80, so q = (0.46 + 0.44/3) · 1,900 · 3, and 1 km takes 135 s more.
  const [first] = north?.sections ?? []
  const flow = (0.46 + 0.44 / 3) * 1900 * 3
  t.equal(first?.impact?.flowVehH?.central.toFixed(6), flow.toFixed(6))
  t.equal(first?.rates?.delay.central.toFixed(6), ((flow * 135) / 3600).toFixed(6))
  t.equal(
    first?.rates?.timeCost.central.toFixed(6),
    (50 * (first?.rates?.delay.central ?? 0)).toFixed(6),
    "at the corridor's value of time",
  )
})

t.test('a direction has the times of a drive through it', async (t) => {
  const [north] = impactOf([seen('north-1', 20), seen('north-2', 40), ...southbound]).directions
  // 1 km at 20 km/h and 3 km at 40 take 180 s and 270 s; at 80 km/h they take 45 s and 135 s.
  t.equal(north?.times?.travelTimeSeconds.toFixed(6), '450.000000')
  t.equal(north?.times?.freeFlowTravelTimeSeconds.toFixed(6), '180.000000')
  t.equal(north?.times?.delaySecondsPerVehicle.toFixed(6), '270.000000')
  t.equal(north?.times?.speedKmh.toFixed(6), '32.000000')
  // Weighed by flow, which goes as 0.46 + 0.44 · v/60.
  const [q1, q2] = [0.46 + 0.44 / 3, 0.46 + (0.44 * 2) / 3]
  const index = (q1 * 180 + q2 * 270) / (q1 * 45 + q2 * 135)
  t.equal(north?.times?.travelTimeIndex?.toFixed(9), index.toFixed(9))
})

t.test('an empty road has no delay', async (t) => {
  const { rates, directions } = impactOf([seen('north-1', 80), seen('north-2', 95), ...southbound])
  t.strictSame(rates?.delay, { low: 0, central: 0, high: 0 })
  t.equal(directions[1]?.times?.travelTimeIndex, 1)
  t.equal(directions[1]?.times?.delaySecondsPerVehicle, 0)
})

t.test('free traffic flows as the demand of the hour of observation', async (t) => {
  const [north] = impactOf([seen('north-1', 80), seen('north-2', 80), ...southbound]).directions
  // 5.75 % of 40,000 vehicles between 08 and 09 h on a Sunday, ± 25 %.
  const { low, central, high } = north?.sections[0]?.impact?.flowVehH ?? NO_RATES.delay
  t.strictSame(
    [low, central, high].map((value) => value.toFixed(6)),
    [2300 * 0.75, 2300, 2300 * 1.25].map((value) => value.toFixed(6)),
  )
})

t.test(
  'a direction that lacks a section is partial, and its sums say how much they are',
  async (t) => {
    const whole = impactOf([seen('north-1', 20), seen('north-2', 20), ...southbound])
    const lacking = [
      [unseen('north-2', 'insufficientCoverage', 0.7), 'matched too little'],
      [seen('elsewhere', 20), 'not in the snapshot at all'],
    ] as const
    for (const [observation, why] of lacking) {
      const result = impactOf([seen('north-1', 20), observation, ...southbound])
      const [north] = result.directions
      t.equal(north?.status, 'partial', why)
      t.equal(north?.coverage, 0.25, 'what is not in the rates is not in their coverage')
      t.equal(result.coverage, 0.625)
      t.equal(north?.lengthKm, 4, 'the length is that of the whole direction')
      t.equal(north?.sections[1]?.impact, null)
      t.equal(north?.sections[1]?.rates, null)
      t.equal(north?.sections[1]?.observation.status, 'insufficientCoverage')
      t.strictSame(north?.rates, north?.sections[0]?.rates)
      t.strictSame(north?.sections[0], whole.directions[0]?.sections[0])
      t.equal(north?.times?.travelTimeSeconds.toFixed(6), '180.000000', 'the drive that is known')
    }
  },
)

t.test('a direction of which nothing is known has no numbers', async (t) => {
  const result = impactOf(southbound)
  const [north, south] = result.directions
  t.match(north, { status: 'insufficientCoverage', coverage: 0, rates: null, times: null })
  t.strictSame(result.rates, south?.rates, 'the corridor is what is known of it')
  t.equal(result.coverage, 0.5)
  t.match(impactOf([]), { coverage: 0, rates: null })
})

t.test('a closed direction has no traffic and no delay, not an infinite one', async (t) => {
  const shut = [unseen('north-1', 'closed', 1), unseen('north-2', 'closed', 1)]
  const result = impactOf([...shut, ...southbound])
  const [north, south] = result.directions
  t.match(north, { status: 'closed', coverage: 1, times: null })
  t.strictSame(north?.rates, NO_RATES)
  for (const { impact, rates, observation } of north?.sections ?? []) {
    t.equal(impact, null)
    t.equal(observation.speedKmh, null)
    t.strictSame(rates, NO_RATES)
  }
  t.strictSame(result.rates, south?.rates)
  t.equal(result.coverage, 1)
})

t.test('a closed section beside an open one makes the direction partial', async (t) => {
  const [north] = impactOf([
    seen('north-1', 20),
    unseen('north-2', 'closed', 0.8),
    ...southbound,
  ]).directions
  t.equal(north?.status, 'partial')
  t.strictSame(north?.rates, north?.sections[0]?.rates)
  t.equal(north?.coverage.toFixed(9), '0.850000000', '1,000 m and 2,400 m of 4,000 m')
  const [dark] = impactOf([unseen('north-1', 'closed', 1), ...southbound]).directions
  t.equal(dark?.status, 'insufficientCoverage', 'closed and unknown together are not closed')
  t.match(
    dark,
    { times: null, rates: null, coverage: 0 },
    'and yield no zero that was not measured',
  )
})

t.test('a section whose flow nobody knows has times, but is not in the sums', async (t) => {
  const blind: ImpactModel = {
    ...MODELS.physical,
    impactOf: (state, settings) =>
      MODELS.physical.impactOf({ ...state, profileVehH: null }, settings),
  }
  const result = impactOf([seen('north-1', 20), seen('north-2', 80), ...southbound], {
    model: blind,
  })
  const [north, south] = result.directions
  t.equal(north?.status, 'ok')
  t.equal(north?.coverage, 0.25, 'only the jam tells its own flow')
  t.strictSame(north?.rates, north?.sections[0]?.rates)
  t.equal(north?.sections[1]?.rates, null)
  t.match(south, { status: 'ok', coverage: 0, rates: null, times: { travelTimeIndex: null } })
  t.equal(south?.times?.travelTimeSeconds.toFixed(6), '180.000000')
})

t.test("delay is counted from the reference asked for, by the section's own limit", async (t) => {
  const sections = [section('a', 0, 1000, { limitKmh: 60 }), section('b', 1000, 2000)]
  const corridor = oneWay(sections)
  const referencesOf = (reference: Reference) =>
    impactOf([seen('a', 30), seen('b', 30)], { corridor, reference }).directions[0]?.sections.map(
      ({ impact }) => impact?.referenceKmh,
    )
  t.strictSame(referencesOf(freeFlow), [60, 80], 'the limit of 60, the free flow of 80')
  t.strictSame(referencesOf({ kind: 'phed' }), [36, 54], '60 % of 60 and of 90')
  t.strictSame(referencesOf({ kind: 'custom', kmh: 45 }), [45, 45])
})

t.test('the model asked for is the one that is used', async (t) => {
  const { directions } = impactOf([seen('north-1', 18), seen('north-2', 90), ...southbound], {
    model: MODELS['ayalon-1.0-freeze'],
  })
  // 25 · 18 vehicles, each 200 s − 40 s on 1 km: 20 h; nothing at 90 km/h.
  t.equal(directions[0]?.rates?.delay.central.toFixed(6), '20.000000')
})

t.test('a corridor has the default fleet and curve, or its own', async (t) => {
  t.strictSame(settingsOf(MILL_ROAD, freeFlow), {
    reference: freeFlow,
    emissionCurve: 'uk-tag',
    fleet: DEFAULT_FLEET,
    capacityVehHLane: { low: 1500, central: 1900, high: 2200 },
    prices: { valueOfTimePerVehH: 50, fuelPerLitre: 8 },
  })
  const fleet = { petrolCar: 0.5, bus: 0.5 }
  const own = corridorWith({ ...DEFINITION, fleet, emissionCurve: 'barth-2008' })
  t.strictSame(settingsOf(own, freeFlow).fleet, fleet)
  t.equal(settingsOf(own, freeFlow).emissionCurve, 'barth-2008')
})
