import { type Fleet, VEHICLE_CLASSES, type VehicleClass } from './fleet.ts'
import type { PerKm } from './per-km.ts'

/** Litres per km = a/v + b + c·v + d·v², v in km/h; kg of CO2 per litre burnt. */
interface Coefficients {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  readonly co2KgPerLitre: number
}

const PETROL_CO2_KG_PER_LITRE = 2.31
const DIESEL_CO2_KG_PER_LITRE = 2.68

/** UK Department for Transport, TAG Data Book, table A1.3.8 (fuel consumption parameters). */
const TABLE: Readonly<Record<VehicleClass, Coefficients>> = {
  petrolCar: {
    a: 1.119322393,
    b: 0.04400477,
    c: -8.13834e-5,
    d: 2.44908e-6,
    co2KgPerLitre: PETROL_CO2_KG_PER_LITRE,
  },
  dieselCar: {
    a: 0.49214556,
    b: 0.062181967,
    c: -5.90984e-4,
    d: 4.64689e-6,
    co2KgPerLitre: DIESEL_CO2_KG_PER_LITRE,
  },
  dieselVan: {
    a: 1.396883496,
    b: 0.0334774,
    c: -2.29978e-4,
    d: 7.6732e-6,
    co2KgPerLitre: DIESEL_CO2_KG_PER_LITRE,
  },
  rigidTruck: {
    a: 1.431445529,
    b: 0.258021379,
    c: -0.003906637,
    d: 3.36231e-5,
    co2KgPerLitre: DIESEL_CO2_KG_PER_LITRE,
  },
  articulatedTruck: {
    a: 2.670111055,
    b: 0.557155643,
    c: -0.007976139,
    d: 6.00353e-5,
    co2KgPerLitre: DIESEL_CO2_KG_PER_LITRE,
  },
  bus: {
    a: 5.980054953,
    b: 0.245278327,
    c: -0.003064986,
    d: 3.06148e-5,
    co2KgPerLitre: DIESEL_CO2_KG_PER_LITRE,
  },
}

/**
 * The default curve: UK TAG average-speed fuel consumption, weighted by the fleet's shares.
 * An average-speed curve already contains stop-and-go driving, so no further factor is applied.
 */
export function ukTag(speedKmh: number, fleet: Fleet): PerKm {
  let litres = 0
  let co2Kg = 0
  for (const vehicle of VEHICLE_CLASSES) {
    const { a, b, c, d, co2KgPerLitre } = TABLE[vehicle]
    const burnt = (fleet[vehicle] ?? 0) * (a / speedKmh + b + c * speedKmh + d * speedKmh ** 2)
    litres += burnt
    co2Kg += burnt * co2KgPerLitre
  }
  return { litres, co2Kg }
}
