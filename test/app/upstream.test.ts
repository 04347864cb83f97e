import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type UpstreamView, upstreamSchema } from '../../src/modules/upstream/schemas.ts'
import { providerView } from '../../src/modules/upstream/upstream-view.ts'
import { Secret } from '../../src/secret.ts'
import { buildApp, LEASE_MS, type TestApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { newFolder, onBothEngines } from '../helpers/databases.ts'
import { DateClock } from '../helpers/fake-date.ts'
import { guardOf } from '../helpers/guards.ts'
import { MemoryStore } from '../helpers/memory-store.ts'
import { fragile } from '../helpers/outage.ts'
import { HERE_SAYS, liveHere } from '../helpers/service.ts'
import { type Answer, standIn } from '../helpers/stand-in.ts'

const URL = '/v1/upstream'
const ADMIN = 'canary-of-the-admin'
const READ = 'canary-of-the-reader'
const WRITE = 'canary-of-the-writer'
const LIST = `dash:read:${READ},sync:write:${WRITE},ops:admin:${ADMIN}`
const KEYS = { API_KEYS: Secret.of(LIST) }
const AS_ADMIN = { 'x-api-key': ADMIN }
const MINUTE = 60_000

type Settings = NonNullable<Parameters<typeof buildApp>[1]>

/** An app with a live provider. */
async function liveApp(
  t: Test,
  answer: Answer,
  settings: Settings = {},
  guard?: Parameters<typeof liveHere>[2],
): Promise<TestApp> {
  const { baseUrl } = await standIn(t, answer)
  return buildApp(t, {
    ...settings,
    live: liveHere(t, baseUrl, guard),
    config: { ...KEYS, ...settings.config },
  })
}

/** What an admin sees, which is what its schema promises and nothing else. */
async function viewOf(t: Test, { server }: TestApp): Promise<UpstreamView> {
  const response = await server.inject({ url: URL, headers: AS_ADMIN })
  t.equal(response.statusCode, 200)
  t.equal(response.headers['cache-control'], 'no-store')
  const view = response.json()
  t.strictSame(upstreamSchema.parse(view), view)
  return upstreamSchema.parse(view)
}

const oneOf = async (t: Test, app: TestApp) => {
  const [provider, ...more] = (await viewOf(t, app)).providers
  if (provider === undefined || more.length > 0) throw new Error('there is one provider')
  return provider
}

t.test('only a key of the scope admin opens it', async (t) => {
  const { server } = await buildApp(t, { config: KEYS })
  for (const [what, headers] of [
    ['none', {}],
    ['a wrong one', { 'x-api-key': 'a-wrong-one-0123456789' }],
    ['an empty one', { 'x-api-key': '' }],
    ['a part of one', { 'x-api-key': ADMIN.slice(0, -1) }],
    ['the whole list', { 'x-api-key': LIST }],
    ['a name', { 'x-api-key': 'ops' }],
    ['two in one header', { 'x-api-key': `${ADMIN}, ${ADMIN}` }],
    ['without a scheme', { authorization: ADMIN }],
    ['of another scheme', { authorization: `Basic ${ADMIN}` }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['two tokens', { authorization: `Bearer ${ADMIN} ${ADMIN}` }],
    ['in a cookie', { cookie: `x-api-key=${ADMIN}` }],
  ] as const) {
    const response = await server.inject({ url: URL, headers })
    t.equal(response.statusCode, 401, what)
    t.match(response.headers['content-type'], /^application\/problem\+json/, what)
    t.match(response.json(), { code: 'unauthorized', status: 401 }, what)
  }
  for (const secret of [READ, WRITE])
    for (const headers of [{ 'x-api-key': secret }, { authorization: `Bearer ${secret}` }]) {
      const response = await server.inject({ url: URL, headers })
      t.equal(response.statusCode, 403)
      t.match(response.json(), { code: 'forbidden', status: 403 })
    }
  for (const headers of [
    { 'x-api-key': ADMIN },
    { 'X-API-KEY': ADMIN },
    { authorization: `Bearer ${ADMIN}` },
    { authorization: `bearer  ${ADMIN}` },
  ])
    t.equal((await server.inject({ url: URL, headers })).statusCode, 200)
  t.equal((await server.inject('/v1/traffic')).statusCode, 200, 'the rest is open')
})

t.test('where no client has a key it is closed to all', async (t) => {
  const { server } = await buildApp(t)
  for (const headers of [{}, AS_ADMIN, { 'x-api-key': '' }, { authorization: 'Bearer null' }])
    t.equal((await server.inject({ url: URL, headers })).statusCode, 401)
})

t.test('it takes GET and HEAD, and no parameter', async (t) => {
  const { server } = await buildApp(t, { config: KEYS })
  const ask = (method: 'GET' | 'HEAD' | 'POST' | 'DELETE', url = URL, headers = AS_ADMIN) =>
    server.inject({ method, url, headers })
  t.match((await ask('GET', `${URL}?limit=1`)).json(), { status: 400, code: 'invalid_input' })
  const head = await ask('HEAD')
  t.equal(head.statusCode, 200)
  t.equal(head.body, '')
  t.equal((await server.inject({ method: 'HEAD', url: URL })).statusCode, 401)
  for (const method of ['POST', 'DELETE'] as const) {
    const { statusCode, headers } = await ask(method)
    t.equal(statusCode, 405)
    t.match(String(headers.allow), /GET/)
  }
  const html = { ...AS_ADMIN, accept: 'text/html' }
  t.equal((await ask('GET', URL, html)).statusCode, 406)
})

t.test('it tells the plan, the use of the budget and the last call', async (t) => {
  const app = await liveApp(t, { body: HERE_SAYS }, {}, { limits: { day: 500 } })
  const { providers, plan, ...rest } = await viewOf(t, app)
  t.strictSame(rest, { collects: true, store: 'database' })
  const next = app.storage.state.nextPoll
  t.equal(plan?.nextPollAt, new Date(next?.atMs ?? 0).toISOString())
  t.equal(plan?.limitedBy, next?.limitedBy)
  t.strictSame(providers, [
    {
      provider: 'here',
      reachable: true,
      lastCallAt: '2026-11-18T06:00:00.000Z',
      breaker: { state: 'closed', until: null },
      pausedUntil: null,
      quota: [
        ['hour', '2026-11-18T06:00:00.000Z', '2026-11-18T07:00:00.000Z', null],
        ['day', '2026-11-18T00:00:00.000Z', '2026-11-19T00:00:00.000Z', 500],
        ['month', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z', null],
      ].map(([period, from, to, limit]) => {
        const left = typeof limit === 'number' ? limit - 1 : null
        return { period, from, to, used: 1, limit, left, status: 'ok' }
      }),
      outcomes: { ok: 1 },
      lastOutcome: 'ok',
    },
  ])
})

const NOTHING_SEEN = { reachable: null, outcomes: {}, attempts: [null] }

t.test('each use of a limit has its status', async (t) => {
  const store = new MemoryStore()
  const quota = async (limit: number | null) => {
    const guard = guardOf('here', { store, limits: { day: limit } })
    const { refresh, callsFor } = { refresh: () => Promise.reject(), callsFor: () => 1 }
    const view = await providerView({ name: 'here', guard, refresh, callsFor }, NOTHING_SEEN)
    const { used, left, status } = view.quota?.find(({ period }) => period === 'day') ?? {}
    return [used, left, status]
  }
  const { budget } = guardOf('here', { store })
  const spend = async (calls: number): Promise<void> => {
    for (let call = 0; call < calls; call += 1) await budget.take()
  }
  t.strictSame(await quota(10), [0, 10, 'ok'])
  await spend(7)
  t.strictSame(await quota(10), [7, 3, 'ok'])
  await spend(1)
  t.strictSame(await quota(10), [8, 2, 'warning'], '80 %')
  await spend(1)
  t.strictSame(await quota(10), [9, 1, 'critical'], '90 %')
  await spend(1)
  t.strictSame(await quota(10), [10, 0, 'spent'], '100 %')
  t.strictSame(await quota(9), [10, 0, 'spent'], 'a limit that was lowered')
  t.strictSame(await quota(11), [10, 1, 'critical'], 'a limit that was raised')
  t.strictSame(await quota(null), [10, null, 'ok'], 'without a limit')
})

t.test('a breaker that is open is told, with its end', async (t) => {
  const clock = new DateClock(t, WEDNESDAY_8H)
  const app = await liveApp(t, { status: 500 }, { clock, config: { POLL_SECONDS: 60 } })
  t.match(await oneOf(t, app), { breaker: { state: 'closed' }, outcomes: { serverError: 1 } })
  await clock.advance(MINUTE)
  const until = new Date(WEDNESDAY_8H + 2 * MINUTE).toISOString()
  t.match(await oneOf(t, app), {
    reachable: true,
    breaker: { state: 'open', until },
    outcomes: { serverError: 2 },
    pausedUntil: null,
  })
  await clock.advance(MINUTE - 1)
  t.match(await oneOf(t, app), { breaker: { state: 'open', until } })
})

t.test('a pause that the provider asked for is told', async (t) => {
  const clock = new DateClock(t, WEDNESDAY_8H)
  const app = await liveApp(t, { status: 429, headers: { 'retry-after': '120' } }, { clock })
  t.match(await oneOf(t, app), {
    pausedUntil: new Date(WEDNESDAY_8H + 2 * MINUTE).toISOString(),
    outcomes: { throttled: 1 },
    breaker: { state: 'closed' },
  })
  await clock.advance(2 * MINUTE)
  t.match(await oneOf(t, app), { pausedUntil: null })
})

t.test('a provider that makes no calls has no budget', async (t) => {
  const app = await buildApp(t, { config: KEYS })
  t.match(await oneOf(t, app), {
    provider: 'simulated',
    reachable: null,
    lastCallAt: null,
    breaker: { state: 'closed', until: null },
    pausedUntil: null,
    quota: [],
    outcomes: { ok: 1 },
  })
})

await onBothEngines(t, async (t, engine) => {
  t.test('while the shared store is away it tells what it knows', async (t) => {
    const { place, goAway, comeBack } = await fragile(t, engine)
    const app = await liveApp(t, { body: HERE_SAYS }, { place })
    t.match(await viewOf(t, app), { collects: true })
    await goAway(app.storage.connection)
    await app.clock.advance(LEASE_MS)
    t.match(await viewOf(t, app), {
      collects: null,
      store: 'database',
      plan: { limitedBy: 'pollSeconds' },
      providers: [{ quota: null, reachable: true, breaker: { state: 'closed' } }],
    })
    await comeBack(app.storage.connection)
    await app.clock.advance(LEASE_MS)
    const back = await viewOf(t, app)
    t.equal(back.collects, true)
    t.equal(back.providers[0]?.quota?.[0]?.used, 1)
  })
})

t.test('keys from a file are those that it holds now', async (t) => {
  const file = join(newFolder(t), 'keys')
  const keep = (list: string): void => writeFileSync(file, list)
  keep(LIST)
  const { server, lines } = await buildApp(t, {
    config: { API_KEYS: Secret.fromFile(file, LIST) },
  })
  const status = async (headers: Record<string, string> = {}): Promise<number> =>
    (await server.inject({ url: URL, headers })).statusCode
  t.equal(await status(AS_ADMIN), 200)
  keep(`ops:read:${ADMIN},new:admin:canary-of-a-new-one`)
  t.equal(await status(AS_ADMIN), 403, 'one that lost its scope')
  t.equal(await status({ 'x-api-key': 'canary-of-a-new-one' }), 200, 'a new one')
  t.equal(await status({ 'x-api-key': READ }), 401, 'one that is gone')
  keep('no list of keys')
  t.equal(await status({ 'x-api-key': 'no list of keys' }), 401)
  const newOne = { 'x-api-key': 'canary-of-a-new-one' }
  t.equal(await status(newOne), 200, 'a list that is wrong leaves the last good one')
  t.equal(
    await status({ ...newOne, 'x-api-key': '', authorization: 'Bearer canary-of-a-new-one' }),
    200,
  )
  t.match(
    lines.filter(({ msg }) => /list of keys is wrong/.test(String(msg))),
    [{ level: 40, fault: /name:scope:secret/ }],
  )
  t.notMatch(JSON.stringify(lines), /canary/)
})

t.test('a secret that is empty or short by now lets nobody in', async (t) => {
  const file = join(newFolder(t), 'keys')
  const { server } = await buildApp(t, { config: { API_KEYS: Secret.fromFile(file, LIST) } })
  for (const [list, given] of [
    ['ops:admin:', ''],
    ['ops:admin: ', ' '],
    ['ops:admin:short', 'short'],
  ] as const) {
    writeFileSync(file, list)
    for (const headers of [{}, { 'x-api-key': given }, { authorization: `Bearer ${given}` }])
      t.equal((await server.inject({ url: URL, headers })).statusCode, 401, `"${list}"`)
  }
})

t.test('no secret shows in an answer or in the log', async (t) => {
  const app = await liveApp(t, { status: 500, body: 'canary-here' })
  const answers: string[] = []
  for (const secret of [ADMIN, READ, 'canary-unknown-0123456789'])
    for (const url of [URL, `${URL}?key=${secret}`, `${URL}/${secret}`, '/health'])
      for (const headers of [{ 'x-api-key': secret }, { authorization: `Bearer ${secret}` }]) {
        const response = await app.server.inject({ url, headers })
        answers.push(response.body, JSON.stringify(response.headers))
      }
  t.notMatch(answers.join('\n'), /canary/)
  t.notMatch(JSON.stringify(app.lines), /canary/)
  t.ok(app.lines.some(({ route }) => route === URL))
})
