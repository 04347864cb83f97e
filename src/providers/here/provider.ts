import { type Corridor, sectionsOf } from '../../corridors/corridor.ts'
import type { LiveOptions } from '../live-options.ts'
import type { Provider } from '../provider.ts'
import { failureOfStatus } from '../upstream/status.ts'
import { parseHere } from './parse.ts'

/** Room around the corridor, degrees: about 300 m. */
const MARGIN_DEGREES = 0.003

/** HERE Traffic API v7: one bounding-box request a refresh covers both directions. */
export function createHere({ key, baseUrl, upstream, record }: LiveOptions): Provider {
  return {
    name: 'here',
    async refresh(corridor, { atMs, signal }) {
      const url = new URL('v7/flow', baseUrl)
      url.searchParams.set('in', `bbox:${boundingBox(corridor).join(',')}`)
      url.searchParams.set('locationReferencing', 'shape')
      url.searchParams.set('apiKey', await key.reveal())
      const { status, body } = await upstream.get(url, signal)
      if (status !== 200) throw failureOfStatus(status)
      await record(atMs, corridor.id, body)
      return parseHere(body)
    },
  }
}

/** West, south, east, north with a margin, degrees. */
function boundingBox(corridor: Corridor): string[] {
  const points = sectionsOf(corridor).flatMap((section) => section.points)
  const lats = points.map(([lat]) => lat)
  const lons = points.map(([, lon]) => lon)
  return [
    Math.min(...lons) - MARGIN_DEGREES,
    Math.min(...lats) - MARGIN_DEGREES,
    Math.max(...lons) + MARGIN_DEGREES,
    Math.max(...lats) + MARGIN_DEGREES,
  ].map((degrees) => degrees.toFixed(5))
}
