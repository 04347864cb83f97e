import { z } from 'zod'
import { MODEL_IDS, type ModelId } from '../impact/models.ts'
import type { Reference } from '../impact/reference.ts'

const customKmh = z.number().min(10).max(200)
const named = z.enum(['freeFlow', 'phed']).transform((kind): Reference => ({ kind }))
const custom = customKmh.transform((kmh): Reference => ({ kind: 'custom', kmh }))
const MUST_BE = 'must be freeFlow, phed or a speed from 10 to 200 km/h'

/** The reference speed in a body: `freeFlow`, `phed` or a number of km/h. */
export const referenceChoice = z.union([named, custom], MUST_BE)

/** The reference speed in a query, where a number comes as text. */
export const referenceQuery = z.union(
  [
    named,
    z
      .string()
      .regex(/^\d{1,3}(\.\d{1,3})?$/)
      .transform(Number)
      .pipe(custom),
  ],
  MUST_BE,
)

export const modelChoice = z.enum(MODEL_IDS)

const FIXED_REFERENCE: ModelId = 'ayalon-1.0-freeze'

/** The frozen model has its own reference speed: a chosen one would not be used. */
export const referenceFits = (choice: {
  reference?: Reference | undefined
  model?: ModelId | undefined
}): boolean => choice.model !== FIXED_REFERENCE || choice.reference === undefined

export const REFERENCE_FAULT = {
  path: ['reference'],
  error: `is fixed in the model ${FIXED_REFERENCE}: leave it out`,
}

/** The same for two equal choices; safe in a header. */
export const referenceKey = (reference: Reference): string =>
  reference.kind === 'custom' ? `${reference.kmh}` : reference.kind
