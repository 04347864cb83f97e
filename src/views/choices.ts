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
      .regex(/^\d{1,3}(\.\d{1,6})?$/)
      .transform(Number)
      .pipe(custom),
  ],
  MUST_BE,
)

export const modelChoice = z.enum(MODEL_IDS)

/** What the frozen model has of its own: a choice of it would not be used. */
const FIXED_IN_FROZEN = ['reference', 'fleet', 'emissionCurve', 'capacityVehHLane'] as const

/** Choices that the model would silently ignore, as faults of the schema. */
export function refuseUnusedChoices(
  choice: { readonly model?: ModelId | undefined } & {
    readonly [name in (typeof FIXED_IN_FROZEN)[number]]?: unknown
  },
  context: z.RefinementCtx,
): void {
  if (choice.model !== 'ayalon-1.0-freeze') return
  for (const name of FIXED_IN_FROZEN)
    if (choice[name] !== undefined)
      context.addIssue({
        code: 'custom',
        path: [name],
        message: `is fixed in the model ${choice.model}: leave it out`,
      })
}

/** The same for two equal choices; safe in a header. */
export const referenceKey = (reference: Reference): string =>
  reference.kind === 'custom' ? `${reference.kmh}` : reference.kind
