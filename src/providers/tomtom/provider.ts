import { type Section, sectionsOf } from '../../corridors/corridor.ts'
import { pointAlong, polylineLengthM } from '../../corridors/geo.ts'
import { joinAnswers, orFailure } from '../answers.ts'
import { ProviderFailure } from '../failure.ts'
import type { LiveOptions } from '../live-options.ts'
import type { Provider } from '../provider.ts'
import { ask } from '../upstream/ask.ts'
import type { UpstreamAnswer } from '../upstream/client.ts'
import { failureOfStatus } from '../upstream/status.ts'
import { isNoCoverage } from './error-body.ts'
import { parseTomTom } from './parse.ts'

/** The zoom that public clients use most; TomTom promises nothing about segments by zoom. */
const ZOOM = 10

/**
 * TomTom Flow Segment Data v4: one request a section, at its middle, one after the other. A body
 * that is of no use leaves its section out, refused and counted. A call that fails would fail for
 * the next section too: it ends the refresh and spends no more quota.
 */
export function createTomTom(options: LiveOptions): Provider {
  const { key, baseUrl, record } = options
  return {
    name: 'tomtom',
    async refresh(corridor, context) {
      const path = `traffic/services/4/flowSegmentData/absolute/${ZOOM}/json`
      const secret = await key.reveal()
      const parts: (string | ProviderFailure)[] = []
      const named: { name: string; body: string }[] = []
      for (const section of sectionsOf(corridor)) {
        const url = new URL(path, baseUrl)
        url.searchParams.set('point', middleOf(section))
        url.searchParams.set('unit', 'KMPH')
        url.searchParams.set('key', secret)
        const name = `${corridor.id}.${section.id}`
        const part = await ask(options, name, url, context, failureOf).catch(unlessNoCoverage)
        parts.push(part)
        if (typeof part === 'string') named.push({ name, body: part })
      }
      await Promise.all(named.map(({ name, body }) => record(context.atMs, name, body)))
      const answers = parts.map((part) =>
        part instanceof ProviderFailure ? part : orFailure(() => parseTomTom(part)),
      )
      return joinAnswers(await Promise.all(answers))
    },
  }
}

function failureOf({ status, body }: UpstreamAnswer): ProviderFailure | null {
  if (status === 200) return null
  if (status === 400 && isNoCoverage(body))
    return new ProviderFailure('noCoverage', 'the provider has no road near the point asked for')
  return failureOfStatus(status)
}

function unlessNoCoverage(error: unknown): ProviderFailure {
  if (error instanceof ProviderFailure && error.outcome === 'noCoverage') return error
  throw error
}

function middleOf({ points }: Section): string {
  const [lat, lon] = pointAlong(points, polylineLengthM(points) / 2)
  return `${lat.toFixed(6)},${lon.toFixed(6)}`
}
