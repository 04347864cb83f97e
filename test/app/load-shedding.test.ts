import { totalmem } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { memoryBytes } from '../../src/modules/health/host.ts'
import { SECURITY_HEADERS } from '../../src/security-headers.ts'
import { buildApp } from '../helpers/build-app.ts'

/** A service that is asked over real connections. */
async function serving(t: Test, options: Parameters<typeof buildApp>[1]) {
  const { server, lines } = await buildApp(t, options)
  const origin = await server.listen({ port: 0, host: '127.0.0.1' })
  const ask = async (path: string) => {
    const { status, headers, body } = await fetch(origin + path)
    return { status, headers, body: JSON.parse(await new Response(body).text()) }
  }
  /** Asks until the answer has this status, while each turn of the event loop takes this long. */
  const until = async (status: number, turnMs = 0) => {
    for (;;) {
      const end = performance.now() + turnMs
      while (performance.now() < end);
      await wait(10)
      const answer = await ask('/v1/traffic')
      if (answer.status === status) return answer
    }
  }
  return { lines, ask, until }
}

t.test('a busy process refuses requests, but no probe, until it is through', async (t) => {
  const config = { SHED_EVENT_LOOP_DELAY_MS: 100 }
  const { lines, ask, until } = await serving(t, { config })
  t.equal((await ask('/v1/traffic')).status, 200)
  const shed = await until(503, 300)
  t.match(shed.body, { code: 'overloaded', retryAfterSeconds: 3 })
  t.equal(shed.headers.get('retry-after'), '3')
  t.equal(shed.headers.get('content-type'), 'application/problem+json; charset=utf-8')
  t.equal(shed.headers.get('x-request-id'), shed.body.requestId)
  for (const [name, value] of Object.entries(SECURITY_HEADERS))
    t.equal(shed.headers.get(name), value)
  t.equal(shed.headers.get('ratelimit'), null, 'it is refused before it costs a count')
  t.equal((await until(200)).status, 200)
  const line = lines.find(({ msg, status }) => msg === 'request' && status === 503)
  t.equal(line?.route, '/v1/traffic')
})

t.test('one that is told to bear any delay refuses none, however busy it is', async (t) => {
  const { ask } = await serving(t, { config: { SHED_EVENT_LOOP_DELAY_MS: 0 } })
  const end = performance.now() + 2500
  while (performance.now() < end) {
    const busy = performance.now() + 300
    while (performance.now() < busy);
    await wait(10)
    t.equal((await ask('/v1/traffic')).status, 200)
  }
})

t.test('so does one without memory to spare', async (t) => {
  const memory = { available: () => 0, limit: () => 2 ** 20 }
  const { ask, until } = await serving(t, { memory, config: { SHED_MEMORY_PERCENT: 90 } })
  t.match((await until(503)).body, { code: 'overloaded', retryAfterSeconds: 3 })
  for (const path of ['/health/live', '/health/ready', '/health'])
    t.equal((await ask(path)).status, 200, path)
  t.equal((await ask('/no')).status, 503, 'whatever else is asked')
})

t.test('the memory is the container’s, else the machine’s', async (t) => {
  const of = (limit: number) => memoryBytes({ available: () => 0, limit: () => limit })
  t.equal(of(2 ** 20), 2 ** 20)
  t.equal(of(0), totalmem())
  t.equal(of(2 ** 64), totalmem(), 'a container without a limit says something absurd')
})
