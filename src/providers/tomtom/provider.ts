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
 * TomTom answers 403 to a key that it refuses, and also to one that asks too often. So many
 * refreshes in a row must end on it before the key is to blame.
 */
const REFUSALS_OF_A_BAD_KEY = 3

/**
 * TomTom Flow Segment Data v4: one request a section, at its middle, one after the other. A body
 * that is of no use leaves its section out, refused and counted. A call that fails would fail for
 * the next section too: it ends the refresh and spends no more quota. Where the budget ends in the
 * middle, what was answered until then counts.
 */
export function createTomTom(options: LiveOptions): Provider {
  const { key, baseUrl, record, guard } = options
  /** Refreshes in a row that ended on a 403. */
  let refusals = 0
  return {
    name: 'tomtom',
    guard,
    callsFor: (corridor) => sectionsOf(corridor).length,
    async refresh(corridor, context) {
      const path = `traffic/services/4/flowSegmentData/absolute/${ZOOM}/json`
      const secret = await key.reveal()
      let lastStatus: number | null = null
      const failureOf = (answer: UpstreamAnswer): ProviderFailure | null => {
        lastStatus = answer.status
        // A key that gets an answer is none that is refused.
        if (answer.status === 200) refusals = 0
        return failureOfAnswer(answer, refusals + 1 >= REFUSALS_OF_A_BAD_KEY)
      }
      const parts: (string | ProviderFailure)[] = []
      const named: { name: string; body: string }[] = []
      try {
        for (const section of sectionsOf(corridor)) {
          const url = new URL(path, baseUrl)
          url.searchParams.set('point', middleOf(section))
          url.searchParams.set('unit', 'KMPH')
          url.searchParams.set('key', secret)
          const name = `${corridor.id}.${section.id}`
          const part = await ask(options, name, url, context, failureOf).catch(asPart)
          parts.push(part)
          if (typeof part === 'string') named.push({ name, body: part })
          else if (part.outcome === 'quotaSpent') break
        }
      } finally {
        if (lastStatus !== null) refusals = lastStatus === 403 ? refusals + 1 : 0
      }
      await Promise.all(named.map(({ name, body }) => record(context.atMs, name, body)))
      const answers = parts.map((part) =>
        part instanceof ProviderFailure ? part : orFailure(() => parseTomTom(part)),
      )
      const spent = parts.find(
        (part) => part instanceof ProviderFailure && part.outcome === 'quotaSpent',
      )
      if (named.length === 0 && spent instanceof ProviderFailure) throw spent
      return joinAnswers(await Promise.all(answers))
    },
  }
}

/** @param isBadKey whether a 403 is the key's fault, or may be a matter of too many calls */
function failureOfAnswer(answer: UpstreamAnswer, isBadKey: boolean): ProviderFailure | null {
  const { status, body, retryAfterMs } = answer
  if (status === 200) return null
  if (status === 400 && isNoCoverage(body))
    return new ProviderFailure('noCoverage', 'the provider has no road near the point asked for')
  if (status !== 403 || isBadKey) return failureOfStatus(answer)
  const message = 'the provider answered with status 403: too many calls, or a wrong key'
  return new ProviderFailure('throttled', message, retryAfterMs)
}

/** Failures that leave only their section out. */
function asPart(error: unknown): ProviderFailure {
  const leavesOut = ['noCoverage', 'quotaSpent']
  if (error instanceof ProviderFailure && leavesOut.includes(error.outcome)) return error
  throw error
}

function middleOf({ points }: Section): string {
  const [lat, lon] = pointAlong(points, polylineLengthM(points) / 2)
  return `${lat.toFixed(6)},${lon.toFixed(6)}`
}
