import { z } from 'zod'
import type { Amounts } from '../impact/amounts.ts'
import type { Band } from '../impact/band.ts'
import type { Rates } from '../impact/rates.ts'

const ends = { low: z.number(), central: z.number(), high: z.number() }
const amount = (unit: string | z.ZodString) =>
  z.object({ unit: typeof unit === 'string' ? z.literal(unit) : unit, ...ends })
const signedAmount = (unit: string) => amount(unit).extend({ positivePart: z.number() })

/** What congestion costs per hour, each with its unit and modelling band. */
export const ratesSchema = z
  .object({
    delay: amount('veh-h/h'),
    excessFuel: signedAmount('L/h'),
    excessCo2: signedAmount('kg/h'),
    timeCost: amount(z.string()).describe('Delay times the value of time, currency per hour.'),
    fuelCost: amount(z.string()).describe('Excess fuel times its price, currency per hour.'),
  })
  .meta({
    id: 'Rates',
    description: 'What congestion costs per hour; of fuel and CO2 also the part that is positive.',
  })
export type RatesView = z.infer<typeof ratesSchema>

/** What congestion cost over a span of time, each with its unit and modelling band. */
export const amountsSchema = z.object({
  delay: amount('veh-h'),
  excessFuel: signedAmount('L'),
  excessCo2: signedAmount('kg'),
  timeCost: amount(z.string()).describe('Delay times the value of time, currency.'),
  fuelCost: amount(z.string()).describe('Excess fuel times its price, currency.'),
})
export type AmountsView = z.infer<typeof amountsSchema>

export const flowSchema = amount('veh/h').meta({ id: 'Flow' })
export const vehiclesSchema = amount('veh').meta({ id: 'Vehicles' })

/** A band with its unit. */
export const withUnit = <Unit extends string>(
  unit: Unit,
  { low, central, high }: Band,
): { unit: Unit; low: number; central: number; high: number } => ({ unit, low, central, high })

/** Rates with their units; the currency is an ISO 4217 code. */
export function ratesView(rates: Rates | null, currency: string): RatesView | null {
  if (rates === null) return null
  const { delay, excessFuel, excessCo2, timeCost, fuelCost } = rates
  return {
    delay: withUnit('veh-h/h', delay),
    excessFuel: { ...withUnit('L/h', excessFuel), positivePart: excessFuel.positivePart },
    excessCo2: { ...withUnit('kg/h', excessCo2), positivePart: excessCo2.positivePart },
    timeCost: withUnit(`${currency}/h`, timeCost),
    fuelCost: withUnit(`${currency}/h`, fuelCost),
  }
}

/** Amounts with their units; the currency is an ISO 4217 code. */
export function amountsView(amounts: Amounts, currency: string): AmountsView {
  const { delay, excessFuel, excessCo2, timeCost, fuelCost } = amounts
  return {
    delay: withUnit('veh-h', delay),
    excessFuel: { ...withUnit('L', excessFuel), positivePart: excessFuel.positivePart },
    excessCo2: { ...withUnit('kg', excessCo2), positivePart: excessCo2.positivePart },
    timeCost: withUnit(currency, timeCost),
    fuelCost: withUnit(currency, fuelCost),
  }
}
