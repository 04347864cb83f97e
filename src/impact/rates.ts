import { type Band, exactly, scale, sumBands } from './band.ts'

/** A signed band, with the sum of its sections' positive central values beside it. */
export interface SignedBand extends Band {
  readonly positivePart: number
}

/** What congestion costs per hour, now. */
export interface Rates {
  /** Vehicle-hours of delay per hour. */
  readonly delay: Band
  /** Litres per hour; negative where slower traffic burns less. */
  readonly excessFuel: SignedBand
  /** Kilogrammes per hour; signed as the fuel. */
  readonly excessCo2: SignedBand
  /** Delay times the value of time, currency per hour. */
  readonly timeCost: Band
  /** Excess fuel times its price, currency per hour; signed as the fuel. */
  readonly fuelCost: Band
}

/** Prices of the two costs, kept apart, in the corridor's currency. */
export interface Prices {
  readonly valueOfTimePerVehH: number
  readonly fuelPerLitre: number
}

/** No traffic, no impact. */
export const NO_RATES: Rates = {
  delay: exactly(0),
  excessFuel: { ...exactly(0), positivePart: 0 },
  excessCo2: { ...exactly(0), positivePart: 0 },
  timeCost: exactly(0),
  fuelCost: exactly(0),
}

const signed = (band: Band): SignedBand => ({ ...band, positivePart: Math.max(0, band.central) })

/** The rates of one section from its physical bands: veh-h/h, L/h, kg/h. */
export function toRates(
  physical: { readonly delay: Band; readonly fuel: Band; readonly co2: Band },
  prices: Prices,
): Rates {
  return {
    delay: physical.delay,
    excessFuel: signed(physical.fuel),
    excessCo2: signed(physical.co2),
    timeCost: scale(physical.delay, prices.valueOfTimePerVehH),
    fuelCost: scale(physical.fuel, prices.fuelPerLitre),
  }
}

/** The rates times a factor of at least 0: rates held for so many hours are amounts. */
export function scaleRates(rates: Rates, factor: number): Rates {
  const signedBy = (band: SignedBand): SignedBand => ({
    ...scale(band, factor),
    positivePart: band.positivePart * factor,
  })
  return {
    delay: scale(rates.delay, factor),
    excessFuel: signedBy(rates.excessFuel),
    excessCo2: signedBy(rates.excessCo2),
    timeCost: scale(rates.timeCost, factor),
    fuelCost: scale(rates.fuelCost, factor),
  }
}

const sumSigned = (bands: readonly SignedBand[]): SignedBand => ({
  ...sumBands(bands),
  positivePart: bands.reduce((sum, band) => sum + band.positivePart, 0),
})

/** The rates of several sections together. */
export function sumRates(rates: readonly Rates[]): Rates {
  return {
    delay: sumBands(rates.map((rate) => rate.delay)),
    excessFuel: sumSigned(rates.map((rate) => rate.excessFuel)),
    excessCo2: sumSigned(rates.map((rate) => rate.excessCo2)),
    timeCost: sumBands(rates.map((rate) => rate.timeCost)),
    fuelCost: sumBands(rates.map((rate) => rate.fuelCost)),
  }
}
