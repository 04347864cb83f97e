import { setTimeout as wait } from 'node:timers/promises'
import type { InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { PROBLEMS, type ProblemCode } from '../../src/problems/problem.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { Secret } from '../../src/secret.ts'
import { buildApp, type TestApp } from '../helpers/build-app.ts'
import { isProblem } from '../helpers/problem.ts'
import { answerOf, failing, scripted } from '../helpers/providers.ts'

const SNAPSHOT = '/v1/traffic/ayalon'
const KEY = { reader: 'r'.repeat(20), admin: 'a'.repeat(20) }
const ADMIN = { authorization: `Bearer ${KEY.admin}` }

const without = (outcome: ConstructorParameters<typeof ProviderFailure>[0]) => (t: Test) =>
  buildApp(t, {
    providers: [scripted('here', failing(new ProviderFailure(outcome, 'it went wrong')))],
  })

/** An app whose one snapshot has become too old. */
async function outdated(t: Test): Promise<TestApp> {
  const down = failing(new ProviderFailure('timeout', 'no answer'))
  const providers = [scripted('here', () => answerOf(AYALON, 30), down)] as const
  const app = await buildApp(t, { providers, config: { MAX_STALE_SECONDS: 60 } })
  await app.clock.advance(300_000)
  return app
}

/** An app that finds, by its first look, that there is too little memory. */
async function shedding(t: Test): Promise<TestApp> {
  const app = await buildApp(t, { memory: { available: () => 0, limit: () => 2 ** 20 } })
  while ((await app.server.inject('/no')).statusCode !== 503) await wait(20)
  return app
}

const broken = Object.defineProperty({ ...AYALON }, 'attribution', {
  get() {
    throw new TypeError('secret internals')
  },
})

const keyed = (t: Test) =>
  buildApp(t, {
    config: { API_KEYS: Secret.of(`panel:read:${KEY.reader},ops:admin:${KEY.admin}`) },
  })

/** A request that fails so, and what it is asked of. */
interface Way {
  readonly request: InjectOptions
  readonly app?: (t: Test) => Promise<TestApp>
  /** How often it is asked; the last answer counts. */
  readonly times?: number
}

const post = (body: string, type = 'application/json'): InjectOptions => ({
  method: 'POST',
  url: '/v1/impact',
  headers: { 'content-type': type },
  body,
})

const WAYS = {
  invalid_input: { request: { url: `${SNAPSHOT}?speed=1` } },
  unauthorized: { request: { url: '/v1/upstream' } },
  forbidden: {
    request: { url: '/v1/upstream', headers: { 'x-api-key': KEY.reader } },
    app: keyed,
  },
  not_found: { request: { url: '/v1/traffic/nowhere' } },
  method_not_allowed: { request: { method: 'DELETE', url: SNAPSHOT } },
  not_acceptable: { request: { url: SNAPSHOT, headers: { accept: 'text/html' } } },
  payload_too_large: { request: post(`"${'x'.repeat(2 ** 20)}"`) },
  unsupported_media_type: { request: post('a: 1', 'application/yaml') },
  conflict: {
    request: { method: 'DELETE', url: '/v1/keys/panel', headers: ADMIN },
    app: keyed,
  },
  rate_limited: {
    request: { url: SNAPSHOT },
    app: (t: Test) => buildApp(t, { config: { RATE_LIMIT_PER_MINUTE: 1 } }),
    times: 2,
  },
  internal_error: {
    request: { url: SNAPSHOT },
    app: (t: Test) => buildApp(t, { corridors: [broken] }),
  },
  quota_exceeded: { request: { url: SNAPSHOT }, app: without('quotaSpent') },
  source_unavailable: { request: { url: SNAPSHOT }, app: without('unauthorized') },
  network_error: { request: { url: SNAPSHOT }, app: without('unreachable') },
  no_coverage: { request: { url: SNAPSHOT }, app: without('noCoverage') },
  stale_data: { request: { url: SNAPSHOT }, app: outdated },
  overloaded: { request: { url: SNAPSHOT }, app: shedding },
} satisfies Record<ProblemCode, Way>

for (const [code, way] of Object.entries<Way>(WAYS))
  t.test(`${code} comes of a real request and is all that a problem must be`, async (t) => {
    const known = Object.keys(PROBLEMS).find((name): name is ProblemCode => name === code)
    if (known === undefined) throw new Error(`the contract has no ${code}`)
    const { request, app = buildApp, times = 1 } = way
    const { server } = await app(t)
    for (let time = 1; time < times; time += 1) await server.inject(request)
    const { statusCode, headers, body } = await server.inject(request)
    const get = (name: string) => headers[name]?.toString()
    isProblem(t, { status: statusCode, headers: { get }, body }, known, code)
  })

t.test('the catalogue is that of the contract', async (t) => {
  const statuses = Object.entries(PROBLEMS).map(([code, { status }]) => [code, status])
  t.strictSame(Object.fromEntries(statuses), {
    invalid_input: 400,
    unauthorized: 401,
    forbidden: 403,
    not_found: 404,
    method_not_allowed: 405,
    not_acceptable: 406,
    payload_too_large: 413,
    unsupported_media_type: 415,
    conflict: 409,
    rate_limited: 429,
    internal_error: 500,
    quota_exceeded: 503,
    source_unavailable: 503,
    network_error: 503,
    no_coverage: 503,
    stale_data: 503,
    overloaded: 503,
  })
  const titles = Object.values(PROBLEMS).map(({ title }) => title)
  t.equal(new Set(titles).size, titles.length, 'no two have one title')
})
