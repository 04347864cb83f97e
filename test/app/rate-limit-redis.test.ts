import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Secret } from '../../src/secret.ts'
import { buildApp, type TestApp } from '../helpers/build-app.ts'
import {
  command,
  newRedis,
  noOwnRedis,
  noRedis,
  startOwnRedis,
  startRedis,
} from '../helpers/redis.ts'
import { type Door, keyOf, keysOf, openDoor } from './fixtures/door.ts'
import { healthOf, steadyRoad } from './fixtures/memory.ts'

const FALLBACK = 'limits are counted in this process alone'
const LOOK_MS = 1000

/** The statuses of so many requests, all at once. */
async function statuses({ server }: Pick<Door, 'server'>, times: number, headers = {}) {
  const asked = Array.from({ length: times }, () => server.inject({ url: '/read', headers }))
  return (await Promise.all(asked)).map(({ statusCode }) => statusCode)
}

const count = (all: readonly number[], wanted: number): number =>
  all.filter((status) => status === wanted).length

/** Until the background has looked again; no window ends meanwhile. */
async function look({ clock }: Pick<Door, 'clock'>): Promise<void> {
  await setImmediate()
  await clock.advance(LOOK_MS)
  clock.set(clock.now() - LOOK_MS)
}

async function ownRedis(t: Test) {
  const redis = await startOwnRedis()
  t.teardown(() => redis.stop())
  return { ...redis.own, secret: Secret.of(redis.url), url: redis.url }
}

/** The app on one road, and the paths that the tests ask. */
async function appOn(t: Test, redis: Secret): Promise<TestApp & { get(): Promise<number> }> {
  const app = await buildApp(t, { ...steadyRoad(), redis, config: { RATE_LIMIT_PER_MINUTE: 6 } })
  return { ...app, get: async () => (await app.server.inject('/v1/traffic')).statusCode }
}

t.test(
  'replicas that share Redis give a client together what one would',
  {
    skip: noRedis(),
  },
  async (t) => {
    const server = await startRedis()
    t.teardown(() => server.stop())
    const redis = Secret.of(await newRedis(t, server))
    const sources = [keysOf({ secret: keyOf('one', 'read') })]
    const limits = { perMinute: 20 }
    const [one, two] = [
      await openDoor(t, { redis, sources, limits }),
      await openDoor(t, { redis, sources, limits }),
    ]
    // What runs for the first time takes its time, which Redis has little of.
    for (const { server } of [one, two])
      await server.inject({ url: '/read', remoteAddress: '192.0.2.1' })
    for (const headers of [{}, { 'x-api-key': 'secret' }]) {
      const all = (
        await Promise.all([statuses(one, 17, headers), statuses(two, 17, headers)])
      ).flat()
      t.equal(count(all, 200), 20)
      t.equal(count(all, 429), 14)
      for (const door of [one, two]) {
        const refused = await door.server.inject({ url: '/read', headers })
        t.equal(refused.statusCode, 429)
        t.match(refused.headers.ratelimit, /^"minute";r=0;t=(60|59), /)
      }
    }
    t.strictSame(
      [...one.lines, ...two.lines].filter(({ msg }) => msg === FALLBACK),
      [],
    )
  },
)

t.test('wrong keys count at all replicas together', { skip: noRedis() }, async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const redis = Secret.of(await newRedis(t, server))
  const sources = [keysOf({ right: keyOf('one') })]
  const [one, two] = [
    await openDoor(t, { redis, sources, wrongKeysPerMinute: 3 }),
    await openDoor(t, { redis, sources, wrongKeysPerMinute: 3 }),
  ]
  t.strictSame(await statuses(one, 3, { 'x-api-key': 'wrong' }), [401, 401, 401])
  t.strictSame(await statuses(one, 1, { 'x-api-key': 'right' }), [429])
  t.strictSame(await statuses(two, 1, { 'x-api-key': 'wrong' }), [429])
  t.strictSame(await statuses(two, 1, { 'x-api-key': 'right' }), [429])
})

t.test(
  'with Redis killed the limit stands, and health says who counts',
  {
    skip: noOwnRedis(),
  },
  async (t) => {
    const redis = await ownRedis(t)
    const app = await appOn(t, redis.secret)
    const limits = async () => (await healthOf(app)).checks.limits
    t.strictSame(await limits(), { status: 'ok', store: 'redis', detail: null })
    t.strictSame([await app.get(), await app.get(), await app.get()], [200, 200, 200])
    await redis.kill()
    t.equal(await app.get(), 200, 'no request fails for it')
    const report = await healthOf(app)
    t.equal(report.status, 'degraded')
    t.strictSame(
      { ...report.checks.limits, detail: String(report.checks.limits.detail).slice(0, 5) },
      { status: 'warning', store: 'redis', detail: 'Redis' },
    )
    t.equal((await app.server.inject('/health/ready')).statusCode, 200, 'it is ready all the same')
    t.strictSame([await app.get(), await app.get(), await app.get()], [200, 200, 429])
    await redis.start()
    while ((await limits()).status !== 'ok') await look(app)
    t.strictSame(await limits(), { status: 'ok', store: 'redis', detail: null })
    t.equal(await app.get(), 429, 'a Redis that lost its counts opens nothing')
    t.equal(app.lines.filter(({ msg }) => msg === FALLBACK).length, 1)
    t.equal(app.lines.filter(({ msg }) => msg === 'limits are counted in Redis').length, 1)
  },
)

t.test(
  'while Redis hangs every request is answered, on a real connection',
  {
    skip: noOwnRedis(),
  },
  async (t) => {
    const redis = await ownRedis(t)
    const app = await appOn(t, redis.secret)
    const url = await app.server.listen({ port: 0, host: '127.0.0.1' })
    const get = async () => (await fetch(`${url}/v1/traffic`)).status
    t.equal(await get(), 200)
    redis.hang()
    t.teardown(() => redis.goOn())
    // It has taken none of these when they are answered: it is stopped.
    const all = await Promise.all(Array.from({ length: 8 }, get))
    t.equal(count(all, 200), 5)
    t.equal(count(all, 429), 3)
    t.equal(await get(), 429)
    t.match((await healthOf(app)).checks.limits, {
      status: 'warning',
      detail: 'Redis does not answer in time',
    })
    redis.goOn()
    while ((await healthOf(app)).checks.limits.status !== 'ok') await look(app)
    t.equal(await get(), 429)
  },
)

t.test(
  'with no Redis at the start it serves and limits, and finds it later',
  {
    skip: noOwnRedis(),
  },
  async (t) => {
    const redis = await ownRedis(t)
    await redis.kill()
    const door = await openDoor(t, { redis: redis.secret, limits: { perMinute: 2 } })
    await door.clock.asleep(1)
    t.equal(door.store.isFallback, true)
    t.strictSame((await statuses(door, 3)).toSorted(), [200, 200, 429])
    const told = () => door.lines.filter(({ msg }) => msg === FALLBACK)
    t.match(told(), [{ level: 40, detail: 'Redis cannot be reached' }])
    await redis.start()
    while (door.store.isFallback) await look(door)
    t.strictSame(await statuses(door, 1), [429])
    t.equal(told().length, 1)
  },
)

t.test(
  'what Redis holds names clients by address or key id, never by key, and ends by itself',
  {
    skip: noOwnRedis(),
  },
  async (t) => {
    const redis = await ownRedis(t)
    const door = await openDoor(t, {
      redis: redis.secret,
      sources: [keysOf({ 'canary-secret': keyOf('panel') })],
    })
    await statuses(door, 1, { 'x-api-key': 'canary-secret' })
    await statuses(door, 1, { 'x-api-key': 'canary-wrong' })
    const held = String(await command(redis.url, 'KEYS', '*'))
      .split(',')
      .toSorted()
    t.strictSame(
      held.filter((name) => !name.endsWith(':nobody')),
      [
        'ayalon:limit:3600000:hour:address:127.0.0.1',
        'ayalon:limit:3600000:hour:key:panel',
        'ayalon:limit:60000:minute:address:127.0.0.1',
        'ayalon:limit:60000:minute:key:panel',
        'ayalon:limit:60000:wrong-key:127.0.0.1',
      ],
    )
    for (const name of held) t.ok(Number(await command(redis.url, 'PTTL', name)) > 0, name)
  },
)
