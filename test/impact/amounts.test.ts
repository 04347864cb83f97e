import t from 'tap'
import { amountsBySlot, amountsOf, type RatesAt, slotStart } from '../../src/impact/amounts.ts'
import { exactly } from '../../src/impact/band.ts'
import { NO_RATES, type Rates } from '../../src/impact/rates.ts'

const MINUTE = 60_000
const SLOT = 5 * MINUTE
const START = Date.UTC(2026, 8, 20, 5)

/** Every rate at so many units an hour. */
const ratesOf = (perHour: number): Rates => ({
  delay: exactly(perHour),
  excessFuel: { ...exactly(-perHour), positivePart: perHour / 2 },
  excessCo2: { ...exactly(-perHour), positivePart: perHour / 2 },
  timeCost: { low: perHour / 2, central: perHour, high: perHour * 2 },
  fuelCost: exactly(-perHour),
})

const after = (minutes: number, perHour: number | null, measured = 1): RatesAt => ({
  atMs: START + minutes * MINUTE,
  rates: perHour === null ? null : ratesOf(perHour),
  measured,
})

t.test('rates held over time are amounts, and so is the road that was measured', async (t) => {
  const { amounts, measuredHours } = amountsOf([after(0, 60, 2)], START, START + 6 * MINUTE)
  t.strictSame(amounts, ratesOf(6))
  t.equal(measuredHours, 0.2)
})

t.test('a moment of which nothing was known ends what was known before it', async (t) => {
  const samples = [after(0, 60), after(2, null, 5), after(4, 120)]
  const { amounts, measuredHours } = amountsOf(samples, START, START + 5 * MINUTE)
  t.equal(amounts?.delay.central, 2 + 2)
  t.equal(measuredHours.toFixed(9), (3 / 60).toFixed(9), 'what was not known measured no road')
})

t.test(
  'where nothing was known there is no amount, which is not an amount of nothing',
  async (t) => {
    const end = START + 5 * MINUTE
    t.strictSame(amountsOf([], START, end), { amounts: null, measuredHours: 0 })
    t.strictSame(amountsOf([after(0, null)], START, end), { amounts: null, measuredHours: 0 })
    const free = [{ atMs: START, rates: NO_RATES, measured: 1 }]
    t.strictSame(amountsOf(free, START, end).amounts, NO_RATES)
  },
)

t.test('each slot gets the time that lies in it', async (t) => {
  const samples = [after(3, 60), after(7, null), after(9, 120), after(31, 60)]
  const slots = amountsBySlot(samples, START, START + 33 * MINUTE, SLOT)
  const minutes = [...slots].map(([start, { amounts, measuredHours }]) => [
    (start - START) / MINUTE,
    amounts?.delay.central.toFixed(9),
    (measuredHours * 60).toFixed(9),
  ])
  t.strictSame(minutes, [
    [0, (2).toFixed(9), (2).toFixed(9)],
    [5, (2 + 2).toFixed(9), (2 + 1).toFixed(9)],
    [10, (10).toFixed(9), (5).toFixed(9)],
    [15, (8).toFixed(9), (4).toFixed(9)],
    [30, (2).toFixed(9), (2).toFixed(9)],
  ])
})

t.test('a slot that nothing is known of is left out', async (t) => {
  t.strictSame(amountsBySlot([after(0, null)], START, START + 10 * MINUTE, SLOT), new Map())
  t.strictSame(amountsBySlot([], START, START + 10 * MINUTE, SLOT), new Map())
})

t.test('the slots of a window add up to it, wherever it is cut', async (t) => {
  const samples = [after(-4, 10), after(1, 60), after(8, 7), after(13, 90), after(40, 3)]
  const sum = (slots: ReturnType<typeof amountsBySlot>): string =>
    [...slots.values()]
      .reduce((total, { amounts }) => total + (amounts?.timeCost.high ?? 0), 0)
      .toFixed(9)
  for (const [from, to] of [
    [0, 60],
    [1, 2],
    [2, 41],
  ] as const) {
    const [fromMs, toMs] = [START + from * MINUTE, START + to * MINUTE]
    const whole = amountsOf(samples, fromMs, toMs).amounts?.timeCost.high.toFixed(9)
    t.equal(sum(amountsBySlot(samples, fromMs, toMs, SLOT)), whole)
  }
})

t.test('a slot begins at a whole multiple of its length', async (t) => {
  t.equal(slotStart(START, SLOT), START)
  t.equal(slotStart(START + SLOT - 1, SLOT), START)
  t.equal(slotStart(START + SLOT, SLOT), START + SLOT)
})
