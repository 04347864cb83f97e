import type { Amounts } from '../../impact/amounts.ts'

/** The amounts of a total as columns: veh-h, litres, kilogrammes, and currency twice. */
export const AMOUNT_COLUMNS = [
  'delay_low',
  'delay_central',
  'delay_high',
  'fuel_low',
  'fuel_central',
  'fuel_high',
  'fuel_positive',
  'co2_low',
  'co2_central',
  'co2_high',
  'co2_positive',
  'time_cost_low',
  'time_cost_central',
  'time_cost_high',
  'fuel_cost_low',
  'fuel_cost_central',
  'fuel_cost_high',
] as const

/** All that adds up over buckets and sections. */
export const SUMMED_COLUMNS = ['measured_km_h', ...AMOUNT_COLUMNS] as const

/** A row's amounts. */
export type AmountColumns = { readonly [Column in (typeof AMOUNT_COLUMNS)[number]]: number }

export function toColumns({
  delay,
  excessFuel,
  excessCo2,
  timeCost,
  fuelCost,
}: Amounts): AmountColumns {
  return {
    delay_low: delay.low,
    delay_central: delay.central,
    delay_high: delay.high,
    fuel_low: excessFuel.low,
    fuel_central: excessFuel.central,
    fuel_high: excessFuel.high,
    fuel_positive: excessFuel.positivePart,
    co2_low: excessCo2.low,
    co2_central: excessCo2.central,
    co2_high: excessCo2.high,
    co2_positive: excessCo2.positivePart,
    time_cost_low: timeCost.low,
    time_cost_central: timeCost.central,
    time_cost_high: timeCost.high,
    fuel_cost_low: fuelCost.low,
    fuel_cost_central: fuelCost.central,
    fuel_cost_high: fuelCost.high,
  }
}

export const fromColumns = (row: AmountColumns): Amounts => ({
  delay: { low: row.delay_low, central: row.delay_central, high: row.delay_high },
  excessFuel: {
    low: row.fuel_low,
    central: row.fuel_central,
    high: row.fuel_high,
    positivePart: row.fuel_positive,
  },
  excessCo2: {
    low: row.co2_low,
    central: row.co2_central,
    high: row.co2_high,
    positivePart: row.co2_positive,
  },
  timeCost: { low: row.time_cost_low, central: row.time_cost_central, high: row.time_cost_high },
  fuelCost: { low: row.fuel_cost_low, central: row.fuel_cost_central, high: row.fuel_cost_high },
})
