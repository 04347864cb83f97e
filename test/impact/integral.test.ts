import fc from 'fast-check'
import t from 'tap'
import { integrate, type RateAt } from '../../src/impact/integral.ts'
import { holds } from './fixtures/holds.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const START = Date.UTC(2026, 8, 20, 5)
const after = (minutes: number, perHour: number): RateAt => ({
  atMs: START + minutes * MINUTE,
  perHour,
})

const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * (1 + Math.abs(a))

/** Observations with the given least and greatest gap between them, in order of time. */
const observations = (leastGapMs: number, mostGapMs: number): fc.Arbitrary<RateAt[]> =>
  fc
    .array(
      fc.tuple(
        fc.integer({ min: leastGapMs, max: mostGapMs }),
        fc.double({ min: -1e4, max: 1e4, noNaN: true }),
      ),
      { minLength: 1, maxLength: 40 },
    )
    .map((steps) => {
      let atMs = START
      return steps.map(([gapMs, perHour]) => {
        atMs += gapMs
        return { atMs, perHour }
      })
    })

/** Moments around the observations above. */
const moments = fc.integer({ min: START - HOUR, max: START + 12 * HOUR })

t.test('an observation holds until the next one', async (t) => {
  const samples = [after(0, 60), after(5, 120), after(10, 0)]
  // Five minutes at 60 an hour, five at 120, ten at nothing, which was observed too.
  t.strictSame(integrate(samples, START, START + 20 * MINUTE), { total: 15, coverage: 1 })
})

t.test('an observation holds for ten minutes at most and gaps are not filled', async (t) => {
  t.strictSame(integrate([after(0, 60)], START, START + HOUR), { total: 10, coverage: 1 / 6 })
  const gap = integrate([after(0, 60), after(20, 60)], START, START + 30 * MINUTE)
  t.equal(gap.total, 20)
  t.equal(gap.coverage.toFixed(9), (2 / 3).toFixed(9))
  const none = { total: 0, coverage: 0 }
  t.strictSame(integrate([], START, START + HOUR), none, 'nothing observed')
})

t.test('only the window counts', async (t) => {
  const total = (samples: RateAt[]) => integrate(samples, START, START + 10 * MINUTE)
  t.strictSame(total([after(-4, 60)]), { total: 6, coverage: 0.6 }, 'still holding at its start')
  t.strictSame(total([after(-10, 60)]), { total: 0, coverage: 0 }, 'no longer holding')
  t.strictSame(total([after(8, 60)]), { total: 2, coverage: 0.2 }, 'cut at its end')
  t.strictSame(total([after(10, 60), after(15, 60)]), { total: 0, coverage: 0 }, 'after it')
  const empty = { total: 0, coverage: 0 }
  t.strictSame(integrate([after(0, 60)], START, START), empty, 'a window of no length')
})

t.test('observing the same rate twice as often leaves the integral equal', async (t) => {
  holds(
    t,
    'with an observation halfway between every two',
    fc.property(observations(2, 10 * MINUTE), moments, moments, (samples, one, other) => {
      const twice = samples.flatMap((sample, index) => {
        const next = samples[index + 1]
        if (next === undefined) return [sample]
        return [sample, { ...sample, atMs: Math.floor((sample.atMs + next.atMs) / 2) }]
      })
      const [from, to] = [Math.min(one, other), Math.max(one, other)]
      const [seldom, often] = [integrate(samples, from, to), integrate(twice, from, to)]
      return close(seldom.total, often.total) && close(seldom.coverage, often.coverage)
    }),
  )
  const every = (minutes: number): RateAt[] =>
    Array.from({ length: (24 * 60) / minutes }, (_, step) => after(step * minutes, 858))
  for (const minutes of [1, 5, 10]) {
    const { total, coverage } = integrate(every(minutes), START, START + 24 * HOUR)
    t.equal(total.toFixed(6), (24 * 858).toFixed(6), `a day of observations every ${minutes} min`)
    t.equal(coverage, 1)
  }
})

t.test('a day is the sum of its parts', async (t) => {
  holds(
    t,
    'cut anywhere',
    fc.property(observations(1, HOUR), moments, moments, moments, (samples, ...cuts) => {
      const [from = 0, middle = 0, to = 0] = cuts.toSorted((a, b) => a - b)
      const parts = integrate(samples, from, middle).total + integrate(samples, middle, to).total
      return close(integrate(samples, from, to).total, parts)
    }),
  )
})

t.test('coverage lies between nothing and all, and no gap adds to a total', async (t) => {
  holds(
    t,
    'bounds',
    fc.property(observations(1, HOUR), moments, moments, (samples, one, other) => {
      const [from, to] = [Math.min(one, other), Math.max(one, other)]
      const { total, coverage } = integrate(samples, from, to)
      const largest = Math.max(...samples.map(({ perHour }) => Math.abs(perHour)))
      const mostCovered = (largest * coverage * (to - from)) / HOUR
      return coverage >= 0 && coverage <= 1 && Math.abs(total) <= mostCovered * (1 + 1e-9) + 1e-9
    }),
  )
})
