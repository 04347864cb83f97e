import type { PerKm } from './per-km.ts'

const KM_PER_MILE = 1.609344
/** The curve gives CO2 only; litres follow as petrol, the fuel of its light-duty fleet. */
const PETROL_CO2_KG_PER_LITRE = 2.31

/** ln(g CO2 per mile) as a polynomial of mph, lowest power first. */
const LN_G_PER_MILE = [
  7.61353499496556, -0.138565467462594, 0.003915102063854, -0.000049451361017, 0.000000238630156,
] as const

/**
 * Barth & Boriboonsomsin 2008, "Real-world carbon dioxide impacts of traffic congestion",
 * Transportation Research Record 2058: CO2 of the light-duty fleet in real driving by average
 * speed. It knows no vehicle classes, so the fleet's shares do not enter.
 */
export function barth2008(speedKmh: number): PerKm {
  const mph = speedKmh / KM_PER_MILE
  const ln = LN_G_PER_MILE.reduce((sum, factor, power) => sum + factor * mph ** power, 0)
  const co2Kg = Math.exp(ln) / KM_PER_MILE / 1000
  return { litres: co2Kg / PETROL_CO2_KG_PER_LITRE, co2Kg }
}
