import { EventEmitter, getEventListeners, once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { networkInterfaces } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Clock } from '../../src/clock.ts'
import { upstreamSchema } from '../../src/modules/upstream/schemas.ts'
import type { Guard } from '../../src/providers/upstream/guard.ts'
import { Reachability } from '../../src/providers/upstream/reachability.ts'
import { Secret } from '../../src/secret.ts'
import { buildApp, type TestApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { detourTo } from '../helpers/detour.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { guardOf } from '../helpers/guards.ts'
import { closedPort } from '../helpers/ports.ts'
import { HERE_SAYS, liveHere } from '../helpers/service.ts'
import { type Answer, standIn } from '../helpers/stand-in.ts'

const ADMIN = 'canary-of-the-admin'
const MINUTE = 60_000

/** A provider that counts who comes, and how many of them ask something. */
async function counting(t: Test, answer: { status: number; body?: string }) {
  const seen = { connections: 0, requests: 0 }
  const server: Server = createServer((_request, response) => {
    seen.requests += 1
    response.writeHead(answer.status).end(answer.body)
  })
  server.on('connection', () => {
    seen.connections += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return { seen, url: new URL(`http://127.0.0.1:${port}/`) }
}

/** What both reports say of whether the provider can be reached. */
async function reachableBy({ server }: TestApp): Promise<boolean | null | undefined> {
  const health = (await server.inject('/health')).json()
  const headers = { 'x-api-key': ADMIN }
  const body = (await server.inject({ url: '/v1/upstream', headers })).json()
  const [provider] = upstreamSchema.parse(body).providers
  if (provider?.reachable !== health.checks.provider.reachable) throw new Error('they differ')
  return provider?.reachable
}

/** Lets minutes pass, one after the other. */
async function pass({ clock }: TestApp, minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) await clock.advance(MINUTE)
}

const appOf = (t: Test, url: URL, pollSeconds: number, perDay: number | null = null) =>
  buildApp(t, {
    live: liveHere(t, url, { limits: { day: perDay } }),
    config: { POLL_SECONDS: pollSeconds, API_KEYS: Secret.of(`ops:admin:${ADMIN}`) },
  })

t.test('while calls are made, they tell whether it can be reached', async (t) => {
  const { seen, url } = await counting(t, { status: 200, body: HERE_SAYS })
  const app = await appOf(t, url, 300)
  t.equal(await reachableBy(app), true)
  await pass(app, 30)
  t.equal(seen.requests, 7)
  t.ok(seen.connections <= seen.requests, 'no connection without a request')
  t.equal(await reachableBy(app), true)
})

for (const [what, answer, perDay, calls] of [
  ['the budget is spent', { status: 200, body: HERE_SAYS }, 1, 1],
  ['the provider is not well', { status: 500 }, null, 4],
] as const)
  t.test(`while ${what} one connection a minute looks, and asks nothing`, async (t) => {
    const { seen, url } = await counting(t, answer)
    const app = await appOf(t, url, 86_400, perDay)
    t.equal(seen.requests, calls)
    const before = seen.connections
    await pass(app, 10)
    t.equal(seen.connections, before, 'for ten minutes the last call tells')
    for (let minute = 1; minute <= 5; minute += 1) {
      await app.clock.advance(MINUTE / 2)
      t.equal(seen.connections, before + minute - 1)
      await app.clock.advance(MINUTE / 2)
      // The server may hear of a connection a little later than the client.
      while (seen.connections < before + minute) await setImmediate()
      t.equal(await reachableBy(app), true)
    }
    t.equal(seen.requests, calls)
  })

t.test('a provider that went away is noticed, and so is its return', async (t) => {
  const { baseUrl, requests } = await standIn(t, { body: HERE_SAYS })
  const detour = await detourTo(t, baseUrl)
  const app = await appOf(t, new URL(`http://127.0.0.1:${detour.port}/`), 86_400, 1)
  await detour.cut()
  t.equal(await reachableBy(app), true, 'by the last call')
  await pass(app, 11)
  t.equal(await reachableBy(app), false)
  await detour.mend()
  t.equal(await reachableBy(app), false, 'until the next look')
  await pass(app, 1)
  t.equal(await reachableBy(app), true)
  t.equal(requests.length, 1)
})

t.test('a call that finds nobody says so, and one that does says so too', async (t) => {
  const answers: [Answer, Answer] = [{ status: 500 }, { body: HERE_SAYS }]
  const { baseUrl, requests } = await standIn(t, ...answers)
  const detour = await detourTo(t, baseUrl)
  await detour.cut()
  const app = await appOf(t, new URL(`http://127.0.0.1:${detour.port}/`), 300)
  t.equal(await reachableBy(app), false)
  t.equal(requests.length, 0)
  await detour.mend()
  await pass(app, 5)
  t.equal(await reachableBy(app), true)
})

const NOW = WEDNESDAY_8H
const OLD = NOW - 10 * MINUTE - 1

/** A guard whose last call was then. */
function lastAsked(atMs: number, address: string, reached = true): Guard {
  const guard = guardOf('here', { address: new URL(address), now: () => NOW })
  guard.restore({ ...guard.saved(), lastCall: { atMs, reached } })
  return guard
}

/** What is known after one look. */
async function looked(t: Test, guard: Guard): Promise<boolean | null> {
  const clock = new FakeClock(NOW)
  const reachability = new Reachability(guard, clock)
  t.teardown(() => reachability.loop.stop())
  reachability.loop.start()
  await clock.asleep(1)
  return reachability.reached
}

t.test('before the first call of any process nobody knows', async (t) => {
  t.equal(await looked(t, guardOf('here', { address: new URL('http://127.0.0.1:1/') })), null)
})

t.test('a port where nobody listens, or a name that is none, cannot be reached', async (t) => {
  const address = `http://127.0.0.1:${await closedPort()}/`
  t.equal(await looked(t, lastAsked(OLD, address)), false)
  t.equal(await looked(t, lastAsked(OLD + 1, address)), true, 'the call is young enough')
  t.equal(await looked(t, lastAsked(OLD, 'http://no-such-host.invalid/')), false)
})

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)
t.test('an IPv6 address can be reached', { skip: !hasIpv6 && 'no IPv6 here' }, async (t) => {
  const server = createServer().listen(0, '::1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  t.equal(await looked(t, lastAsked(OLD, `http://[::1]:${port}/`, false)), true)
})

/** A socket that does what it is told. */
class Puppet extends EventEmitter {
  destroyed = false
  destroy(): void {
    this.destroyed = true
  }
}

type Options = { host: string; port: number; timeout: number }

/** The module with a `connect` of the test. */
const withConnect = (t: Test, connect: (options: Options) => Puppet) =>
  t.mockImport<typeof import('../../src/providers/upstream/reachability.ts')>(
    '../../src/providers/upstream/reachability.ts',
    { 'node:net': { connect } },
  )

/** A clock on which so many sleeps are over at once. */
function hurried(sleeps: number) {
  const ended = Promise.withResolvers<AbortSignal>()
  const clock: Clock = {
    now: () => NOW,
    async sleep(_ms, signal) {
      sleeps -= 1
      if (sleeps > 0) return
      ended.resolve(signal)
      if (!signal.aborted) await once(signal, 'abort')
    },
  }
  return { clock, ended: ended.promise }
}

t.test('the host and the port are those of the URL, or the usual ones', async (t) => {
  for (const [address, host, port] of [
    ['http://example.com/', 'example.com', 80],
    ['https://example.com/', 'example.com', 443],
    ['https://example.com:80/a/b/', 'example.com', 80],
    ['http://127.0.0.1:8080/', '127.0.0.1', 8080],
    ['https://[2001:db8::1]/', '2001:db8::1', 443],
    ['http://[::1]:81/', '::1', 81],
  ] as const) {
    const asked: Options[] = []
    const { Reachability } = await withConnect(t, (options) => {
      asked.push(options)
      const socket = new Puppet()
      process.nextTick(() => socket.emit('connect'))
      return socket
    })
    const { clock, ended } = hurried(1)
    const { loop } = new Reachability(lastAsked(OLD, address), clock)
    loop.start()
    await ended
    await loop.stop()
    t.strictSame(asked, [{ host, port, timeout: 3000 }], address)
  }
})

for (const [event, reached] of [
  ['connect', true],
  ['timeout', false],
  ['error', false],
] as const)
  t.test(`a look that ends with ${event} lets go of all that it held`, async (t) => {
    const sockets: Puppet[] = []
    const { Reachability } = await withConnect(t, () => {
      const socket = new Puppet()
      sockets.push(socket)
      process.nextTick(() => socket.emit(event, new Error('the fault of a connection')))
      return socket
    })
    const { clock, ended } = hurried(20)
    const reachability = new Reachability(lastAsked(OLD, 'http://127.0.0.1/', !reached), clock)
    reachability.loop.start()
    const signal = await ended
    t.equal(reachability.reached, reached)
    t.equal(sockets.length, 20)
    t.ok(sockets.every(({ destroyed }) => destroyed))
    // The clock waits for the signal itself.
    t.equal(getEventListeners(signal, 'abort').length, 1, 'and is not kept until the stop')
    await reachability.loop.stop()
  })

t.test('a stop does not wait for a look that hangs', async (t) => {
  const socket = new Puppet()
  const { Reachability } = await withConnect(t, () => socket)
  const { loop } = new Reachability(lastAsked(OLD, 'http://127.0.0.1/'), hurried(1).clock)
  loop.start()
  await setImmediate()
  await loop.stop()
  t.ok(socket.destroyed)
})
