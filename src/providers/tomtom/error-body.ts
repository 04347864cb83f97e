import { z } from 'zod'
import { ProviderFailure } from '../failure.ts'
import { failureOfStatus } from '../upstream/status.ts'

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

export const noCoverage = (): ProviderFailure =>
  new ProviderFailure('noCoverage', 'the provider has no road near the point asked for')

/** The failure that an error answer means. Its body may be HTML or empty, whatever the status. */
export const failureOfError = (status: number, body: string): ProviderFailure =>
  status === 400 && isNoCoverage(body) ? noCoverage() : failureOfStatus(status)
