import { z } from 'zod'
import { emissionCurveId, vehicleShares } from '../../corridors/corridor.ts'
import {
  isPlausibleSpeedKmh,
  LEAST_FREE_FLOW_KMH,
  MAX_PLAUSIBLE_SPEED_KMH,
} from '../../impact/speed.ts'
import { modelChoice, referenceChoice } from '../../views/choices.ts'
import { modelSchema } from '../../views/model.ts'
import { qualitySchema } from '../../views/quality.ts'
import { ratesSchema } from '../../views/rates.ts'
import { sectionNumbers } from '../../views/section.ts'

/** At most this many sections in one request. */
const MOST_SECTIONS = 1000

const kmh = z.number().max(MAX_PLAUSIBLE_SPEED_KMH)
/** More than 20 lanes at the highest measured flow. */
const flowVehH = z.number().min(0).max(100_000)
const unitPrice = z.number().min(0).max(1_000_000)

const inputSection = z
  .strictObject({
    id: z.string().min(1).max(128),
    lengthKm: z.number().min(0.001).max(1000),
    lanes: z.number().min(0.5).max(20).describe('Without bus-only lanes.'),
    speedKmh: kmh.min(0.1).optional().describe('Either this or travelTimeSeconds.'),
    travelTimeSeconds: z.number().gt(0).max(86_400).optional(),
    freeFlowKmh: kmh.min(LEAST_FREE_FLOW_KMH),
    limitKmh: kmh.min(10),
    profileVehH: flowVehH.optional().describe('Demand of this hour over all lanes.'),
    measuredFlowVehH: flowVehH.optional().describe('Replaces the estimate and closes the band.'),
  })
  .meta({ id: 'ImpactSection', description: 'A section of a road of the caller.' })
  .transform(({ speedKmh, travelTimeSeconds, ...section }, context) => {
    const timedKmh = travelTimeSeconds && (section.lengthKm / travelTimeSeconds) * 3600
    const [speed, second] = [speedKmh, timedKmh].filter((given) => given !== undefined)
    const fault = (path: string, message: string): never => {
      context.addIssue({ code: 'custom', path: [path], message })
      return z.NEVER
    }
    if (speed === undefined || second !== undefined)
      return fault('speedKmh', 'give either speedKmh or travelTimeSeconds')
    if (!isPlausibleSpeedKmh(speed))
      return fault('travelTimeSeconds', 'means a speed above 200 km/h')
    return { ...section, speedKmh: speed }
  })
export type InputSection = z.infer<typeof inputSection>

/** The sections of the caller, and the choices of the model. Nothing of it is stored. */
export const impactBody = z
  .strictObject({
    sections: z.array(inputSection).min(1).max(MOST_SECTIONS),
    reference: referenceChoice.optional().describe('freeFlow, phed, or km/h. Default: freeFlow.'),
    model: modelChoice.optional(),
    fleet: vehicleShares.optional(),
    emissionCurve: emissionCurveId.optional(),
    capacityVehHLane: z.number().min(100).max(5000).optional(),
    prices: z
      .strictObject({
        currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
        valueOfTimePerVehH: unitPrice,
        fuelPerLitre: unitPrice,
      })
      .optional()
      .describe('Default: those of the built-in corridor, in ILS.'),
  })
  .meta({ id: 'Impact' })
  .superRefine(({ sections }, context) => {
    const seen = new Set<string>()
    for (const [index, { id }] of sections.entries()) {
      if (seen.has(id))
        context.addIssue({
          code: 'custom',
          path: ['sections', index, 'id'],
          message: 'stands twice',
        })
      seen.add(id)
    }
  })
export type ImpactBody = z.infer<typeof impactBody>

export const impactSchema = z
  .object({
    model: modelSchema,
    coverage: z.number().describe('Length of the sections in the rates ÷ length of all.'),
    rates: ratesSchema.nullable(),
    sections: z.array(
      z.object({
        id: z.string(),
        status: z
          .enum(['ok', 'insufficientCoverage'])
          .describe('insufficientCoverage: not congested, and no flow or profile was given.'),
        lengthKm: z.number(),
        lanes: z.number(),
        freeFlowKmh: z.number(),
        limitKmh: z.number(),
        ...sectionNumbers,
      }),
    ),
    quality: qualitySchema,
  })
  .meta({ id: 'ImpactResult', description: 'The impact of the sections, summed and one by one.' })
export type ImpactView = z.infer<typeof impactSchema>
