import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { systemClock } from '../../src/clock.ts'
import { type OpenTelemetryOptions, openTelemetry } from '../../src/tracing/open-telemetry.ts'
import { parseTraceparent } from '../../src/tracing/traceparent.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import type { Listened } from '../helpers/log.ts'
import { closedPort } from '../helpers/ports.ts'
import { goAway, loggedServer } from './fixtures/logged.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const PARENT = `00-${TRACE}-${SPAN}-01`

t.test('a traceparent is read as the standard says, and ignored where it is wrong', async (t) => {
  const right = { traceId: TRACE, spanId: SPAN, isSampled: true }
  t.strictSame(parseTraceparent(PARENT), right)
  t.strictSame(parseTraceparent(`00-${TRACE}-${SPAN}-00`), { ...right, isSampled: false })
  t.strictSame(parseTraceparent(`00-${TRACE}-${SPAN}-ff`), right)
  t.strictSame(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes`), right)
  const wrong = [
    undefined,
    [PARENT],
    '',
    'canary',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}`,
    `${PARENT}, ${PARENT}`,
  ]
  for (const header of wrong) t.equal(parseTraceparent(header), null, String(header))
})

const attribute = z.object({
  key: z.string(),
  value: z.object({ stringValue: z.string().optional(), intValue: z.number().optional() }),
})
const span = z.object({
  traceId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  attributes: z.array(attribute),
  status: z.object({ code: z.number() }),
})
const payload = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attribute) }),
      scopeSpans: z.array(z.object({ spans: z.array(span) })),
    }),
  ),
})

const valuesOf = (attributes: readonly z.infer<typeof attribute>[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]))

/** A collector on a real socket that answers with these, then always well. Closed after the test. */
async function collectorOf(t: Test, ...statuses: readonly number[]) {
  const events = new EventEmitter()
  const bodies: string[] = []
  const paths = new Set<string>()
  const collector = createServer((request, response) => {
    paths.add(`${request.method} ${request.url}`)
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const status = statuses[bodies.push(body) - 1] ?? 200
      events.emit('taken')
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    collector.closeAllConnections()
    collector.close()
  })
  const address = collector.address()
  const at = typeof address === 'object' && address !== null ? address.port : 0
  const sent = () => bodies.flatMap((body) => payload.parse(JSON.parse(body)).resourceSpans)
  return {
    endpoint: new URL(`http://127.0.0.1:${at}/otlp/`),
    paths,
    bodies,
    events,
    resource: () => valuesOf(sent()[0]?.resource.attributes ?? []),
    /** Every span so far. */
    spans: () =>
      sent()
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans)
        .map(({ attributes, ...rest }) => ({ ...rest, attributes: valuesOf(attributes) })),
  }
}

const routes = (server: FastifyInstance): void => {
  const open = { access: 'open' } as const
  server.get('/of/:name', { config: open }, async () => ({}))
  server.get('/probe', { config: { ...open, probe: true } }, async () => ({}))
  server.get('/broken', { config: open }, async () => {
    throw new Error('broken')
  })
  server.get('/slow', { config: open }, async (_request, reply) => {
    server.server.emit('working')
    return reply.hijack()
  })
}

const tracerTo =
  (endpoint: URL, options: Partial<OpenTelemetryOptions> = {}) =>
  (log: Listened['log']) =>
    openTelemetry({
      endpoint,
      service: { name: 'the-service', version: '1.2.3' },
      everyMs: 5000,
      clock: systemClock,
      log,
      ...options,
    })

t.test('without a collector, the log names the trace that the caller began', async (t) => {
  const { url, lines, said } = await loggedServer(t, { routes })
  await fetch(`${url}/of/me`, { headers: { traceparent: PARENT } })
  await fetch(`${url}/broken`, { headers: { traceparent: 'canary' } })
  await said('request broke')
  const of = (route: string) => lines.filter((line) => line.route === route)
  t.equal(of('/of/:name')[0]?.traceId, TRACE)
  t.equal(of('/broken')[0]?.traceId, undefined)
  t.notMatch(JSON.stringify(lines), /canary/)
})

t.test('a collector gets a span for each request, by the semantic conventions', async (t) => {
  const collector = await collectorOf(t)
  const { server, url, lines, said } = await loggedServer(t, {
    routes,
    tracer: tracerTo(collector.endpoint),
  })
  await fetch(`${url}/of/canary?x=canary`, {
    headers: { traceparent: PARENT, 'x-api-key': 'canary', tracestate: 'canary=1' },
  })
  await fetch(`${url}/broken`)
  await fetch(`${url}/nowhere/canary`)
  await fetch(`${url}/probe`)
  await fetch(`${url}/of/unsampled`, { headers: { traceparent: `00-${TRACE}-${SPAN}-00` } })
  await goAway(server, `${url}/slow`, {})
  await said('request aborted')
  await server.close()
  t.strictSame([...collector.paths], ['POST /otlp/v1/traces'])
  t.match(collector.resource(), { 'service.name': 'the-service', 'service.version': '1.2.3' })
  const spans = new Map(collector.spans().map((one) => [one.name, one]))
  t.strictSame([...spans.keys()].toSorted(), ['GET', 'GET /broken', 'GET /of/:name', 'GET /slow'])
  const given = spans.get('GET /of/:name')
  t.equal(given?.traceId, TRACE)
  t.equal(given?.parentSpanId, SPAN)
  t.equal(given?.kind, 2, 'of a server')
  t.strictSame(given?.attributes, {
    'http.request.method': 'GET',
    'url.scheme': 'http',
    'http.route': '/of/:name',
    'http.response.status_code': 200,
  })
  t.equal(given?.status.code, 0)
  t.match(spans.get('GET /broken'), {
    status: { code: 2 },
    attributes: { 'http.response.status_code': 500, 'error.type': '500' },
  })
  t.equal(spans.get('GET')?.attributes['http.response.status_code'], 404)
  t.equal(spans.get('GET')?.status.code, 0)
  t.equal(spans.get('GET /slow')?.attributes['http.response.status_code'], undefined)
  const broken = lines.filter(({ msg }) => msg === 'request broke')
  t.equal(broken[0]?.traceId, spans.get('GET /broken')?.traceId, 'found by the trace')
  t.notMatch(collector.bodies.join(''), /canary/)
})

t.test('a collector that is away hurts no request, and a stop does not wait for it', async (t) => {
  const endpoint = new URL(`http://127.0.0.1:${await closedPort()}/`)
  const clock = new FakeClock(0)
  const { server, url } = await loggedServer(t, {
    routes,
    tracer: tracerTo(endpoint, { clock, everyMs: 60_000 }),
  })
  t.equal((await fetch(`${url}/of/me`)).status, 200)
  let isClosed = false
  const closed = server.close().then(() => {
    isClosed = true
  })
  await clock.asleep(1)
  t.equal(isClosed, false, 'it tries')
  clock.move(1500)
  await closed
})

t.test('a collector that refuses is told of once, and once that it takes them again', async (t) => {
  const collector = await collectorOf(t, 400, 400, 200)
  const { server, url, said, withMessage } = await loggedServer(t, {
    routes,
    tracer: tracerTo(collector.endpoint, { everyMs: 1 }),
  })
  const until = async (count: number): Promise<void> => {
    await fetch(`${url}/of/me`)
    while (collector.bodies.length < count) await once(collector.events, 'taken')
  }
  await until(1)
  await said('traces cannot be sent')
  await until(2)
  await until(3)
  await said('traces are sent again')
  await until(4)
  await server.close()
  t.match(withMessage('traces cannot be sent'), [{ level: 40, err: { code: '400' } }])
  t.equal(withMessage('traces are sent again').length, 1)
})
