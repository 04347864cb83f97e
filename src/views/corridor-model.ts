import type { Corridor } from '../corridors/corridor.ts'
import { settingsOf } from '../corridors/corridor-impact.ts'
import { dayFactorsOf } from '../corridors/demand.ts'
import type { ModelId } from '../impact/models.ts'
import type { Reference } from '../impact/reference.ts'
import { type ModelView, modelView } from './model.ts'

/** What makes the numbers of a corridor: the model, its constants, and what the corridor assumes. */
export function corridorModelView(
  corridor: Corridor,
  model: ModelId,
  reference: Reference,
): ModelView {
  const demand = { ...corridor.demand, dayFactors: dayFactorsOf(corridor) }
  return modelView(model, settingsOf(corridor, reference), { demand, prices: corridor.prices })
}
