import type { InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { Secret } from '../../src/secret.ts'
import { buildApp, type TestApp } from '../helpers/build-app.ts'
import { failing, piecesOf, scripted } from '../helpers/providers.ts'
import { HERE_SAYS, liveHere } from '../helpers/service.ts'
import { standIn } from '../helpers/stand-in.ts'
import { type Contract, contractOf } from './contract.ts'

const KEYS = { admin: 'canary-admin-0123456789', read: 'canary-read-0123456789' }
const config = { API_KEYS: Secret.of(`ops:admin:${KEYS.admin},dash:read:${KEYS.read}`) }
const admin = { 'x-api-key': KEYS.admin }

type Settings = NonNullable<Parameters<typeof buildApp>[1]>
const open = (t: Test, settings: Settings = {}) =>
  buildApp(t, { ...settings, config: { ...config, ...settings.config } })

const app = await open(t)
for (let poll = 0; poll < 14; poll += 1) await app.clock.advance(300_000)
await app.storage.recorder.settled()
const contract = contractOf(JSON.parse(JSON.stringify(app.server.openapi())))

/** The statuses with which each operation was seen to answer. */
const seen = new Map<string, Set<number>>()

/** The whole answer; of a stream, which has no end, what comes until the first event is whole. */
async function answerTo(server: TestApp['server'], id: string, request: InjectOptions) {
  const asked = { method: 'GET', ...request } as const
  if (id !== 'streamSnapshots') return server.inject(asked)
  const answer = await server.inject({ ...asked, payloadAsStream: true })
  let body = ''
  for await (const chunk of answer.stream()) {
    body += chunk
    if (/^data: .*\n\n/m.test(body)) break
  }
  const { statusCode, headers } = answer
  return { statusCode, headers, body, json: () => JSON.parse(body) }
}

/** The data of an event is what the same client gets by `getSnapshot`. */
function checkEvent(t: Test, where: string, body: string): void {
  const [described] = contract.operations.filter(({ id }) => id === 'getSnapshot')
  const schema = described?.responses.get(200)?.content['application/json']?.schema ?? {}
  const [, data = ''] = /^event: snapshot\ndata: (.*)\n\n/m.exec(body) ?? []
  t.equal(contract.faultsOf(schema, JSON.parse(data)), null, `${where}: its data`)
}

/** Asks, and holds the answer against what the document says of the operation. */
async function ask(
  t: Test,
  { server }: Pick<TestApp, 'server'>,
  id: string,
  status: number,
  request: InjectOptions,
) {
  const [described] = contract.operations.filter((one) => one.id === id)
  if (described === undefined) throw new Error(`there is no operation ${id}`)
  const answer = await answerTo(server, id, request)
  const where = `${id} ${status} ${JSON.stringify(request)}`
  t.equal(answer.statusCode, status, where)
  seen.set(id, (seen.get(id) ?? new Set()).add(status))
  const promised = described.responses.get(answer.statusCode)
  if (promised === undefined) throw new Error(`${where}: the document does not name this status`)
  checkHeaders(t, where, promised.headers, answer.headers)
  const types = Object.keys(promised.content)
  if (types.length === 0) {
    t.equal(answer.body, '', where)
    return answer
  }
  const type = String(answer.headers['content-type']).replace(/;.*$/, '')
  if (type === 'text/event-stream') checkEvent(t, where, answer.body)
  const media = promised.content[type]
  if (media === undefined) throw new Error(`${where}: ${type} is not in the document`)
  t.equal(
    contract.faultsOf(media.schema, type.endsWith('json') ? answer.json() : answer.body),
    null,
    where,
  )
  return answer
}

function checkHeaders(
  t: Test,
  where: string,
  promised: Readonly<Record<string, { $ref: string }>>,
  sent: Readonly<Record<string, unknown>>,
): void {
  for (const [name, { $ref }] of Object.entries(promised)) {
    const { required, schema }: ReturnType<Contract['header']> = contract.header($ref)
    const value = sent[name.toLowerCase()]
    if (required) t.ok(value, `${where} has ${name}`)
    if (value === undefined) continue
    const typed = schema.type === 'integer' ? Number(value) : value
    t.equal(contract.faultsOf(schema, typed), null, `${where} ${name}`)
  }
}

const SECTION = { id: 'a', lengthKm: 1, lanes: 3, freeFlowKmh: 95, limitKmh: 90 }
const CONGESTED = { ...SECTION, speedKmh: 30 }
const impact = (payload: object): InjectOptions => ({ method: 'POST', url: '/v1/impact', payload })

t.test('good requests are answered as the document says', async (t) => {
  const SNAPSHOT = '/v1/traffic/ayalon'
  const HISTORY = `${SNAPSHOT}/history`
  for (const [id, ...urls] of [
    ['listCorridors', '/v1/traffic'],
    [
      'getSnapshot',
      SNAPSHOT,
      `${SNAPSHOT}?reference=phed`,
      `${SNAPSHOT}?reference=62.5`,
      `${SNAPSHOT}?model=ayalon-1.0-freeze`,
    ],
    ['getMap', `${SNAPSHOT}/geojson`, `${SNAPSHOT}/geojson?reference=60`],
    ['streamSnapshots', `${SNAPSHOT}/stream`, `${SNAPSHOT}/stream?reference=phed`],
    [
      'getHistory',
      HISTORY,
      `${HISTORY}?interval=5m&by=section&limit=3`,
      `${HISTORY}?from=2026-11-01&to=2026-11-02`,
      `${HISTORY}?format=csv`,
      `${HISTORY}?format=csv&interval=1d&by=corridor`,
    ],
    ['getLiveness', '/health/live'],
    ['getReadiness', '/health/ready'],
    ['getHealth', '/health'],
    ['getUpstream', '/v1/upstream'],
    ['listKeys', '/v1/keys'],
    ['getAnalytics', '/v1/analytics', '/v1/analytics?days=7'],
    ['getAnalyticsSummary', '/v1/analytics/summary'],
    ['getMetrics', '/metrics'],
    ['getOpenapi', '/openapi.json'],
  ] as const)
    for (const url of urls) await ask(t, app, id, 200, { url, headers: admin })
  for (const [id, url] of [
    ['getSnapshot', SNAPSHOT],
    ['getMap', `${SNAPSHOT}/geojson`],
  ] as const)
    await ask(t, app, id, 304, { url, headers: { 'if-none-match': '*' } })
  for (const payload of [
    { sections: [CONGESTED] },
    { sections: [{ ...SECTION, speedKmh: 92 }] },
    { sections: [CONGESTED, { ...SECTION, id: 'b', travelTimeSeconds: 40 }], reference: 70 },
    { sections: [CONGESTED], model: 'ayalon-1.0-freeze', reference: 'phed' },
  ])
    await ask(t, app, 'computeImpact', 200, impact(payload))
  const order = { name: 'map', scope: 'read', expiresAt: '2027-01-01T00:00:00Z' }
  const asAdmin = { url: '/v1/keys', headers: admin }
  const made = await ask(t, app, 'createKey', 201, { ...asAdmin, method: 'POST', payload: order })
  await ask(t, app, 'listKeys', 200, asAdmin)
  const url = String(made.headers.location)
  await ask(t, app, 'revokeKey', 204, { ...asAdmin, method: 'DELETE', url })
})

t.test('what is not known is told as the document says', async (t) => {
  const half = scripted('here', (corridor) => ({
    pieces: piecesOf(corridor, 30, 1),
    observedAtMs: null,
    refused: [{ reason: 'wrongRoad', pieces: 2 }],
  }))
  const partly = await open(t, { providers: [half] })
  for (const [id, url] of [
    ['listCorridors', '/v1/traffic'],
    ['getSnapshot', '/v1/traffic/ayalon'],
    ['getMap', '/v1/traffic/ayalon/geojson'],
  ] as const)
    await ask(t, partly, id, 200, { url })
  await partly.clock.advance(3_600_000)
  await ask(t, partly, 'getSnapshot', 200, { url: '/v1/traffic/ayalon' })

  const failure = failing(new ProviderFailure('unreachable', 'the connection failed or broke off'))
  const without = await open(t, { providers: [scripted('here', failure)] })
  await ask(t, without, 'listCorridors', 200, { url: '/v1/traffic' })
  await ask(t, without, 'getSnapshot', 503, { url: '/v1/traffic/ayalon' })
  await ask(t, without, 'getMap', 503, { url: '/v1/traffic/ayalon/geojson' })
  await ask(t, without, 'getReadiness', 503, { url: '/health/ready' })
  await ask(t, without, 'getHealth', 503, { url: '/health' })
  await ask(t, without, 'getUpstream', 200, { url: '/v1/upstream', headers: admin })
  await ask(t, without, 'getAnalyticsSummary', 200, { url: '/v1/analytics/summary' })
})

t.test('a provider with a budget is told as the document says', async (t) => {
  const { baseUrl } = await standIn(t, {
    headers: { 'content-type': 'application/json' },
    body: HERE_SAYS,
  })
  const live = await open(t, { live: liveHere(t, baseUrl, { limits: { day: 160 } }) })
  await ask(t, live, 'getUpstream', 200, { url: '/v1/upstream', headers: admin })
  await ask(t, live, 'getSnapshot', 200, { url: '/v1/traffic/ayalon' })
  await ask(t, live, 'getMetrics', 200, { url: '/metrics' })
})

/** A request for each operation that would be good. */
const GOOD: Readonly<Record<string, InjectOptions>> = Object.fromEntries(
  contract.operations.map(({ id, method, path, operation }) => [
    id,
    {
      method: method === 'POST' ? 'POST' : method === 'DELETE' ? 'DELETE' : 'GET',
      url: path.replace('{corridor}', 'ayalon').replace('{id}', 'ops'),
      headers: operation.security.length > 0 ? admin : {},
      ...(operation.requestBody && {
        payload: JSON.stringify(operation.requestBody.content['application/json']?.example),
      }),
    },
  ]),
)

t.test('every operation refuses as the document says', async (t) => {
  for (const { id, operation, responses } of contract.operations) {
    const good = { ...GOOD[id], headers: { ...GOOD[id]?.headers } }
    const json = { 'content-type': 'application/json' }
    const refuse = (status: number, changed: InjectOptions) =>
      ask(t, app, id, status, {
        ...good,
        ...changed,
        headers: { ...(operation.requestBody && json), ...good.headers, ...changed.headers },
      })
    await refuse(400, { url: `${good.url}?api-key=0123456789` })
    await refuse(400, { headers: { expect: 'wonders' } })
    await refuse(415, { headers: { 'content-encoding': 'gzip' } })
    if (operation.security.length > 0) await refuse(400, { url: `${good.url}?unknown=1` })
    if (responses.has(401)) await refuse(401, { headers: { 'x-api-key': 'wrong-0123456789' } })
    if (responses.has(403)) await refuse(403, { headers: { 'x-api-key': KEYS.read } })
    if (responses.has(406)) await refuse(406, { headers: { accept: 'image/png' } })
    if (responses.has(404))
      await refuse(404, { url: `${good.url}`.replace(/ayalon|ops/, 'nowhere') })
    if (operation.requestBody === undefined) continue
    await refuse(400, { payload: '{}' })
    await refuse(400, { payload: '{' })
    await refuse(413, { payload: ' '.repeat(1024 * 1024 + 1) })
    await refuse(415, { headers: { 'content-type': 'text/plain' } })
  }
  await ask(t, app, 'revokeKey', 409, { ...GOOD.revokeKey })
})

t.test('every operation that is limited says so as the document says', async (t) => {
  const limited = await open(t, { config: { RATE_LIMIT_PER_MINUTE: 1 } })
  await limited.server.inject({ url: '/v1/traffic', headers: admin })
  await limited.server.inject('/v1/traffic')
  for (const { id, responses } of contract.operations)
    if (responses.has(429)) await ask(t, limited, id, 429, { ...GOOD[id] })
})

t.test('a number has six decimals at most, whoever makes it into text', async (t) => {
  const failure = failing(new ProviderFailure('unreachable', 'the connection failed or broke off'))
  const { server } = await open(t, { providers: [scripted('here', failure)] })
  for (const path of ['', '', '/ayalon']) await server.inject(`/v1/traffic${path}`)
  t.equal((await server.inject('/health')).json().statistics.errorRate, 0.333333)
})

t.test('where no key can be made, that is said as the document says', async (t) => {
  const away = await open(t, { config: { KEY_PEPPER: Secret.of('too-short') } })
  const headers = { 'content-type': 'application/json', ...admin }
  await ask(t, away, 'createKey', 503, { ...GOOD.createKey, headers })
})

t.test('every operation was asked for every status of a good answer', async (t) => {
  for (const { id, responses } of contract.operations)
    for (const status of responses.keys())
      if (status < 400) t.ok(seen.get(id)?.has(status), `${id} ${status}`)
})
