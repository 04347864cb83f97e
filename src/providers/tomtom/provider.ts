import { type Section, sectionsOf } from '../../corridors/corridor.ts'
import { pointAlong, polylineLengthM } from '../../corridors/geo.ts'
import { joinAnswers, orFailure } from '../answers.ts'
import type { LiveOptions } from '../live-options.ts'
import type { Provider } from '../provider.ts'
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
export function createTomTom({ key, baseUrl, upstream, record }: LiveOptions): Provider {
  return {
    name: 'tomtom',
    async refresh(corridor, { atMs, signal }) {
      const path = `traffic/services/4/flowSegmentData/absolute/${ZOOM}/json`
      const secret = await key.reveal()
      const answers: { name: string; status: number; body: string }[] = []
      for (const section of sectionsOf(corridor)) {
        const url = new URL(path, baseUrl)
        url.searchParams.set('point', middleOf(section))
        url.searchParams.set('unit', 'KMPH')
        url.searchParams.set('key', secret)
        const { status, body } = await upstream.get(url, signal)
        if (status !== 200 && !(status === 400 && isNoCoverage(body))) throw failureOfStatus(status)
        answers.push({ name: `${corridor.id}.${section.id}`, status, body })
      }
      const bodies = answers.filter(({ status }) => status === 200)
      await Promise.all(bodies.map(({ name, body }) => record(atMs, name, body)))
      const parts = answers.map(({ body }) => orFailure(() => parseTomTom(body)))
      return joinAnswers(await Promise.all(parts))
    },
  }
}

function middleOf({ points }: Section): string {
  const [lat, lon] = pointAlong(points, polylineLengthM(points) / 2)
  return `${lat.toFixed(6)},${lon.toFixed(6)}`
}
