import { z } from 'zod'
import type { Span } from '../corridors/buckets.ts'
import type { Amounts } from '../impact/amounts.ts'
import { isoTime } from './json.ts'
import { amountsSchema, amountsView } from './rates.ts'
import { utcTime } from './utc-time.ts'

const { delay, excessFuel, excessCo2, timeCost, fuelCost } = amountsSchema.shape

/** What congestion cost in a span of time. Amounts are null where nothing was measured. */
export const totalsSchema = z
  .object({
    from: utcTime,
    to: utcTime,
    coverage: z
      .number()
      .min(0)
      .max(1)
      .describe('Share of the span and of the road that was measured; the rest adds nothing.'),
    delay: delay.nullable(),
    excessFuel: excessFuel.nullable(),
    excessCo2: excessCo2.nullable(),
    timeCost: timeCost.nullable(),
    fuelCost: fuelCost.nullable(),
  })
  .meta({
    id: 'Totals',
    description: 'What congestion cost in a span of time. Null where nothing was measured.',
  })
export type TotalsView = z.infer<typeof totalsSchema>

const NOTHING = { delay: null, excessFuel: null, excessCo2: null, timeCost: null, fuelCost: null }

/** Totals of a span as JSON says them; the currency is an ISO 4217 code. */
export const totalsView = (
  { fromMs, toMs }: Span,
  coverage: number,
  amounts: Amounts | null,
  currency: string,
): TotalsView => ({
  from: isoTime(fromMs),
  to: isoTime(toMs),
  coverage,
  ...(amounts === null ? NOTHING : amountsView(amounts, currency)),
})
