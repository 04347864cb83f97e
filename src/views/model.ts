import { createHash } from 'node:crypto'
import { z } from 'zod'
import { VEHICLE_CLASSES } from '../impact/emissions/fleet.ts'
import { CONGESTED_FLOW, CONGESTED_SHARE, LANES_BAND } from '../impact/flow.ts'
import { MODEL_IDS, MODELS, type ModelId } from '../impact/models.ts'
import type { ImpactSettings } from '../impact/section.ts'
import { SPEED_FLOOR_KMH } from '../impact/speed.ts'

export const modelSchema = z
  .object({
    id: z.enum(MODEL_IDS),
    version: z.string(),
    constants: z.string().describe('Fingerprint of `parameters`: equal for equal constants.'),
    emissionCurve: z.string().nullable().describe('Null where the model has none.'),
    reference: z.object({
      kind: z.enum(['freeFlow', 'phed', 'custom']),
      kmh: z.number().optional().describe('The chosen speed, where the kind is custom.'),
    }),
    parameters: z.record(z.string(), z.unknown()).describe('Every assumption that was used.'),
    knownDefects: z.array(z.string()),
    limits: z.array(z.string()),
  })
  .meta({
    id: 'Model',
    description: 'What made the numbers: the model, its constants, and what it cannot see.',
  })
export type ModelView = z.infer<typeof modelSchema>

/**
 * What made the numbers: the model, its constants and what it cannot see.
 * @param assumptions those of the corridor or the caller, beside the model's own
 */
export function modelView(
  id: ModelId,
  settings: ImpactSettings,
  assumptions: Readonly<Record<string, unknown>>,
): ModelView {
  const { version, knownDefects, limits, ownConstants } = MODELS[id]
  const parameters = ownConstants
    ? { ...ownConstants, ...assumptions }
    : {
        capacityVehHLane: settings.capacityVehHLane,
        lanesBand: LANES_BAND,
        congestion: { belowShareOfFreeFlow: CONGESTED_SHARE, flowShare: CONGESTED_FLOW },
        speedFloorKmh: SPEED_FLOOR_KMH,
        fleet: Object.fromEntries(
          VEHICLE_CLASSES.map((vehicle) => [vehicle, settings.fleet[vehicle] ?? 0]),
        ),
        ...assumptions,
      }
  return {
    id,
    version,
    constants: createHash('sha256').update(JSON.stringify(parameters)).digest('hex').slice(0, 12),
    emissionCurve: ownConstants ? null : settings.emissionCurve,
    reference: ownConstants
      ? { kind: 'custom', kmh: ownConstants.freeFlowKmh }
      : settings.reference,
    parameters,
    knownDefects: [...knownDefects],
    limits: [...limits],
  }
}
