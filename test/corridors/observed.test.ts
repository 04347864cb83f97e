import t from 'tap'
import type { Corridor } from '../../src/corridors/corridor.ts'
import { corridorSamples, type Observed, sectionSamples } from '../../src/corridors/observed.ts'
import type { SectionObservation } from '../../src/corridors/section-observation.ts'
import { amountsOf, type RatesAt } from '../../src/impact/amounts.ts'
import { MODELS } from '../../src/impact/models.ts'
import { NO_RATES } from '../../src/impact/rates.ts'
import {
  corridorWith,
  MILL_ROAD,
  SUNDAY_MORNING,
  section,
  seen,
  unseen,
} from './fixtures/straight-road.ts'

const HOUR = 3_600_000
const FREE_FLOW = { kind: 'freeFlow' } as const
const IDS = ['north-1', 'north-2', 'south-2', 'south-1'] as const

/** What was observed so many minutes after the first, of a corridor as it was then. */
const after = (
  minutes: number,
  sections: readonly SectionObservation[],
  corridor: Corridor = MILL_ROAD,
): Observed => ({
  corridor,
  snapshot: { provider: 'here', observedAtMs: SUNDAY_MORNING + minutes * 60_000, sections },
})
const allAt = (speedKmh: number) => IDS.map((id) => seen(id, speedKmh))
const samplesOf = (observed: readonly Observed[], id: string): RatesAt[] =>
  sectionSamples(observed, MODELS.physical).find(({ section }) => section === id)?.samples ?? []

t.test('each section has its rates at every moment that it was observed', async (t) => {
  const observed = [after(0, allAt(30)), after(5, allAt(60))]
  const sections = sectionSamples(observed, MODELS.physical)
  t.match(sections, [
    { direction: 'northbound', section: 'north-1' },
    { direction: 'northbound', section: 'north-2' },
    { direction: 'southbound', section: 'south-2' },
    { direction: 'southbound', section: 'south-1' },
  ])
  for (const { samples } of sections) {
    t.strictSame(
      samples.map(({ atMs }) => atMs - SUNDAY_MORNING),
      [0, 300_000],
    )
    const [slow, fast] = samples.map(({ rates }) => rates?.delay.central ?? 0)
    t.ok((slow ?? 0) > (fast ?? 0))
  }
})

t.test('what was measured of a section is kilometres; of the corridor, a share', async (t) => {
  const some = [
    seen('north-1', 30, 0.9), // of 1 km
    seen('north-2', 30), // of 3 km
    unseen('south-2', 'insufficientCoverage', 0.5),
    seen('south-1', 30),
  ]
  const observed = [after(0, some)]
  const measuredOf = (id: string) => samplesOf(observed, id)[0]?.measured
  t.strictSame(IDS.map(measuredOf), [0.9, 3, 0, 1])
  const [sample] = corridorSamples(observed, MODELS.physical, FREE_FLOW)
  t.equal(sample?.measured.toFixed(6), ((0.9 + 3 + 1) / 8).toFixed(6))
})

t.test('a section without data has no rates; a closed one has rates of 0', async (t) => {
  const observed = [
    after(0, [
      seen('north-1', 30),
      unseen('north-2', 'insufficientCoverage', 0.5),
      seen('south-2', 30),
      unseen('south-1', 'closed', 1),
    ]),
  ]
  t.match(samplesOf(observed, 'north-2'), [{ rates: null, measured: 0 }])
  t.strictSame(samplesOf(observed, 'south-1')[0]?.rates, NO_RATES)
  t.equal(samplesOf(observed, 'south-1')[0]?.measured, 1)
})

t.test('a section that an observation does not name is one without data', async (t) => {
  const observed = [after(0, allAt(30)), after(5, [seen('north-1', 30)])]
  t.match(samplesOf(observed, 'south-1'), [{ measured: 1 }, { rates: null, measured: 0 }])
})

t.test('a section that a later definition lacks ends where that begins', async (t) => {
  const [, southbound] = MILL_ROAD.directions
  // Four kilometres in one, in the place of one and three.
  const merged = corridorWith({
    directions: [
      { direction: 'northbound', sections: [section('north', 0, 4000)] },
      ...(southbound ? [southbound] : []),
    ],
  })
  const later = [seen('north', 30), seen('south-2', 30), seen('south-1', 30)]
  const observed = [after(0, allAt(30)), after(5, later, merged), after(10, later, merged)]
  const ended = samplesOf(observed, 'north-1')
  t.strictSame(
    ended.map(({ atMs, rates }) => [(atMs - SUNDAY_MORNING) / 60_000, rates === null]),
    [
      [0, false],
      [5, true],
      [10, true],
    ],
    'it does not hold beside the one that covers its road now',
  )
  t.strictSame(
    samplesOf(observed, 'north').map(({ atMs }) => (atMs - SUNDAY_MORNING) / 60_000),
    [5, 10],
  )
  const kmHours = sectionSamples(observed, MODELS.physical).reduce(
    (sum, { samples }) =>
      sum + amountsOf(samples, SUNDAY_MORNING, SUNDAY_MORNING + HOUR).measuredHours,
    0,
  )
  t.equal(kmHours.toFixed(6), ((8 * 20) / 60).toFixed(6), 'no kilometre counts twice')
})

t.test('the sections sum to the corridor, whatever definition each was seen with', async (t) => {
  const wider = corridorWith({ postedLimitKmh: 60 })
  const observed = [after(0, allAt(20)), after(5, allAt(35), wider), after(15, allAt(70))]
  const whole = corridorSamples(observed, MODELS.physical, FREE_FLOW)
  const sections = sectionSamples(observed, MODELS.physical)
  for (const [index, { rates }] of whole.entries()) {
    const sum = sections.reduce(
      (total, { samples }) => total + (samples[index]?.rates?.delay.central ?? Number.NaN),
      0,
    )
    t.equal(sum.toFixed(6), rates?.delay.central.toFixed(6))
  }
})

t.test('the corridor may be seen against another reference and by another model', async (t) => {
  const observed = [after(0, allAt(30))]
  const delayOf = (...args: [model: keyof typeof MODELS, kmh: number]) => {
    const [model, kmh] = args
    const [sample] = corridorSamples(observed, MODELS[model], { kind: 'custom', kmh })
    return sample?.rates?.delay.central ?? 0
  }
  t.ok(delayOf('physical', 60) > delayOf('physical', 40))
  t.equal(delayOf('physical', 30), 0)
  t.equal(
    delayOf('ayalon-1.0-freeze', 30).toFixed(6),
    (30 * 25 * (8 / 30 - 8 / 90)).toFixed(6),
    'which has a reference of its own',
  )
})

t.test('nothing observed gives nothing', async (t) => {
  t.strictSame(sectionSamples([], MODELS.physical), [])
  t.strictSame(corridorSamples([], MODELS.physical, FREE_FLOW), [])
})
