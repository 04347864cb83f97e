import { z } from 'zod'
import { PROVIDER_NAMES } from '../../corridors/snapshot.ts'
import { modelChoice, referenceQuery } from '../../views/choices.ts'
import { modelSchema } from '../../views/model.ts'
import { qualitySchema } from '../../views/quality.ts'
import { ratesSchema } from '../../views/rates.ts'
import { sectionNumbers } from '../../views/section.ts'
import { totalsSchema } from '../../views/totals.ts'
import { utcTime } from '../../views/utc-time.ts'

/** `reference` is the speed that delay counts from; `model` the way impact is computed. */
export const snapshotQuery = z.strictObject({
  reference: referenceQuery
    .optional()
    .describe(
      'The speed that delay counts from: the free-flow speed (the default), 60 % of the posted limit, as the peak-hour excessive delay of 23 CFR 490.711 has it, or km/h.',
    ),
  model: modelChoice.optional().describe('How impact is computed. Default: physical.'),
})

export const noQuery = z.strictObject({})

const share = z.number().min(0).max(1)

export const snapshotHead = z
  .object({
    id: z.string(),
    observedAt: utcTime.describe("The provider's own time where it tells one."),
    fetchedAt: utcTime,
    ageSeconds: z.number().min(0).describe('Seconds since observedAt when this answer was sent.'),
    freshness: z.enum(['fresh', 'stale']),
    provider: z.enum(PROVIDER_NAMES),
    tier: z
      .enum(['live', 'lastKnownGood', 'simulated', 'replay'])
      .describe('lastKnownGood: the last refresh failed.'),
  })
  .meta({ id: 'SnapshotHead', description: 'Which snapshot it is, how old, and whose.' })

export const sectionSchema = z
  .object({
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
  .meta({
    id: 'Section',
    description: 'A section of the road; its numbers are null without enough data.',
  })

export const directionHead = z
  .object({
    direction: z.string(),
    status: z.enum(['ok', 'partial', 'insufficientCoverage', 'closed']),
    lengthKm: z.number(),
    coverage: share,
    speedKmh: z.number().nullable().describe('Over the sections that are ok, as the times below.'),
    travelTimeSeconds: z.number().nullable(),
    freeFlowTravelTimeSeconds: z.number().nullable(),
    delaySecondsPerVehicle: z.number().nullable(),
    travelTimeIndex: z.number().nullable().describe('Travel time ÷ that at free flow.'),
    rates: ratesSchema.nullable(),
  })
  .meta({
    id: 'DirectionHeadline',
    description: 'A direction of the road, summed over its ok sections.',
  })

const directionSchema = directionHead.extend({ sections: z.array(sectionSchema) }).meta({
  id: 'Direction',
  description: 'A direction of the road with its sections, in driving order.',
})

const corridorHead = {
  corridor: z.string(),
  name: z.string(),
  timeZone: z.string(),
  currency: z.string(),
  attribution: z.string(),
}

/** The current snapshot of a corridor with its impact. */
export const snapshotSchema = z
  .object({
    ...corridorHead,
    snapshot: snapshotHead,
    model: modelSchema,
    coverage: share,
    rates: ratesSchema.nullable(),
    today: totalsSchema.describe(
      'Totals of the calendar day in the time zone of the corridor, up to when this snapshot was fetched.',
    ),
    directions: z.array(directionSchema),
    quality: qualitySchema,
  })
  .meta({ id: 'Snapshot', description: 'The current snapshot of a corridor with its impact.' })
export type SnapshotView = z.infer<typeof snapshotSchema>

/** The event that a client of a stream has from before. Other headers are nobody's business here. */
export const streamHeaders = z.looseObject({
  'last-event-id': z
    .string()
    .optional()
    .describe('The id of the last event that the client has: it is not sent again.'),
})

/** What a stream is made of. */
export const eventStreamSchema = z.string().meta({
  id: 'EventStream',
  description:
    'Server-sent events (WHATWG HTML, 9.2), without an end. `event: snapshot` has the id of a snapshot as its `id` and a Snapshot, in one line, as its `data`. Comments are heartbeats.',
})

/** Every corridor with its headline; where nothing can be served, the reason. */
export const corridorListSchema = z
  .object({
    corridors: z.array(
      z.object({
        ...corridorHead,
        snapshot: snapshotHead.nullable(),
        coverage: share.nullable(),
        rates: ratesSchema.nullable(),
        directions: z.array(directionHead),
        unavailable: z
          .object({ code: z.string(), detail: z.string() })
          .nullable()
          .describe('Why there is no snapshot, by the code of the problem.'),
      }),
    ),
  })
  .meta({ id: 'CorridorList', description: 'Every corridor with its headline.' })
export type CorridorListView = z.infer<typeof corridorListSchema>

/** The snapshot as GeoJSON (RFC 7946), one LineString a section in driving order. */
export const geojsonSchema = z
  .object({
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
  .meta({ id: 'CorridorMap', description: 'A GeoJSON FeatureCollection (RFC 7946).' })
export type GeojsonView = z.infer<typeof geojsonSchema>
