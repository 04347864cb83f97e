import fc from 'fast-check'
import t from 'tap'
import type { Band } from '../../src/impact/band.ts'
import { excessPerKm } from '../../src/impact/emissions/curve.ts'
import { MODEL_IDS, MODELS } from '../../src/impact/models.ts'
import { physicalImpact } from '../../src/impact/physical.ts'
import { type Rates, sumRates } from '../../src/impact/rates.ts'
import { referenceSpeedKmh } from '../../src/impact/reference.ts'
import { type RouteSection, routeTimes } from '../../src/impact/route.ts'
import type { SectionState } from '../../src/impact/section.ts'
import { flooredSpeedKmh, isPlausibleSpeedKmh, travelSeconds } from '../../src/impact/speed.ts'
import { holds } from './fixtures/holds.ts'
import { JAM, SETTINGS, settings, speeds, states } from './fixtures/states.ts'

/** Every number in a value, however deep. */
const numbersIn = (value: unknown): number[] => {
  if (typeof value === 'number') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : []
}

const ordered = ({ low, central, high }: Band): boolean => low <= central && central <= high

/** Equal but for rounding; the smallest totals that matter are thousandths. */
const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 + 1e-9 * Math.abs(a)

const allClose = (a: unknown, b: unknown): boolean => {
  const [left, right] = [numbersIn(a), numbersIn(b)]
  return left.length === right.length && left.every((value, i) => close(value, right[i] ?? NaN))
}

const bandsOf = (rates: Rates): Band[] => [
  rates.delay,
  rates.excessFuel,
  rates.excessCo2,
  rates.timeCost,
  rates.fuelCost,
]

t.test('at the reference speed or above it there is no delay', async (t) => {
  holds(
    t,
    'zero',
    fc.property(states, settings, speeds, (state, choice, more) => {
      const speedKmh = referenceSpeedKmh(choice.reference, state) + more
      const { delaySecondsPerVehicle, rates } = physicalImpact({ ...state, speedKmh }, choice)
      return (
        delaySecondsPerVehicle === 0 &&
        (rates === null || numbersIn(rates.delay).every((value) => value === 0))
      )
    }),
  )
})

t.test('no model ever gives NaN or an infinite number', async (t) => {
  for (const id of MODEL_IDS) {
    holds(
      t,
      id,
      fc.property(states, settings, (state, choice) => {
        // The frozen model has no floor of its own: sections never stand below 4 km/h.
        const speedKmh = flooredSpeedKmh(state.speedKmh)
        const impact = MODELS[id].impactOf({ ...state, speedKmh }, choice)
        return numbersIn(impact).every(Number.isFinite)
      }),
    )
  }
  holds(
    t,
    'the physical model, at any speed',
    fc.property(states, settings, (state, choice) =>
      numbersIn(physicalImpact(state, choice)).every(Number.isFinite),
    ),
  )
})

t.test('the delay of a vehicle never falls when its speed falls', async (t) => {
  holds(
    t,
    'monotone',
    fc.property(states, settings, speeds, speeds, (state, choice, one, other) => {
      const at = (speedKmh: number): number =>
        physicalImpact({ ...state, speedKmh }, choice).delaySecondsPerVehicle
      return at(Math.min(one, other)) >= at(Math.max(one, other))
    }),
  )
})

t.test('low is at most central and central at most high', async (t) => {
  holds(
    t,
    'for every band of every rate',
    fc.property(states, settings, (state, choice) => {
      const { flowVehH, vehiclesPresent, rates } = physicalImpact(state, choice)
      const bands = [flowVehH, vehiclesPresent].filter((band) => band !== null)
      return [...bands, ...(rates === null ? [] : bandsOf(rates))].every(ordered)
    }),
  )
})

t.test('an estimated flow is never negative nor above what the lanes can carry', async (t) => {
  holds(
    t,
    'within capacity',
    fc.property(states, settings, (state, choice) => {
      const { flowVehH } = physicalImpact({ ...state, measuredFlowVehH: null }, choice)
      if (flowVehH === null) return true
      const { low, central } = choice.capacityVehHLane
      return (
        flowVehH.low >= 0 &&
        flowVehH.low <= low * state.lanes &&
        flowVehH.central <= central * state.lanes
      )
    }),
  )
})

t.test('splitting a section leaves every total equal', async (t) => {
  const share = fc.double({ min: 0.01, max: 0.99, noNaN: true })
  const split = (state: SectionState, part: number): [SectionState, SectionState] => [
    { ...state, lengthKm: state.lengthKm * part },
    { ...state, lengthKm: state.lengthKm * (1 - part) },
  ]
  for (const id of MODEL_IDS) {
    holds(
      t,
      id,
      fc.property(states, settings, share, (state, choice, part) => {
        const routed = (section: SectionState): RouteSection => ({
          lengthKm: section.lengthKm,
          freeFlowKmh: section.freeFlowKmh,
          impact: MODELS[id].impactOf(section, choice),
        })
        const moving = { ...state, speedKmh: flooredSpeedKmh(state.speedKmh) }
        const totals = (sections: RouteSection[]) => ({
          rates: sumRates(sections.flatMap(({ impact }) => impact.rates ?? [])),
          present: sections.reduce(
            (sum, { impact }) => sum + (impact.vehiclesPresent?.high ?? 0),
            0,
          ),
          times: routeTimes(sections),
        })
        return allClose(totals([routed(moving)]), totals(split(moving, part).map(routed)))
      }),
    )
  }
})

t.test('speed and travel time turn into each other and back', async (t) => {
  holds(
    t,
    'round trip',
    fc.property(states, (state) => {
      const speedKmh = flooredSpeedKmh(state.speedKmh)
      const seconds = travelSeconds(state.lengthKm, speedKmh)
      return (
        close(state.lengthKm / (seconds / 3600), speedKmh) &&
        close((seconds / 3600) * speedKmh, state.lengthKm)
      )
    }),
  )
  t.equal(travelSeconds(5, 90), 200)
  t.equal(travelSeconds(1, 3.6), 1000)
})

t.test('excess is counted from the reference, in either direction', async (t) => {
  holds(
    t,
    'antisymmetric, and zero at the reference',
    fc.property(settings, speeds, speeds, ({ emissionCurve, fleet }, one, other) => {
      const there = excessPerKm(emissionCurve, fleet, one, other)
      const back = excessPerKm(emissionCurve, fleet, other, one)
      const none = excessPerKm(emissionCurve, fleet, one, one)
      return (
        there.litres + back.litres === 0 &&
        there.co2Kg + back.co2Kg === 0 &&
        none.litres === 0 &&
        none.co2Kg === 0
      )
    }),
  )
  const cheapest = Array.from({ length: 136 }, (_, step) => step + 5).reduce((best, speedKmh) =>
    excessPerKm('uk-tag', SETTINGS.fleet, speedKmh, best).litres < 0 ? speedKmh : best,
  )
  t.ok(Math.abs(cheapest - 67) <= 2, `the curve is lowest near 67 km/h (${cheapest})`)
})

t.test('only speeds that traffic can have are plausible', async (t) => {
  for (const speedKmh of [0.1, 4, 90, 200]) t.ok(isPlausibleSpeedKmh(speedKmh), `${speedKmh}`)
  for (const speedKmh of [0, -1, 200.1, Infinity, -Infinity, NaN])
    t.notOk(isPlausibleSpeedKmh(speedKmh), `${speedKmh}`)
})

t.test('a route sums its times, and its index weighs the sections by their flow', async (t) => {
  const section = (speedKmh: number, measuredFlowVehH: number | null): RouteSection => {
    const state = { ...JAM, lengthKm: 1, freeFlowKmh: 60, profileVehH: null }
    const impact = physicalImpact({ ...state, speedKmh, measuredFlowVehH }, SETTINGS)
    return { lengthKm: 1, freeFlowKmh: 60, impact }
  }
  // 120 s for 1,000 veh/h and 60 s for 3,000, of which each would take 60 s when free.
  t.strictSame(routeTimes([section(30, 1000), section(60, 3000)]), {
    speedKmh: 40,
    travelTimeSeconds: 180,
    freeFlowTravelTimeSeconds: 120,
    delaySecondsPerVehicle: 60,
    travelTimeIndex: 1.25,
  })
  const phed = { ...SETTINGS, reference: { kind: 'phed' } as const }
  const state = { ...JAM, lengthKm: 1, freeFlowKmh: 60, speedKmh: 30, measuredFlowVehH: 1000 }
  const route = [{ lengthKm: 1, freeFlowKmh: 60, impact: physicalImpact(state, phed) }]
  t.equal(routeTimes(route).travelTimeIndex, 2, 'against free flow, whatever delay counts from')
  const unknown = section(60, null)
  t.equal(unknown.impact.flowVehH, null)
  t.equal(
    routeTimes([section(30, 1000), unknown]).travelTimeIndex,
    2,
    'what is not known is left out',
  )
  t.equal(routeTimes([unknown]).travelTimeIndex, null, 'no known flow, no index')
  t.equal(routeTimes([section(30, 0)]).travelTimeIndex, null, 'no flow, no index')
})
