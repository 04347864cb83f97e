import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import t from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { sectionsOf } from '../../src/corridors/corridor.ts'
import { FROZEN } from '../../src/impact/frozen.ts'
import {
  corridorListSchema,
  geojsonSchema,
  snapshotSchema,
} from '../../src/modules/traffic/schemas.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { Secret } from '../../src/secret.ts'
import { buildApp, SLEEPERS } from '../helpers/build-app.ts'
import { answerOf, failing, piecesOf, scripted } from '../helpers/providers.ts'

const URL_OF_AYALON = '/v1/traffic/ayalon'
const jam = scripted('here', () => answerOf(AYALON, 30))
const failure = (outcome: ConstructorParameters<typeof ProviderFailure>[0]) =>
  failing(new ProviderFailure(outcome, 'it went wrong'))

t.test('the snapshot has the shape that its schema promises', async (t) => {
  const { server } = await buildApp(t)
  const response = await server.inject(URL_OF_AYALON)
  t.equal(response.statusCode, 200)
  t.match(response.headers['content-type'], /^application\/json/)
  const view = snapshotSchema.parse(response.json())
  t.match(view.snapshot, { provider: 'simulated', tier: 'simulated', freshness: 'fresh' })
  t.match(view.attribution, /OpenStreetMap contributors, ODbL/)
  t.match(view.model, { id: 'physical', emissionCurve: 'uk-tag', reference: { kind: 'freeFlow' } })
  t.match(view.model.parameters, {
    demand: { dayFactors: { eve: 0.8, rest: 0.65, yomKippur: 0.02 } },
    congestion: { belowShareOfFreeFlow: 0.75 },
  })
  t.equal(view.coverage, 1)
  t.strictSame(
    view.directions.flatMap(({ sections }) => sections.map(({ id }) => id)),
    sectionsOf(AYALON).map(({ id }) => id),
  )
})

t.test('rates of a direction and of the corridor are the sums of their sections', async (t) => {
  const { server } = await buildApp(t)
  const view = snapshotSchema.parse((await server.inject(URL_OF_AYALON)).json())
  for (const rate of ['delay', 'excessFuel', 'excessCo2', 'timeCost', 'fuelCost'] as const) {
    const sum = (parts: readonly { rates: typeof view.rates }[]): number =>
      parts.reduce((total, { rates }) => total + (rates?.[rate].central ?? Number.NaN), 0)
    const total = view.rates?.[rate].central ?? Number.NaN
    t.ok(Math.abs(sum(view.directions) - total) < 1e-4, `${rate} of the corridor`)
    t.ok(Math.abs(sum(view.directions.flatMap(({ sections }) => sections)) - total) < 1e-4)
  }
})

t.test('the reference speed is the one that the query names', async (t) => {
  const { server } = await buildApp(t, { providers: [jam] })
  const ask = async (query: string) =>
    snapshotSchema.parse((await server.inject(`${URL_OF_AYALON}${query}`)).json())
  const delays = []
  for (const [query, reference, kmh] of [
    ['', { kind: 'freeFlow' }, 90],
    ['?reference=freeFlow', { kind: 'freeFlow' }, 90],
    ['?reference=phed', { kind: 'phed' }, 54],
    ['?reference=72.5', { kind: 'custom', kmh: 72.5 }, 72.5],
  ] as const) {
    const view = await ask(query)
    t.strictSame(view.model.reference, reference)
    t.equal(view.directions[0]?.sections[0]?.referenceKmh, kmh)
    delays.push(view.rates?.delay.central ?? 0)
  }
  t.equal(delays[0], delays[1])
  t.ok((delays[0] ?? 0) > (delays[3] ?? 0) && (delays[3] ?? 0) > (delays[2] ?? 0))
})

t.test('the frozen model says what is wrong with it and keeps its own constants', async (t) => {
  const { server } = await buildApp(t, { providers: [jam] })
  const response = await server.inject(`${URL_OF_AYALON}?model=ayalon-1.0-freeze`)
  const view = snapshotSchema.parse(response.json())
  t.ok(view.model.knownDefects.length > 0)
  t.equal(view.model.emissionCurve, null)
  t.match(view.model.parameters, FROZEN)
  t.strictSame(view.quality.warnings, [])
  const chosen = await server.inject(`${URL_OF_AYALON}?model=ayalon-1.0-freeze&reference=phed`)
  t.match(chosen.json().quality.warnings, [{ reason: 'choiceNotUsed', detail: /reference\.$/ }])
  t.match(chosen.json().model.reference, { kind: 'custom', kmh: 90 })
  const section = view.directions[0]?.sections[0]
  const hours = (30 * 25 * (2.604 / 30 - 2.604 / 90)).toFixed(3)
  t.equal(section?.rates?.delay.central.toFixed(3), hours, 'speed × 25 vehicles, L/v − L/90')
})

t.test('unknown query keys and values are refused, each fault by its name', async (t) => {
  const { server } = await buildApp(t)
  for (const [query, pointer] of [
    ['reference=fast', '/query/reference'],
    ['reference=9', '/query/reference'],
    ['reference=201', '/query/reference'],
    ['reference=NaN', '/query/reference'],
    ['reference=-50', '/query/reference'],
    ['reference=50&reference=60', '/query/reference'],
    ['model=best', '/query/model'],
    ['refrence=50', '/query/refrence'],
  ] as const) {
    for (const path of [URL_OF_AYALON, `${URL_OF_AYALON}/geojson`]) {
      const response = await server.inject(`${path}?${query}`)
      t.equal(response.statusCode, 400, query)
      t.match(response.json(), { code: 'invalid_input', errors: [{ pointer }] })
    }
  }
  const unknown = await server.inject('/v1/traffic?x=1')
  t.match(unknown.json(), { status: 400, errors: [{ pointer: '/query/x' }] })
})

t.test('an unknown corridor is not found', async (t) => {
  const { server } = await buildApp(t)
  for (const path of ['/v1/traffic/geha', '/v1/traffic/geha/geojson', '/v1/traffic/__proto__'])
    t.match((await server.inject(path)).json(), { status: 404, code: 'not_found' })
})

t.test('the map has one LineString a section, in driving order, labelled one by one', async (t) => {
  const { server } = await buildApp(t)
  const response = await server.inject(`${URL_OF_AYALON}/geojson`)
  t.match(response.headers['content-type'], /^application\/geo\+json/)
  const map = geojsonSchema.parse(response.json())
  t.equal(map.features.length, 8)
  const [lat, lon] = AYALON.directions[0].sections[0].points[0]
  t.strictSame(map.features[0]?.geometry.coordinates[0], [lon, lat])
  t.ok(map.features.every(({ properties }) => properties.tier === 'simulated'))
  t.match(map.features[7]?.properties, { direction: 'southbound', provider: 'simulated' })
  t.match(map.attribution, /OpenStreetMap/)
})

t.test('the list has every corridor with its headline, or why it has none', async (t) => {
  const quiet = { ...AYALON, id: 'quiet' }
  const provider = scripted('here', (corridor) => {
    if (corridor.id === 'quiet') throw new ProviderFailure('noCoverage', 'no road')
    return answerOf(AYALON, 30)
  })
  const { server } = await buildApp(t, { corridors: [AYALON, quiet], providers: [provider] })
  const response = await server.inject('/v1/traffic')
  const { corridors } = corridorListSchema.parse(response.json())
  t.match(corridors, [
    { corridor: 'ayalon', snapshot: { tier: 'live' }, coverage: 1, unavailable: null },
    { corridor: 'quiet', snapshot: null, rates: null, unavailable: { code: 'no_coverage' } },
  ])
  t.strictSame(Object.keys(corridors[0]?.directions[0] ?? {}).includes('sections'), false)
})

t.test(
  'a section without data has null numbers, and the sums say how much they cover',
  async (t) => {
    const partial = scripted('here', () => ({
      pieces: piecesOf(AYALON, 30, 2),
      observedAtMs: null,
      refused: [{ reason: 'lowConfidence' as const, pieces: 6 }],
    }))
    const { server } = await buildApp(t, { providers: [partial] })
    const view = snapshotSchema.parse((await server.inject(URL_OF_AYALON)).json())
    const [northbound, southbound] = view.directions
    t.match(northbound, { status: 'partial' })
    t.equal(northbound?.coverage.toFixed(4), ((2604 + 2001) / 10_021).toFixed(4))
    t.match(northbound?.sections[3], { speedKmh: null, flow: null, rates: null, congested: null })
    t.match(southbound, {
      status: 'insufficientCoverage',
      coverage: 0,
      rates: null,
      speedKmh: null,
      travelTimeSeconds: null,
      freeFlowTravelTimeSeconds: null,
      delaySecondsPerVehicle: null,
      travelTimeIndex: null,
    })
    t.strictSame(view.quality.refused, [{ reason: 'lowConfidence', pieces: 6 }])
    t.strictSame(view.rates, northbound?.rates)
  },
)

t.test('when nothing is covered the answer is 200 with null rates and its quality', async (t) => {
  const nothing = scripted('here', () => ({
    pieces: [],
    observedAtMs: null,
    refused: [{ reason: 'implausible' as const, pieces: 3 }],
  }))
  const { server } = await buildApp(t, { providers: [nothing] })
  const response = await server.inject(URL_OF_AYALON)
  t.match(response.json(), { rates: null, coverage: 0 })
  t.match(response.json().quality.refused, [{ reason: 'implausible', pieces: 3 }])
})

t.test('before the first refresh has ended clients are told to come back', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow = scripted('here', async () => {
    await promise
    return answerOf(AYALON, 30)
  })
  const { server, clock } = await buildApp(t, { providers: [slow], starting: true })
  const early = await server.inject(URL_OF_AYALON)
  t.match(early.json(), { status: 503, code: 'source_unavailable', retryAfterSeconds: 5 })
  t.equal(early.headers['retry-after'], '5')
  resolve()
  await clock.asleep(SLEEPERS)
  t.equal((await server.inject(URL_OF_AYALON)).statusCode, 200)
})

t.test('without any snapshot the failure has the code of its cause', async (t) => {
  for (const [outcome, code, retryAfterSeconds] of [
    ['timeout', 'network_error', 30],
    ['unreachable', 'network_error', 30],
    ['noCoverage', 'no_coverage', undefined],
    ['unauthorized', 'source_unavailable', 60],
    ['throttled', 'source_unavailable', 60],
    ['serverError', 'source_unavailable', 60],
    ['badAnswer', 'source_unavailable', 60],
  ] as const) {
    const { server } = await buildApp(t, { providers: [scripted('here', failure(outcome))] })
    const problem = (await server.inject(URL_OF_AYALON)).json()
    t.match(problem, { status: 503, code, detail: /it went wrong/ }, outcome)
    t.equal(problem.retryAfterSeconds, retryAfterSeconds)
  }
})

t.test('while the provider fails the last good snapshot is served, flagged stale', async (t) => {
  const provider = scripted('here', () => answerOf(AYALON, 30), failure('badAnswer'))
  const { server, clock } = await buildApp(t, { providers: [provider] })
  const fresh = snapshotSchema.parse((await server.inject(URL_OF_AYALON)).json())
  t.match(fresh.snapshot, { tier: 'live', freshness: 'fresh', ageSeconds: 0 })
  await clock.advance(300_000)
  const response = await server.inject(URL_OF_AYALON)
  const stale = snapshotSchema.parse(response.json())
  t.match(stale.snapshot, { tier: 'lastKnownGood', freshness: 'stale', ageSeconds: 300 })
  t.strictSame(stale.rates, fresh.rates)
  t.match(stale.quality.warnings, [{ reason: 'badAnswer', detail: /it went wrong/ }])
  t.match(response.headers['cache-status'], /detail=stale/)
  for (let tick = 2; tick <= 24; tick += 1) await clock.advance(300_000)
  t.equal((await server.inject(URL_OF_AYALON)).json().snapshot.ageSeconds, 7200)
  t.equal(
    (await server.inject(URL_OF_AYALON)).headers['cache-control'],
    'public, max-age=7200, stale-while-revalidate=0, stale-if-error=0',
    'no cache may serve it longer than this service would',
  )
  clock.move(1000)
  const expired = await server.inject(URL_OF_AYALON)
  t.match(expired.json(), { status: 503, code: 'stale_data', retryAfterSeconds: 299 })
})

t.test(
  'an observation of more than ten minutes is stale though the provider answers',
  async (t) => {
    const provider = scripted('here', (_corridor, { atMs }) => answerOf(AYALON, 30, atMs - 601_000))
    const { server } = await buildApp(t, { providers: [provider] })
    const { snapshot, quality } = (await server.inject(URL_OF_AYALON)).json()
    t.match(snapshot, { tier: 'live', freshness: 'stale', ageSeconds: 601 })
    t.match(quality.warnings, [{ reason: 'oldObservation' }])
  },
)

t.test('a client that has the snapshot gets 304, by any valid If-None-Match', async (t) => {
  const { server } = await buildApp(t)
  const first = await server.inject(URL_OF_AYALON)
  const etag = String(first.headers.etag)
  t.match(etag, /^W\/"ayalon-/)
  const strong = etag.replace('W/', '')
  for (const header of [etag, strong, '*', `"other", ${etag}`, `${strong}, W/"x"`]) {
    const again = await server.inject({
      url: URL_OF_AYALON,
      headers: { 'if-none-match': header },
    })
    t.equal(again.statusCode, 304, header)
    t.equal(again.body, '')
    t.equal(again.headers.etag, etag)
    t.ok(again.headers['cache-control'] && again.headers.vary && again.headers['x-request-id'])
    t.notOk(again.headers['content-encoding'] ?? again.headers['content-type'])
  }
  for (const header of ['"other"', 'W/"ayalon"', 'nonsense', '']) {
    const again = await server.inject({ url: URL_OF_AYALON, headers: { 'if-none-match': header } })
    t.equal(again.statusCode, 200, header)
  }
})

t.test('each reference, model, form and snapshot has an ETag of its own', async (t) => {
  const { server, clock } = await buildApp(t)
  const etagOf = async (path: string) => (await server.inject(path)).headers.etag
  const paths = ['', '?reference=phed', '?reference=50', '?model=ayalon-1.0-freeze', '/geojson']
  const etags = []
  for (const path of paths) etags.push(await etagOf(`${URL_OF_AYALON}${path}`))
  t.equal(new Set(etags).size, paths.length)
  t.equal(await etagOf(`${URL_OF_AYALON}?reference=freeFlow`), etags[0], 'the default by name')
  await clock.advance(300_000)
  t.not(await etagOf(URL_OF_AYALON), etags[0])
})

t.test('the age in the body moves on between two polls, the rest is made once', async (t) => {
  const { server, clock } = await buildApp(t)
  const before = (await server.inject(URL_OF_AYALON)).json()
  clock.move(42_000)
  const response = await server.inject(URL_OF_AYALON)
  const after = response.json()
  t.equal(before.snapshot.ageSeconds, 0)
  t.equal(after.snapshot.ageSeconds, 42)
  t.strictSame({ ...after, snapshot: null }, { ...before, snapshot: null })
  t.equal(response.headers.age, '42')
  t.equal(
    response.headers['cache-control'],
    'public, max-age=300, stale-while-revalidate=300, stale-if-error=6900',
  )
  t.equal(response.headers['cache-status'], 'ayalon; hit; ttl=258')
})

t.test('where reading needs a key, no cache on the way may keep what was read', async (t) => {
  const secret = 'dash-0123456789abcdef'
  const { server } = await buildApp(t, {
    config: { AUTH_READS: 'key', API_KEYS: Secret.of(`dash:read:${secret}`) },
  })
  const { headers } = await server.inject({ url: URL_OF_AYALON, headers: { 'x-api-key': secret } })
  t.match(String(headers['cache-control']), /^private, max-age=/)
  t.equal((await server.inject(URL_OF_AYALON)).statusCode, 401)
})

t.test('gzip and br are sent where asked, with the same JSON inside', async (t) => {
  const { server } = await buildApp(t)
  const plain = await server.inject(URL_OF_AYALON)
  const ask = async (encoding: string) =>
    server.inject({ url: URL_OF_AYALON, headers: { 'accept-encoding': encoding } })
  t.equal((await ask('identity')).headers['content-encoding'], undefined)
  t.equal((await ask('zstd')).headers['content-encoding'], undefined)
  t.equal((await ask('identity;q=0, *;q=0')).headers['content-encoding'], undefined)
  const gzip = await ask('gzip')
  t.equal(gzip.headers['content-encoding'], 'gzip')
  t.equal(gunzipSync(gzip.rawPayload).toString(), plain.body)
  const br = await ask('gzip;q=0.5, br')
  t.equal(br.headers['content-encoding'], 'br')
  t.equal(brotliDecompressSync(br.rawPayload).toString(), plain.body)
  t.equal(plain.headers.vary, 'Accept-Encoding')
})

t.test('a client that wants no JSON is told what there is', async (t) => {
  const { server } = await buildApp(t)
  const ask = async (url: string, accept: string) => server.inject({ url, headers: { accept } })
  t.match((await ask(URL_OF_AYALON, 'text/html')).json(), { status: 406, code: 'not_acceptable' })
  t.equal((await ask(URL_OF_AYALON, 'text/html, */*;q=0.1')).statusCode, 200)
  t.equal((await ask(`${URL_OF_AYALON}/geojson`, 'application/json')).statusCode, 200)
  for (const accept of ['application/json; charset=utf-8', 'text/html, Application/JSON;v=2'])
    t.equal((await ask(URL_OF_AYALON, accept)).statusCode, 200, accept)
  t.equal((await ask(URL_OF_AYALON, 'application/json;q=0')).statusCode, 406)
})

t.test('a thousand references do not pile up: old ones are made anew', async (t) => {
  const { server } = await buildApp(t)
  const ask = async (kmh: number) => {
    const response = await server.inject(`${URL_OF_AYALON}?reference=${kmh}`)
    return [response.statusCode, response.headers.etag, response.json().model.reference.kmh]
  }
  const first = await ask(20)
  for (let kmh = 21; kmh <= 60; kmh += 1) t.equal((await ask(kmh))[2], kmh)
  t.strictSame(await ask(20), first)
})

t.test('a closed direction is a state, not a delay', async (t) => {
  const closed = scripted('here', () => ({
    ...answerOf(AYALON, 30),
    pieces: piecesOf(AYALON, 30).map((piece, index) => ({ ...piece, closed: index >= 4 })),
  }))
  const { server } = await buildApp(t, { providers: [closed] })
  const view = snapshotSchema.parse((await server.inject(URL_OF_AYALON)).json())
  t.match(view.directions[1], {
    status: 'closed',
    coverage: 1,
    speedKmh: null,
    rates: { delay: { central: 0 } },
  })
  t.match(view.directions[1]?.sections[0], {
    status: 'closed',
    speedKmh: null,
    flow: { low: 0, central: 0, high: 0 },
    rates: {},
  })
})
