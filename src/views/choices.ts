import { z } from 'zod'
import type { Warning } from '../corridors/snapshot.ts'
import { MODEL_IDS, MODELS, type ModelId } from '../impact/models.ts'
import type { Reference } from '../impact/reference.ts'
import { numberText } from './number-text.ts'

const customKmh = z.number().min(10).max(200)
const named = z.enum(['freeFlow', 'phed']).transform((kind): Reference => ({ kind }))
const custom = customKmh.transform((kmh): Reference => ({ kind: 'custom', kmh }))
const MUST_BE = 'must be freeFlow, phed or a speed from 10 to 200 km/h'

/** The reference speed in a body: `freeFlow`, `phed` or a number of km/h. */
export const referenceChoice = z.union([named, custom], MUST_BE)

/** The reference speed in a query, where a number comes as text. */
export const referenceQuery = z.union([named, numberText(/^\d{1,3}(\.\d{1,6})?$/, custom)], MUST_BE)

export const modelChoice = z.enum(MODEL_IDS)

/**
 * Tells the caller which of the choices made the model does not use.
 * @param made names of the choices that differ from the default
 */
export function unusedChoices(model: ModelId, made: readonly string[]): Warning[] {
  if (MODELS[model].ownConstants === null || made.length === 0) return []
  const detail = `The model ${model} has its own constants and does not use: ${made.join(', ')}.`
  return [{ reason: 'choiceNotUsed', detail }]
}

/** The same for two equal choices; safe in a header. */
export const referenceKey = (reference: Reference): string =>
  reference.kind === 'custom' ? `${reference.kmh}` : reference.kind
