import { type Corridor, sectionsOf } from '../../corridors/corridor.ts'
import { ProviderFailure } from '../failure.ts'
import type { LiveOptions } from '../live-options.ts'
import type { Provider } from '../provider.ts'
import { ask } from '../upstream/ask.ts'
import type { UpstreamAnswer } from '../upstream/client.ts'
import { failureOfStatus } from '../upstream/status.ts'
import { parseHere } from './parse.ts'

/** HERE refuses a larger box. */
const MOST_DEGREES = 1
/** Room around the corridor, degrees: about 300 m. */
const MARGIN_DEGREES = 0.003

/** HERE Traffic API v7: one bounding-box request a refresh covers both directions. */
export function createHere(options: LiveOptions): Provider {
  const { key, baseUrl, record, guard } = options
  return {
    name: 'here',
    guard,
    callsFor: () => 1,
    async refresh(corridor, context) {
      const box = boundingBox(corridor)
      const [west, south, east, north] = box
      if (east - west > MOST_DEGREES || north - south > MOST_DEGREES)
        throw new ProviderFailure(
          'badAnswer',
          'HERE takes no corridor wider or longer than 1 degree',
        )
      const url = new URL('v7/flow', baseUrl)
      url.searchParams.set('in', `bbox:${box.map((degrees) => degrees.toFixed(5)).join(',')}`)
      url.searchParams.set('locationReferencing', 'shape')
      url.searchParams.set('apiKey', await key.reveal())
      const body = await ask(options, corridor.id, url, context, failureOf)
      await record(context.atMs, corridor.id, body)
      return parseHere(body)
    },
  }
}

const failureOf = (answer: UpstreamAnswer) =>
  answer.status === 200 ? null : failureOfStatus(answer)

/** West, south, east, north with a margin, degrees. */
function boundingBox(corridor: Corridor): [number, number, number, number] {
  const points = sectionsOf(corridor).flatMap((section) => section.points)
  const lats = points.map(([lat]) => lat)
  const lons = points.map(([, lon]) => lon)
  return [
    Math.min(...lons) - MARGIN_DEGREES,
    Math.min(...lats) - MARGIN_DEGREES,
    Math.max(...lons) + MARGIN_DEGREES,
    Math.max(...lats) + MARGIN_DEGREES,
  ]
}
