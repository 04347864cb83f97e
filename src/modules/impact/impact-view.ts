import { AYALON } from '../../corridors/ayalon.ts'
import { pricesOf } from '../../corridors/corridor-impact.ts'
import { exactly } from '../../impact/band.ts'
import { DEFAULT_MODEL, MODELS } from '../../impact/models.ts'
import { sumRates } from '../../impact/rates.ts'
import type { SectionState } from '../../impact/section.ts'
import { impactSettings } from '../../impact/settings.ts'
import { unusedChoices } from '../../views/choices.ts'
import { modelView } from '../../views/model.ts'
import { ratesView } from '../../views/rates.ts'
import { sectionNumbersView } from '../../views/section.ts'
import type { ImpactBody, ImpactView, InputSection } from './schemas.ts'

/** Prices where the caller gives none: those of the built-in corridor. */
const DEFAULT_PRICES = { currency: AYALON.currency, ...pricesOf(AYALON) }

/** What a model may have of its own. */
const CHOICES = ['reference', 'fleet', 'emissionCurve', 'capacityVehHLane'] as const

/** The impact of the sections that a caller sends. */
export function impactView(body: ImpactBody): ImpactView {
  const modelId = body.model ?? DEFAULT_MODEL
  const prices = body.prices ?? DEFAULT_PRICES
  const settings = impactSettings({ ...body, prices })
  const results = body.sections.map((section) => ({
    section,
    impact: MODELS[modelId].impactOf(stateOf(section), settings),
  }))
  const known = results.filter(({ impact }) => impact.rates !== null)
  const lengthKm = (part: typeof results): number =>
    part.reduce((sum, { section }) => sum + section.lengthKm, 0)
  const rates = results.flatMap(({ impact }) => impact.rates ?? [])
  return {
    model: modelView(modelId, settings, { prices: body.prices ?? AYALON.prices }),
    coverage: lengthKm(known) / lengthKm(results),
    rates: known.length === 0 ? null : ratesView(sumRates(rates), prices.currency),
    sections: results.map(({ section, impact }) => ({
      id: section.id,
      status: impact.rates === null ? 'insufficientCoverage' : 'ok',
      lengthKm: section.lengthKm,
      lanes: section.lanes,
      freeFlowKmh: section.freeFlowKmh,
      limitKmh: section.limitKmh,
      ...sectionNumbersView({ ...impact, impact }, prices.currency),
    })),
    quality: {
      refused: [],
      warnings: [
        ...flowWarnings(results.length - known.length),
        ...unusedChoices(
          modelId,
          CHOICES.filter((name) => body[name] !== undefined),
        ),
      ],
    },
  }
}

function stateOf(section: InputSection): SectionState {
  const { profileVehH, measuredFlowVehH } = section
  return {
    ...section,
    profileVehH: profileVehH === undefined ? null : exactly(profileVehH),
    measuredFlowVehH: measuredFlowVehH ?? null,
  }
}

function flowWarnings(sections: number): ImpactView['quality']['warnings'] {
  if (sections === 0) return []
  const detail = `${sections} sections are not congested, and without profileVehH or measuredFlowVehH their flow is not known: they are not in the rates.`
  return [{ reason: 'flowUnknown', detail }]
}
