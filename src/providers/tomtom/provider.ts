import { type Section, sectionsOf } from '../../corridors/corridor.ts'
import { pointAlong, polylineLengthM } from '../../corridors/geo.ts'
import { joinAnswers, orFailure } from '../answers.ts'
import { type FailureOutcome, ProviderFailure } from '../failure.ts'
import type { LiveOptions } from '../live-options.ts'
import type { Provider, ProviderAnswer } from '../provider.ts'
import { failureOfError } from './error-body.ts'
import { parseTomTom } from './parse.ts'

/** The zoom that public clients use most; TomTom promises nothing about segments by zoom. */
const ZOOM = 10

/**
 * Failures of one section that say nothing of the next. Any other ends the refresh: it spends no
 * more quota, and half a corridor never replaces a whole one.
 */
const OF_ONE_SECTION: readonly FailureOutcome[] = ['noCoverage', 'badAnswer']

/** TomTom Flow Segment Data v4: one request a section, at its middle, one after the other. */
export function createTomTom({ key, baseUrl, upstream, record }: LiveOptions): Provider {
  return {
    name: 'tomtom',
    async refresh(corridor, { atMs, signal }) {
      const path = `traffic/services/4/flowSegmentData/absolute/${ZOOM}/json`
      const secret = await key.reveal()
      const ask = async (section: Section): Promise<ProviderAnswer> => {
        const url = new URL(path, baseUrl)
        url.searchParams.set('point', middleOf(section))
        url.searchParams.set('unit', 'KMPH')
        url.searchParams.set('key', secret)
        const { status, body } = await upstream.get(url, signal)
        if (status !== 200) throw failureOfError(status, body)
        await record(atMs, `${corridor.id}.${section.id}`, body)
        return parseTomTom(body)
      }
      const parts: (ProviderAnswer | ProviderFailure)[] = []
      for (const section of sectionsOf(corridor)) {
        const part = await orFailure(() => ask(section))
        if (part instanceof ProviderFailure && !OF_ONE_SECTION.includes(part.outcome)) throw part
        parts.push(part)
      }
      return joinAnswers(parts)
    },
  }
}

function middleOf({ points }: Section): string {
  const [lat, lon] = pointAlong(points, polylineLengthM(points) / 2)
  return `${lat.toFixed(6)},${lon.toFixed(6)}`
}
