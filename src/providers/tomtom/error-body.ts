import { z } from 'zod'

/** TomTom's 400 where no road is near the point, or the country is not covered at all. */
const noCoverageBody = z.object({
  error: z.string().regex(/too far from nearest/i),
  httpStatusCode: z.literal(400),
})

/** True for TomTom's own words that it has no road near the point. */
export function isNoCoverage(body: string): boolean {
  try {
    return noCoverageBody.safeParse(JSON.parse(body)).success
  } catch {
    return false
  }
}
