import { z } from 'zod'
import { corridorSchema } from '../../corridors/corridor.ts'
import { OUTCOMES } from '../../corridors/outcome.ts'
import { outcomeOf, REFUSAL_REASONS } from '../../corridors/road-piece.ts'
import { PROVIDER_NAMES, SOURCES } from '../../corridors/snapshot.ts'

const epochMs = z.int().min(0)
export const providerSchema = z.enum(PROVIDER_NAMES)
const share = z.number().min(0).max(1)

export const refusedSchema = z
  .array(z.object({ reason: z.enum(REFUSAL_REASONS), pieces: z.number() }))
  .readonly()
export const warningsSchema = z
  .array(z.object({ reason: z.string(), detail: z.string() }))
  .readonly()

export const sectionObservationSchema = z.union([
  z.object({
    id: z.string(),
    status: z.literal('ok'),
    coverage: share,
    confidence: share,
    speedKmh: z.number(),
    freeFlowKmh: z.number(),
  }),
  z.object({
    id: z.string(),
    status: z.enum(['insufficientCoverage', 'closed']),
    coverage: share,
    confidence: z.null(),
    speedKmh: z.null(),
    freeFlowKmh: z.null(),
  }),
])

/** A tick may wait on disk from a version that told how an attempt ended by the refusal itself. */
export const outcomeSchema = z.union([
  z.enum(OUTCOMES),
  z.enum(REFUSAL_REASONS).transform((reason) => outcomeOf(reason)),
])

const callSchema = z.object({
  /** What was asked for: the corridor, or one of its sections. */
  name: z.string(),
  atMs: epochMs,
  durationMs: z.number().min(0),
  /** `ok` for an answer that arrived, whatever it says; or how the call failed. */
  outcome: outcomeSchema,
  /** The answer without the key; null where there was none or none is kept. */
  body: z.string().nullable(),
})

const attemptSchema = z.object({
  id: z.string(),
  atMs: epochMs,
  provider: providerSchema,
  outcome: outcomeSchema,
  durationMs: z.number().min(0),
  detail: z.string(),
  calls: z.array(callSchema).readonly(),
})

/**
 * Everything that one refresh of one corridor is to be remembered by. It can wait on disk, so it
 * holds the corridor's definition too. Written twice, it leaves what it left the first time.
 */
export const tickSchema = z.object({
  corridor: corridorSchema,
  source: z.enum(SOURCES),
  /** In order of time; each with an id of its own. */
  attempts: z.array(attemptSchema).readonly(),
  snapshot: z
    .object({
      id: z.string(),
      provider: providerSchema,
      observedAtMs: epochMs,
      fetchedAtMs: epochMs,
      sections: z.array(sectionObservationSchema).readonly(),
      refused: refusedSchema,
      warnings: warningsSchema,
    })
    .nullable(),
  /** When the refresh ended: up to here it is known what was observed and what was not. */
  endedAtMs: epochMs,
})
export type Tick = z.infer<typeof tickSchema>

/** The same without the raw answers, which are large. */
export const withoutBodies = (tick: Tick): Tick => ({
  ...tick,
  attempts: tick.attempts.map((attempt) => ({
    ...attempt,
    calls: attempt.calls.map((call) => ({ ...call, body: null })),
  })),
})

export type AttemptRecord = Tick['attempts'][number]
export type CallRecord = AttemptRecord['calls'][number]
