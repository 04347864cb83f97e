import { z } from 'zod'
import { PROVIDER_NAMES } from '../../corridors/snapshot.ts'
import { modelChoice, referenceQuery } from '../../views/choices.ts'
import { modelSchema } from '../../views/model.ts'
import { ratesSchema } from '../../views/rates.ts'
import { sectionNumbers } from '../../views/section.ts'
import { totalsSchema } from '../../views/totals.ts'

export const corridorParams = z.object({ corridor: z.string() })

/** `reference` is the speed that delay counts from; `model` the way impact is computed. */
export const snapshotQuery = z.strictObject({
  reference: referenceQuery.optional(),
  model: modelChoice.optional(),
})

export const noQuery = z.strictObject({})

const time = z.iso.datetime()
const share = z.number().min(0).max(1)

export const snapshotHead = z.object({
  id: z.string(),
  observedAt: time,
  fetchedAt: time,
  ageSeconds: z.number().min(0).describe('Seconds since observedAt when this answer was sent.'),
  freshness: z.enum(['fresh', 'stale']),
  provider: z.enum(PROVIDER_NAMES),
  tier: z.enum(['live', 'lastKnownGood', 'simulated', 'replay']),
})

export const sectionSchema = z.object({
  id: z.string(),
  from: z.string(),
  to: z.string(),
  status: z.enum(['ok', 'insufficientCoverage', 'closed']),
  lengthKm: z.number(),
  lanes: z.number(),
  limitKmh: z.number(),
  coverage: share,
  confidence: share.nullable(),
  freeFlowKmh: z.number().nullable(),
  ...sectionNumbers,
})

export const directionHead = z.object({
  direction: z.string(),
  status: z.enum(['ok', 'partial', 'insufficientCoverage', 'closed']),
  lengthKm: z.number(),
  coverage: share,
  speedKmh: z.number().nullable().describe('Over the sections that are ok, as the times below.'),
  travelTimeSeconds: z.number().nullable(),
  freeFlowTravelTimeSeconds: z.number().nullable(),
  delaySecondsPerVehicle: z.number().nullable(),
  travelTimeIndex: z.number().nullable(),
  rates: ratesSchema.nullable(),
})

const corridorHead = {
  corridor: z.string(),
  name: z.string(),
  timeZone: z.string(),
  currency: z.string(),
  attribution: z.string(),
}

/** The current snapshot of a corridor with its impact. */
export const snapshotSchema = z.object({
  ...corridorHead,
  snapshot: snapshotHead,
  model: modelSchema,
  coverage: share,
  rates: ratesSchema.nullable(),
  today: totalsSchema.describe(
    'Totals of the calendar day in the time zone of the corridor, up to when this snapshot was fetched.',
  ),
  directions: z.array(directionHead.extend({ sections: z.array(sectionSchema) })),
  quality: z.object({
    refused: z.array(z.object({ reason: z.string(), pieces: z.number() })),
    warnings: z.array(z.object({ reason: z.string(), detail: z.string() })),
  }),
})
export type SnapshotView = z.infer<typeof snapshotSchema>

/** Every corridor with its headline; where nothing can be served, the reason. */
export const corridorListSchema = z.object({
  corridors: z.array(
    z.object({
      ...corridorHead,
      snapshot: snapshotHead.nullable(),
      coverage: share.nullable(),
      rates: ratesSchema.nullable(),
      directions: z.array(directionHead),
      unavailable: z.object({ code: z.string(), detail: z.string() }).nullable(),
    }),
  ),
})
export type CorridorListView = z.infer<typeof corridorListSchema>

/** The snapshot as GeoJSON (RFC 7946), one LineString a section in driving order. */
export const geojsonSchema = z.object({
  type: z.literal('FeatureCollection'),
  corridor: z.string(),
  attribution: z.string(),
  snapshot: snapshotHead,
  model: modelSchema,
  features: z.array(
    z.object({
      type: z.literal('Feature'),
      id: z.string(),
      geometry: z.object({
        type: z.literal('LineString'),
        coordinates: z.array(z.tuple([z.number(), z.number()])),
      }),
      properties: sectionSchema.extend({
        direction: z.string(),
        provider: z.enum(PROVIDER_NAMES),
        tier: snapshotHead.shape.tier,
      }),
    }),
  ),
})
export type GeojsonView = z.infer<typeof geojsonSchema>
