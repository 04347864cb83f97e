import { type Hold, holds, hoursBetween, type Sample } from './integral.ts'
import { type Rates, scaleRates, sumRates } from './rates.ts'

/** Rates per hour as they were at one moment. */
export interface RatesAt extends Sample {
  /** Null where nothing was known. */
  readonly rates: Rates | null
  /** How much road the rates stand on: a share of it, or kilometres. */
  readonly measured: number
}

/** The rates summed over time: vehicle-hours, litres, kilogrammes, and currency twice. */
export type Amounts = Rates

/** What observations say of a window of time. */
export interface Measured {
  /** Null where nothing was known. */
  readonly amounts: Amounts | null
  /** How much road was measured, times how many hours. */
  readonly measuredHours: number
}

/** Step-hold integral of rates over `[fromMs, toMs)`; see `holds`. */
export const amountsOf = (samples: readonly RatesAt[], fromMs: number, toMs: number): Measured =>
  sumHolds(holds(samples, fromMs, toMs))

/**
 * The same for every slot of a length that the window overlaps, by the slot's start; slots of
 * which nothing is known are left out. Slots begin at whole multiples of their length.
 */
export function amountsBySlot(
  samples: readonly RatesAt[],
  fromMs: number,
  toMs: number,
  slotMs: number,
): Map<number, Measured & { readonly amounts: Amounts }> {
  const slots = Map.groupBy(
    holds(samples, fromMs, toMs).flatMap((hold) => cutAtSlots(hold, slotMs)),
    (hold) => slotStart(hold.fromMs, slotMs),
  )
  return new Map(
    [...slots].flatMap(([start, parts]) => {
      const { amounts, measuredHours } = sumHolds(parts)
      return amounts === null ? [] : [[start, { amounts, measuredHours }] as const]
    }),
  )
}

/** The start of the slot that a moment lies in. */
export const slotStart = (atMs: number, slotMs: number): number => atMs - (atMs % slotMs)

function cutAtSlots<S extends Sample>(hold: Hold<S>, slotMs: number): Hold<S>[] {
  const parts: Hold<S>[] = []
  for (let at = hold.fromMs; at < hold.toMs; ) {
    const end = Math.min(slotStart(at, slotMs) + slotMs, hold.toMs)
    parts.push({ sample: hold.sample, fromMs: at, toMs: end })
    at = end
  }
  return parts
}

function sumHolds(parts: readonly Hold<RatesAt>[]): Measured {
  const amounts: Amounts[] = []
  let measuredHours = 0
  for (const { sample, fromMs, toMs } of parts) {
    if (sample.rates === null) continue
    const hours = hoursBetween(fromMs, toMs)
    amounts.push(scaleRates(sample.rates, hours))
    measuredHours += sample.measured * hours
  }
  return { amounts: amounts.length > 0 ? sumRates(amounts) : null, measuredHours }
}
