import t from 'tap'
import pkg from '../../package.json' with { type: 'json' }
import { Secret } from '../../src/secret.ts'
import { buildApp } from '../helpers/build-app.ts'
import { HERE_SAYS, liveHere } from '../helpers/service.ts'
import { standIn } from '../helpers/stand-in.ts'
import { contractOf } from './contract.ts'

/**
 * Where an example says what no answer says: null where it does not. Of a list it may leave out
 * members, of an object nothing.
 */
function untruth(example: unknown, answer: unknown, at = ''): string | null {
  if (Array.isArray(example) && Array.isArray(answer)) {
    const made = example.find((one) => answer.every((other) => untruth(one, other, at) !== null))
    return made === undefined ? null : `${at}/${example.indexOf(made)}`
  }
  if (!isObject(example) || !isObject(answer))
    return Object.is(example, answer) ? null : `${at} is ${JSON.stringify(answer)}`
  const names = new Set([...Object.keys(example), ...Object.keys(answer)])
  const faults = [...names].map((name) => untruth(example[name], answer[name], `${at}/${name}`))
  return faults.find((fault) => fault !== null) ?? null
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const ADMIN = 'canary-admin-0123456789'
const config = { API_KEYS: Secret.of(`ops:admin:${ADMIN}`) }
const headers = { 'x-api-key': ADMIN }

t.test('examples are what the service answers, with lists made shorter', async (t) => {
  const app = await buildApp(t, { version: pkg.version, config })
  for (let poll = 0; poll < 14; poll += 1) await app.clock.advance(300_000)
  await app.storage.recorder.settled()
  const contract = contractOf(JSON.parse(JSON.stringify(app.server.openapi())))
  const examplesOf = (id: string) => {
    const [described] = contract.operations.filter((one) => one.id === id)
    if (described === undefined) throw new Error(`there is no operation ${id}`)
    const sent = described.operation.requestBody?.content['application/json']?.example
    const content = described.responses.get(sent === undefined || id !== 'createKey' ? 200 : 201)
    const given = (type: string): unknown => content?.content[type]?.example
    return { sent: JSON.stringify(sent), given }
  }
  const JSON_TYPE = 'application/json'
  for (const [id, type, url] of [
    ['listCorridors', JSON_TYPE, '/v1/traffic'],
    ['getSnapshot', JSON_TYPE, '/v1/traffic/ayalon'],
    ['getMap', 'application/geo+json', '/v1/traffic/ayalon/geojson'],
    ['getHistory', JSON_TYPE, '/v1/traffic/ayalon/history?from=2026-11-18T06:00:00Z&by=direction'],
    ['getLiveness', JSON_TYPE, '/health/live'],
    ['getReadiness', JSON_TYPE, '/health/ready'],
    ['getAnalyticsSummary', JSON_TYPE, '/v1/analytics/summary'],
  ] as const) {
    const answer = await app.server.inject(url)
    t.equal(untruth(examplesOf(id).given(type), answer.json()), null, id)
  }
  const csv = await app.server.inject(
    '/v1/traffic/ayalon/history?from=2026-11-18T06:00:00Z&format=csv',
  )
  const example = String(examplesOf('getHistory').given('text/csv'))
  t.equal(example.split('\n').length, 3)
  t.ok(csv.body.startsWith(example))

  const post = (id: string, url: string) =>
    app.server.inject({
      method: 'POST',
      url,
      headers: { ...headers, 'content-type': JSON_TYPE },
      payload: examplesOf(id).sent,
    })
  const impact = await post('computeImpact', '/v1/impact')
  t.equal(untruth(examplesOf('computeImpact').given(JSON_TYPE), impact.json()), null)
  const made = (await post('createKey', '/v1/keys')).json()
  const { id, key } = made
  t.match(key, `ayalon_${id}_`)
  const shown: unknown = examplesOf('createKey').given(JSON_TYPE)
  t.ok(isObject(shown))
  t.equal(
    untruth(shown, { ...made, ...(isObject(shown) && { id: shown.id, key: shown.key }) }),
    null,
  )
})

t.test('the example of a provider is one with a budget', async (t) => {
  const { baseUrl } = await standIn(t, {
    headers: { 'content-type': 'application/json' },
    body: HERE_SAYS,
  })
  const limits = { hour: null, day: 160, month: 4500 }
  const app = await buildApp(t, { config, live: liveHere(t, baseUrl, { limits }) })
  for (let poll = 0; poll < 14; poll += 1) await app.clock.advance(300_000)
  const { operations } = contractOf(JSON.parse(JSON.stringify(app.server.openapi())))
  const [described] = operations.filter(({ id }) => id === 'getUpstream')
  const example = described?.responses.get(200)?.content['application/json']?.example
  const answer = (await app.server.inject({ url: '/v1/upstream', headers })).json()
  t.equal(untruth(example, answer), null)
})

t.test('an example that says something else is found out', async (t) => {
  const answer = { a: [{ b: 1 }, { b: 2 }], c: null }
  t.equal(untruth({ a: [{ b: 2 }], c: null }, answer), null)
  for (const example of [
    { a: [{ b: 3 }], c: null },
    { a: [{ b: 1, d: 1 }], c: null },
    { a: [] },
    { a: [], c: 0 },
    { a: {}, c: null },
  ])
    t.not(untruth(example, answer), null)
})
