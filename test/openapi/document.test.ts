import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t from 'tap'
import pkg from '../../package.json' with { type: 'json' }
import { buildApp } from '../helpers/build-app.ts'
import { contractOf } from './contract.ts'
import { runTool } from './run-tool.ts'

const FILE = resolve(import.meta.dirname, '../../openapi.json')

const app = await buildApp(t, { version: pkg.version })
const made: unknown = JSON.parse(JSON.stringify(app.server.openapi()))
const contract = contractOf(made)
const { document, operations } = contract

t.test('openapi.json is what the service answers; `npm run openapi` writes it', async (t) => {
  const answer = await app.server.inject('/openapi.json')
  t.equal(answer.statusCode, 200)
  t.match(answer.headers['cache-control'], /^public, max-age=\d+$/)
  t.match(answer.headers['content-type'], /^application\/json/)
  t.strictSame(answer.json(), made)
  t.strictSame(JSON.parse(readFileSync(FILE, 'utf8')), made)
  t.equal(document.info.version, pkg.version)
})

t.test('the document lists what is registered, and nothing else', async (t) => {
  const { routes } = await buildApp(t, { config: { CORS_ORIGINS: ['https://map.example'] } })
  const registered = routes.flatMap(({ method, url }) =>
    [method]
      .flat()
      .filter((one) => one !== 'HEAD')
      .map((one) => `${one} ${url.replaceAll(/:(\w+)/g, '{$1}')}`),
  )
  const listed = operations.map(({ method, path }) => `${method} ${path}`)
  const isOfThePage = (route: string): boolean =>
    route === 'GET /docs' || route.startsWith('GET /docs/')
  t.strictSame(
    registered.filter((route) => !isOfThePage(route) && route !== 'OPTIONS *').toSorted(),
    listed.toSorted(),
  )
  t.equal(new Set(listed).size, listed.length)
  t.ok(listed.includes('GET /metrics'))
})

t.test('what is on a port of its own is not in the document', async (t) => {
  const { server } = await buildApp(t, { config: { METRICS_PORT: 0 } })
  t.notOk('/metrics' in contractOf(JSON.parse(JSON.stringify(server.openapi()))).document.paths)
})

t.test('every operation has a name of its own, a known group, and says who may call', async (t) => {
  const ids = operations.map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length)
  const groups = document.tags.map(({ name }) => name)
  const keys = [{ apiKey: [] }, { bearer: [] }]
  const SECURITY = { open: [], read: [{}, ...keys], write: keys, admin: keys }
  for (const { id, method, path, operation, responses } of operations) {
    t.match(id, /^[a-z]+[A-Z][A-Za-z]+$/)
    t.ok(groups.includes(operation.tags[0]), id)
    const url = path.replaceAll(/\{(\w+)\}/g, ':$1')
    const [route] = app.routes.filter((one) => one.method === method && one.url === url)
    const access = route?.config?.access ?? 'admin'
    t.strictSame(operation.security, SECURITY[access], id)
    t.equal(responses.has(401), access !== 'open', id)
    t.equal(responses.has(403), access === 'write' || access === 'admin', id)
    t.equal(responses.has(429), route?.config?.probe !== true, id)
  }
  t.strictSame(
    groups.filter((group) => !operations.some(({ operation }) => operation.tags[0] === group)),
    [],
    'no group is empty',
  )
})

t.test('every failure is a problem, and names its codes', async (t) => {
  for (const { id, responses } of operations) {
    for (const [status, { content, headers }] of responses) {
      t.ok(headers['X-Request-ID'], `${id} ${status}`)
      const types = Object.keys(content)
      if (status < 400 || (id === 'getHealth' && status === 503)) continue
      t.strictSame(types, ['application/problem+json'], `${id} ${status}`)
    }
    for (const status of [400, 500]) t.ok(responses.has(status), `${id} ${status}`)
  }
})

t.test('every example is allowed by its schema, and every body has one', async (t) => {
  for (const described of operations) {
    const examples = contract.bodyExamples(described)
    for (const { where, schema, value } of examples)
      t.equal(contract.faultsOf(schema, value), null, where)
    const types = [
      ...Object.keys(described.operation.requestBody?.content ?? {}),
      ...[...described.responses.values()].flatMap(({ content }) => Object.keys(content)),
    ]
    t.ok(examples.length >= types.length, described.id)
    for (const { name, schema, example } of described.parameters)
      if (example !== undefined) t.equal(contract.faultsOf(schema, example), null, name)
  }
  for (const [name, { schema, example }] of Object.entries(document.components.headers))
    t.equal(contract.faultsOf(schema, example), null, name)
})

t.test('problems are rendered as their examples say', async (t) => {
  const { components } = document
  for (const [code, { content }] of Object.entries(components.responses)) {
    const { examples = {} } = content['application/problem+json'] ?? {}
    t.strictSame(Object.keys(examples), [code])
    t.match(components.examples[code]?.value, { code, status: Number })
  }
})

t.test('inputs are described as they are validated', async (t) => {
  const parametersOf = (id: string) =>
    Object.fromEntries(
      operations
        .filter((one) => one.id === id)
        .flatMap(({ parameters }) => parameters)
        .map(({ name, required, schema }) => [name, { required, schema }]),
    )
  const history = parametersOf('getHistory')
  t.strictSame(history.limit?.schema, { type: 'integer', minimum: 1, maximum: 1000, default: 500 })
  t.strictSame(history.interval?.schema, {
    type: 'string',
    enum: ['5m', '15m', '1h', '1d'],
    default: '1h',
  })
  t.strictSame(
    Object.entries(history).flatMap(([name, { required }]) => (required ? [name] : [])),
    ['corridor'],
  )
  for (const moment of ['2026-11-21', '2026-11-21T05:00:00Z', '2026-11-21T07:00:00+02:00'])
    t.equal(contract.faultsOf(history.from?.schema ?? {}, moment), null, moment)
  for (const wrong of ['', 'yesterday', '2026-02-30', '2026-11-21T05:00:00', 1763424000])
    t.not(contract.faultsOf(history.from?.schema ?? {}, wrong), null, String(wrong))
  t.strictSame(parametersOf('getSnapshot').reference?.schema, {
    anyOf: [
      { type: 'string', enum: ['freeFlow', 'phed'] },
      { type: 'number', minimum: 10, maximum: 200 },
    ],
  })
  t.strictSame(Object.keys(parametersOf('getSnapshot')), [
    'reference',
    'model',
    'corridor',
    'If-None-Match',
  ])
  t.strictSame(parametersOf('listCorridors'), {})
})

t.test('no number is bounded by what JavaScript can hold', async (t) => {
  t.notMatch(JSON.stringify(made), String(Number.MAX_SAFE_INTEGER))
})

t.test('answers are closed: what the document does not name is not sent', async (t) => {
  const { schemas } = document.components
  const open = Object.entries(schemas).filter(
    ([, schema]) => schema.type === 'object' && schema.additionalProperties !== false,
  )
  t.strictSame(
    open.map(([name]) => name),
    ['OpenApiDocument'],
  )
})

t.test('the public linter has nothing to say', async (t) => {
  const { code, stdout } = await runTool(
    'node_modules/@redocly/cli/bin/cli.js',
    ['lint', 'openapi.json', '--format=json'],
    { REDOCLY_TELEMETRY: 'off' },
  )
  t.equal(code, 0)
  const { totals, problems } = JSON.parse(stdout)
  t.strictSame(problems, [])
  t.strictSame(totals, { errors: 0, warnings: 0, ignored: 0 })
})
