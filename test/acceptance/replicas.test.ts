import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Detour, detourTo } from '../helpers/detour.ts'
import { newDatabase, noPostgres, startPostgres } from '../helpers/postgres.ts'
import { newRedis, noRedis, startRedis } from '../helpers/redis.ts'
import {
  HERE_SAYS,
  type Replica,
  replicaOf,
  startListening,
  startProcess,
} from '../helpers/service.ts'
import { type Answer, standIn } from '../helpers/stand-in.ts'
import { until } from '../helpers/until.ts'

const ADMIN = 'canary-of-the-admin'
const POLL_MS = 2000
const LEAST_MS = 1000

/** They mostly wait, so that two can run at once; one that hangs must end before the whole file. */
const PATIENT = { buffered: true, timeout: 50_000 }

/** What the tests have of one group of replicas. */
interface Group {
  readonly calls: readonly { readonly atMs: number; readonly key: string }[]
  /** The way to what they share. */
  readonly detour: Detour
  start(count: number): Promise<Replica[]>
}

/** Lets so many polls become due, whether they are made or not. */
function polls(times: number): Promise<void> {
  const endMs = Date.now() + times * POLL_MS
  return until(() => Date.now() > endMs)
}

/** Resolves with the one replica that collects, once all agree on it. */
async function collectorOf(replicas: readonly Replica[]): Promise<Replica> {
  for (;;) {
    const rights = await Promise.all(replicas.map((replica) => replica.collects()))
    const [first, ...more] = replicas.filter((_, at) => rights[at] === true)
    if (first && more.length === 0 && !rights.includes(null)) return first
    await sleep(50)
  }
}

const without = (replicas: readonly Replica[], gone: Replica): Replica[] =>
  replicas.filter((replica) => replica !== gone)

/** Never two calls for one tick, whoever made them. */
function inTurn(t: Test, { calls }: Group): void {
  const gaps = calls.slice(1).map(({ atMs }, at) => atMs - (calls[at]?.atMs ?? 0))
  t.ok(
    gaps.every((gap) => gap >= LEAST_MS),
    'the least interval lies between any two calls',
    { gaps },
  )
  const span = (calls.at(-1)?.atMs ?? 0) - (calls[0]?.atMs ?? 0)
  t.ok(span >= (calls.length - 1) * POLL_MS - LEAST_MS, 'there are no more calls than polls')
}

/** Each of them has counted every call. */
const countedBy = (replicas: readonly Replica[], { calls }: Group): Promise<void> =>
  until(async () => {
    const { length } = calls
    const used = await Promise.all(replicas.map((replica) => replica.used()))
    return used.every((count) => count === length)
  })

/** All that a group of replicas promises, whatever it shares by. */
function behave(t: Test, newShared: (t: Test) => Promise<URL>, name: string): void {
  const group = async (t: Test, answer: string, more = {}): Promise<Group> => {
    t.testdir()
    const calls: { atMs: number; key: string }[] = []
    const note: Answer = (response, { url }) => {
      calls.push({ atMs: Date.now(), key: url.searchParams.get('apiKey') ?? '' })
      response.writeHead(answer === '' ? 500 : 200, { 'content-type': 'application/json' })
      response.end(answer)
    }
    const { baseUrl } = await standIn(t, note)
    const shared = await newShared(t)
    const detour = await detourTo(t, shared)
    shared.host = `127.0.0.1:${detour.port}`
    const environment = {
      TRAFFIC_PROVIDERS: 'here',
      HERE_BASE_URL: baseUrl.href,
      HERE_QUOTA_PER_HOUR: 'none',
      POLL_SECONDS: String(POLL_MS / 1000),
      MIN_INTERVAL_SECONDS: String(LEAST_MS / 1000),
      LEASE_SECONDS: '1',
      API_KEYS: `ops:admin:${ADMIN}`,
      [name]: shared.href,
      ...more,
    }
    let started = 0
    const start = async (): Promise<Replica> => {
      started += 1
      const key = `canary-${started}`
      const own = { HERE_API_KEY: key, DATA_DIR: `data-${started}` }
      return replicaOf(await startListening(t, { ...environment, ...own }), key, ADMIN)
    }
    if (name === 'DATABASE_URL') {
      const migrated = startProcess(t, { DATABASE_URL: shared.href }, ['migrate', 'up'])
      t.equal(await migrated.exited, 0, 'migrated')
    }
    return { calls, detour, start: (count) => Promise.all(Array.from({ length: count }, start)) }
  }
  const health = name === 'REDIS_URL' ? 'redis' : 'database'
  t.jobs = 2

  t.test('of three replicas one collects, and another goes on when it ends', PATIENT, async (t) => {
    const own = await group(t, HERE_SAYS)
    const { calls } = own
    const all = await own.start(3)
    const isSame = async (replicas: readonly Replica[]): Promise<boolean> => {
      const views = await Promise.all(replicas.map((replica) => replica.snapshot()))
      return views.every(({ status, id }) => status === 200 && id === views[0]?.id)
    }
    /** Waits until one alone has asked and every replica shows what it got. */
    const settled = async (replicas: readonly Replica[]): Promise<Replica> => {
      const collector = await collectorOf(replicas)
      const before = calls.length
      await until(() => calls.length > before)
      await until(() => isSame(replicas))
      await countedBy(replicas, own)
      const callers = new Set(calls.slice(before).map(({ key }) => key))
      t.strictSame([...callers], [collector.key], 'only the one that collects asks')
      inTurn(t, own)
      return collector
    }

    const first = await settled(all)
    t.equal(new Set(calls.map(({ key }) => key)).size, 1, 'no other has ever asked')
    t.equal((await first.upstream()).store, health)

    first.process.kill('SIGSTOP')
    const second = await settled(without(all, first))
    const before = calls.length
    first.process.kill('SIGCONT')
    await until(async () => (await first.collects()) === false)
    t.equal(await settled(all), second, 'one that was frozen for a while follows')
    t.notOk(
      calls.slice(before).some(({ key }) => key === first.key),
      'and asks no more',
    )

    second.process.kill('SIGKILL')
    const alive = without(all, second)
    const third = await settled(alive)

    third.process.kill('SIGTERM')
    t.equal(await third.exited, 0)
    const rest = without(alive, third)
    t.ok(rest.includes(await settled(rest)), 'the last one takes over')
    for (const replica of all) t.notMatch(replica.output(), /canary/)
  })

  t.test('while what they share is away nobody asks; then they go on', PATIENT, async (t) => {
    const own = await group(t, HERE_SAYS)
    const { calls } = own
    const pair = await own.start(2)
    const all = async (check: (replica: Replica) => Promise<boolean>): Promise<boolean> =>
      (await Promise.all(pair.map(check))).every((one) => one)
    await until(() => all(async (replica) => (await replica.snapshot()).status === 200))
    await collectorOf(pair)
    await own.detour.cut()
    await until(() => all(async (replica) => (await replica.collects()) === null))
    await polls(1)
    const before = calls.length
    await polls(2)
    t.equal(calls.length, before)
    const seen = await Promise.all(pair.map((replica) => replica.snapshot()))
    t.match(seen, [{ status: 200 }, { status: 200 }])
    const stale = seen.filter(({ freshness }) => freshness === 'stale')
    t.equal(stale.length, 1, 'the one that collected says so; the other knows of no failure')
    for (const replica of pair) {
      const report = await replica.health()
      t.match(report, { status: 'degraded', checks: { [health]: { status: 'error' } } })
      t.equal(await replica.used(), undefined)
    }
    await own.detour.mend()
    await collectorOf(pair)
    await until(() => calls.length >= before + 2)
    const isWell = async (replica: Replica): Promise<boolean> =>
      (await replica.snapshot()).freshness === 'fresh' &&
      (await replica.health()).checks[health]?.status === 'ok'
    await until(() => all(isWell))
    await countedBy(pair, own)
    inTurn(t, own)
  })

  // By Postgres test/app/restarts.test.ts shows the rest, in one process.
  if (name === 'DATABASE_URL') return

  t.test('whoever takes over goes on with the breaker', PATIENT, async (t) => {
    const own = await group(t, '')
    const pair = await own.start(2)
    await Promise.race(pair.map((replica) => replica.line('the breaker opened')))
    const collector = await collectorOf(pair)
    const [other] = without(pair, collector)
    if (other === undefined) throw new Error('there is one')
    const breaker = async () => (await other.upstream()).providers[0].breaker
    await until(async () => (await breaker()).state === 'open')
    const { until: openUntil } = await breaker()
    const [made, counted] = [own.calls.length, await other.used()]
    t.ok(made <= 5, `opened by ${made} calls`)
    collector.process.kill('SIGKILL')
    await until(async () => (await other.collects()) === true)
    await polls(2)
    t.strictSame(await breaker(), { state: 'open', until: openUntil })
    t.equal(own.calls.length, made, 'no call is made')
    t.equal(await other.used(), counted, 'and none is counted')
  })

  t.test(
    'a budget is spent once by all of them, however often they start anew',
    PATIENT,
    async (t) => {
      // Both, so that midnight does not give new calls.
      const limits = { HERE_QUOTA_PER_DAY: '5', HERE_QUOTA_PER_MONTH: '5' }
      const own = await group(t, '<html>', limits)
      let replicas = await own.start(3)
      // With nothing to serve, whoever takes over asks as soon as it may.
      for (let spent = 1; spent <= 5; spent += 1) {
        await until(() => own.calls.length >= spent)
        const collector = await collectorOf(replicas)
        collector.process.kill('SIGTERM')
        replicas = [...without(replicas, collector), ...(await own.start(1))]
      }
      await collectorOf(replicas)
      const isRefused = async (replica: Replica): Promise<boolean> =>
        (await replica.snapshot()).code === 'quota_exceeded'
      await until(async () => (await Promise.all(replicas.map(isRefused))).every((one) => one))
      await polls(1)
      for (const replica of replicas) {
        const { quota } = (await replica.upstream()).providers[0]
        t.match(quota?.[2], { period: 'month', used: 5, limit: 5, left: 0, status: 'spent' })
        t.equal((await replica.snapshot()).status, 503)
      }
      t.equal(own.calls.length, 5)
    },
  )
}

await t.test('by Redis', { skip: noRedis() }, async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  behave(t, async (t) => new URL(await newRedis(t, server)), 'REDIS_URL')
})

await t.test('by Postgres', { skip: noPostgres() }, async (t) => {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  behave(t, async () => new URL(await newDatabase(server)), 'DATABASE_URL')
})
