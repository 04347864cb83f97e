import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { LimitStore } from '../../src/access/limit-store.ts'
import { Secret } from '../../src/secret.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { listenedLog } from '../helpers/log.ts'
import { closedPort } from '../helpers/ports.ts'
import {
  command,
  newRedis,
  noOwnRedis,
  noRedis,
  startOwnRedis,
  startRedis,
} from '../helpers/redis.ts'

const MINUTE_MS = 60_000
const LOOK_MS = 1000

/** A store that is started, and stopped after the test. */
async function storeAt(t: Test, url: string | null) {
  const clock = new FakeClock(Date.parse('2026-11-18T06:00:00Z'))
  const { log, lines } = listenedLog()
  const store = new LimitStore(url === null ? null : Secret.of(url), clock, log)
  t.teardown(() => store.stop())
  await store.start()
  if (url !== null) await clock.asleep(1)
  const add = async (who = 'a'): Promise<number> => (await store.add(who, MINUTE_MS)).current
  /** Until the background has looked again; no window ends meanwhile, however often it is done. */
  const look = async () => {
    await setImmediate()
    await clock.advance(LOOK_MS)
    clock.set(clock.now() - LOOK_MS)
  }
  return { store, clock, lines, add, look }
}

t.test('without Redis it counts in memory, in windows of each length', async (t) => {
  const { store, clock, add, lines } = await storeAt(t, null)
  t.equal(store.kind, 'memory')
  t.strictSame(await store.add('a', MINUTE_MS), { current: 1, ttl: MINUTE_MS })
  t.strictSame(await store.add('a', 3_600_000), { current: 1, ttl: 3_600_000 })
  clock.move(20_000)
  t.equal(await add(), 2)
  t.equal(await add('b'), 1)
  t.strictSame(store.peek('a', MINUTE_MS), { current: 2, ttl: 40_000 })
  t.strictSame(store.peek('nobody', MINUTE_MS), { current: 0, ttl: 0 })
  clock.move(40_000)
  t.equal(await add(), 1)
  t.equal(store.isFallback, false)
  t.equal(store.fault, null)
  t.strictSame(lines, [])
})

t.test('with Redis all count together', { skip: noRedis() }, async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const url = await newRedis(t, server)
  const [one, two] = [await storeAt(t, url), await storeAt(t, url)]
  t.equal(one.store.kind, 'redis')
  t.equal(one.store.isFallback, false)
  const counts: number[] = []
  for (let round = 0; round < 5; round += 1) counts.push(await one.add(), await two.add())
  t.strictSame(counts, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  t.equal(one.store.peek('a', MINUTE_MS).current, 9, 'as far as it was told')
  t.equal(await one.add('b'), 1)
  const together = await Promise.all([one, two, one, two].map(({ add }) => add('c')))
  t.strictSame(together.toSorted(), [1, 2, 3, 4])
  const { ttl } = await two.store.add('a', MINUTE_MS)
  t.ok(ttl > 0 && ttl <= MINUTE_MS)
  t.strictSame([...one.lines, ...two.lines], [])
})

t.test('what only Redis knows stands, and is remembered', { skip: noRedis() }, async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const url = await newRedis(t, server)
  const { store, add } = await storeAt(t, url)
  await command(url, 'SET', `ayalon:limit:${MINUTE_MS}:a`, '41', 'PX', '30000')
  const { current, ttl } = await store.add('a', MINUTE_MS)
  t.equal(current, 42)
  t.ok(ttl <= 30_000, 'the window is that of Redis')
  t.equal(store.peek('a', MINUTE_MS).current, 42)
  // A window without an end, or with one too far, would lock a client out.
  await command(url, 'PERSIST', `ayalon:limit:${MINUTE_MS}:a`)
  t.equal(await add(), 43)
  t.ok(Number(await command(url, 'PTTL', `ayalon:limit:${MINUTE_MS}:a`)) > 0)
})

t.test('Redis goes and comes back empty: nobody gets more', { skip: noOwnRedis() }, async (t) => {
  const server = await startOwnRedis()
  t.teardown(() => server.stop())
  const { store, add, look, lines } = await storeAt(t, server.url)
  for (let count = 1; count <= 3; count += 1) t.equal(await add(), count)
  await server.own.kill()
  t.equal(await add(), 4, 'the count goes on from what was known')
  t.equal(store.isFallback, true)
  t.equal(store.kind, 'redis')
  t.match(store.fault, /Redis/)
  t.equal(await add(), 5)
  await look()
  t.equal(await add(), 6)
  await server.own.start()
  while (store.isFallback) await look()
  t.equal(store.fault, null)
  t.equal(await add(), 7, 'and Redis, which begins anew, takes nothing off it')
  t.equal(await add('b'), 1)
  t.match(
    lines.map(({ level, msg }) => [level, msg]),
    [
      [40, 'limits are counted in this process alone'],
      [30, 'limits are counted in Redis'],
    ],
    'each is told once',
  )
  t.equal(lines.length, 2)
})

t.test(
  'Redis hangs: one request waits for a moment, the others do not',
  {
    skip: noOwnRedis(),
  },
  async (t) => {
    const server = await startOwnRedis()
    t.teardown(() => server.stop())
    const { store, add, look, lines } = await storeAt(t, server.url)
    t.equal(await add(), 1)
    server.own.hang()
    t.teardown(() => server.own.goOn())
    t.equal(await add(), 2)
    t.equal(store.fault, 'Redis does not answer in time')
    let isDone = false
    const next = add().then((count) => {
      isDone = true
      return count
    })
    await setImmediate()
    t.ok(isDone, 'it did not even ask')
    t.equal(await next, 3)
    await look()
    t.equal(store.isFallback, true)
    server.own.goOn()
    while (store.isFallback) await look()
    t.ok((await add()) >= 4)
    t.equal(lines.length, 2)
  },
)

t.test(
  'a Redis that is absent at the start is found when it comes',
  {
    skip: noOwnRedis(),
  },
  async (t) => {
    const { store, add, lines } = await storeAt(t, `redis://127.0.0.1:${await closedPort()}`)
    t.equal(store.isFallback, true, 'before anybody asks')
    t.equal(await add(), 1)
    t.equal(await add(), 2)
    t.equal(lines.length, 1)
    t.match(lines, [{ level: 40, detail: 'Redis cannot be reached' }])
  },
)

t.test(
  'a Redis that takes no writes does not count, though it answers',
  {
    skip: noOwnRedis(),
  },
  async (t) => {
    const server = await startOwnRedis()
    t.teardown(() => server.stop())
    const { store, add, look, lines } = await storeAt(t, server.url)
    await command(server.url, 'CONFIG', 'SET', 'maxmemory', '1')
    t.equal(await add(), 1)
    t.equal(store.fault, 'Redis is out of memory')
    for (let round = 0; round < 3; round += 1) await look()
    t.equal(store.isFallback, true)
    t.equal(lines.length, 1, 'it does not come and go')
    await command(server.url, 'CONFIG', 'SET', 'maxmemory', '0')
    await look()
    t.equal(store.isFallback, false)
  },
)

t.test('the password is in none of what is told', { skip: noOwnRedis() }, async (t) => {
  const server = await startOwnRedis()
  t.teardown(() => server.stop())
  const wrong = server.url.replace(/:[^:@]*@/, ':canary@')
  const { store, lines } = await storeAt(t, wrong)
  t.equal(store.fault, 'Redis refuses the user or the password')
  t.notMatch(JSON.stringify(lines), 'canary')
})
