import { z } from 'zod'
import type { Band } from '../impact/band.ts'
import type { Rates } from '../impact/rates.ts'
import type { SectionImpact } from '../impact/section.ts'
import { flowSchema, ratesSchema, ratesView, vehiclesSchema, withUnit } from './rates.ts'

/** The numbers of a section; each null where there is not enough data for it. */
export const sectionNumbers = {
  speedKmh: z.number().nullable().describe('The speed computed with, never below 4 km/h.'),
  referenceKmh: z.number().nullable(),
  congested: z.boolean().nullable().describe('Below 75 % of the free-flow speed.'),
  delaySecondsPerVehicle: z.number().nullable(),
  flow: flowSchema.nullable(),
  vehiclesPresent: vehiclesSchema.nullable().describe('Vehicles on the section now.'),
  rates: ratesSchema.nullable(),
}
const numbersSchema = z.object(sectionNumbers)
type SectionNumbers = z.infer<typeof numbersSchema>

/** What is known of a section: its flow and rates are 0 where it is closed, without an impact. */
interface KnownOfSection {
  readonly impact: SectionImpact | null
  readonly flowVehH: Band | null
  readonly rates: Rates | null
}

/** The numbers of a section as they go out; the currency is an ISO 4217 code. */
export function sectionNumbersView(
  { impact, flowVehH, rates }: KnownOfSection,
  currency: string,
): SectionNumbers {
  const vehiclesPresent = impact?.vehiclesPresent ?? null
  return {
    speedKmh: impact?.speedKmh ?? null,
    referenceKmh: impact?.referenceKmh ?? null,
    congested: impact?.congested ?? null,
    delaySecondsPerVehicle: impact?.delaySecondsPerVehicle ?? null,
    flow: flowVehH && withUnit('veh/h', flowVehH),
    vehiclesPresent: vehiclesPresent && withUnit('veh', vehiclesPresent),
    rates: ratesView(rates, currency),
  }
}
