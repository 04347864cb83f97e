import t from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { sectionsOf } from '../../src/corridors/corridor.ts'
import { createProvider } from '../../src/providers/create.ts'
import { createUpstream } from '../../src/providers/upstream/client.ts'
import { Secret } from '../../src/secret.ts'
import { buildApp } from '../helpers/build-app.ts'
import { type Answer, reset, standIn } from '../helpers/stand-in.ts'

/** What HERE says of the whole corridor, at 10 m/s, with the sections moved or turned. */
const body = (change: (points: { lat: number; lng: number }[]) => object[], flow = {}): string =>
  JSON.stringify({
    results: sectionsOf(AYALON).map(({ points }) => ({
      location: {
        shape: { links: [{ points: change(points.map(([lat, lng]) => ({ lat, lng }))) }] },
      },
      currentFlow: { speed: 10, freeFlow: 25, confidence: 0.9, ...flow },
    })),
  })
const asIs = (points: object[]) => points
const GOOD = body(asIs)

/** Each fault of a provider, its outcome, and the words that tell of it. */
const FAULTS: readonly (readonly [string, Answer, string, RegExp])[] = [
  ['HTML', { body: '<html>canary-key</html>' }, 'badAnswer', /HTML/],
  ['empty', { body: '' }, 'badAnswer', /empty/],
  ['truncated', { body: GOOD.slice(0, 500) }, 'badAnswer', /cut short/],
  ['of the wrong shape', { body: '{"results":[{"canary":"canary-key"}]}' }, 'badAnswer', /shape/],
  ['huge', { body: ' '.repeat(200_000) }, 'badAnswer', /larger than 100000/],
  ['without results', { body: '{"results":[]}' }, 'noCoverage', /no data/],
  [
    'of the wrong road',
    { body: body((points) => points.map(({ lat, lng }) => ({ lat, lng: lng + 0.1 }))) },
    'wrongRoad',
    /wrongRoad 8/,
  ],
  [
    'of the opposite carriageway',
    { body: body((points) => points.toReversed()) },
    'oppositeCarriageway',
    /oppositeCarriageway 8/,
  ],
  ['of guesses', { body: body(asIs, { confidence: 0.7 }) }, 'lowConfidence', /lowConfidence 8/],
  ['of zero speeds', { body: body(asIs, { speed: 0 }) }, 'implausible', /implausible 8/],
  ['of negative speeds', { body: body(asIs, { speed: -3 }) }, 'implausible', /implausible 8/],
  ['of absurd speeds', { body: body(asIs, { speed: 90 }) }, 'implausible', /implausible 8/],
  ['refused', { status: 403, body: 'canary-key' }, 'unauthorized', /403/],
  ['broken', { status: 502, body: '<h1>canary-key</h1>' }, 'serverError', /502/],
  ['torn off', reset, 'unreachable', /broke off/],
]

for (const [what, fault, outcome, words] of FAULTS)
  t.test(`an answer that is ${what} is named, and the last good snapshot stays`, async (t) => {
    const upstream = await standIn(t, { body: GOOD }, fault, { body: GOOD })
    const client = createUpstream({ timeoutMs: 10_000, maxBytes: 100_000 })
    t.teardown(() => client.close())
    const config = {
      HERE_API_KEY: Secret.of('canary-key'),
      HERE_BASE_URL: upstream.baseUrl,
      TOMTOM_API_KEY: null,
      TOMTOM_BASE_URL: upstream.baseUrl,
    }
    const provider = createProvider('here', config, client, () => {})
    const { server, clock, lines } = await buildApp(t, { providers: [provider] })
    const ask = async () => (await server.inject('/v1/traffic/ayalon')).json()
    const before = await ask()
    t.match(before.snapshot, { tier: 'live', freshness: 'fresh' })
    await clock.advance(300_000)
    const after = await ask()
    t.match(after.snapshot, { id: before.snapshot.id, tier: 'lastKnownGood', freshness: 'stale' })
    t.strictSame(after.directions, before.directions)
    t.match(after.quality.warnings, [{ reason: outcome, detail: words }])
    t.match(
      lines.find(({ msg }) => msg === 'refresh failed'),
      { outcome, detail: words },
    )
    await clock.advance(300_000)
    t.match(await ask(), { snapshot: { tier: 'live' }, quality: { warnings: [] } })
    t.notMatch(JSON.stringify([lines, after]), /canary/)
  })
