import { Client } from 'pg'
import t from 'tap'
import { z } from 'zod'
import { constantLoad, type LoadResult } from '../helpers/constant-load.ts'
import { type Following, follow } from '../helpers/event-stream.ts'
import { noProxy, startProxy } from '../helpers/haproxy.ts'
import { closedPort } from '../helpers/ports.ts'
import { newDatabase, noOwnPostgres, startPostgres } from '../helpers/postgres.ts'
import { noOwnRedis, startOwnRedis } from '../helpers/redis.ts'
import {
  HERE_SAYS,
  type Replica,
  replicaOf,
  startListening,
  startProcess,
} from '../helpers/service.ts'
import { standIn } from '../helpers/stand-in.ts'
import { until } from '../helpers/until.ts'

/*
 * Three processes behind a real proxy, with one Redis and one Postgres: to its clients they are one
 * service, which goes on while any part of it ends or is replaced.
 */

const ADMIN = 'canary-of-the-admin'
/** The load of the rolling restart. Its least length lets all three be replaced; the workflow takes two minutes. */
const PER_SECOND = 500
const SECONDS = Number(process.env.ROLLING_RESTART_SECONDS ?? 30)
/** The load while parts are away: what fails is seen as well by fewer. */
const FEW_PER_SECOND = 100
/** Reads that need no store. */
const READS = ['/v1/traffic/ayalon', '/v1/traffic', '/v1/traffic/ayalon/geojson'] as const

/** What changes nothing either, but that a proxy may not ask twice. */
const IMPACT = {
  path: '/v1/impact',
  body: JSON.stringify({
    sections: [{ id: 'a', lengthKm: 5, lanes: 4, speedKmh: 14, freeFlowKmh: 90, limitKmh: 90 }],
  }),
}

/** Snapshots that each process tells; those that skip some are waited for until others told so many. */
const LEAST_TOLD = 4
const MOST_TOLD = 12

const missing = noProxy() || noOwnRedis() || noOwnPostgres()

t.test('three processes behind a proxy', { skip: missing }, async (t) => {
  t.testdir()
  const calls: string[] = []
  const { baseUrl } = await standIn(t, (response, { url }) => {
    calls.push(url.pathname)
    response.end(HERE_SAYS)
  })
  const [redis, postgres] = await Promise.all([startOwnRedis(), startPostgres({})])
  t.teardown(() => Promise.all([redis.stop(), postgres.stop()]))
  const environment = {
    // As it runs for users: what the test runner adds, to see which lines are run, slows them down.
    NODE_OPTIONS: '',
    TRAFFIC_PROVIDERS: 'here',
    HERE_API_KEY: 'canary-here',
    HERE_BASE_URL: baseUrl.href,
    HERE_QUOTA_PER_HOUR: 'none',
    POLL_SECONDS: '4',
    MIN_INTERVAL_SECONDS: '1',
    LEASE_SECONDS: '1',
    DRAIN_WAIT_SECONDS: '5',
    TRUST_PROXY: '1',
    RATE_LIMIT_IMPACT_PER_MINUTE: '100000',
    // A key is shown to each replica until it knows it; that must not look like guessing.
    RATE_LIMIT_WRONG_KEYS_PER_MINUTE: '100000',
    API_KEYS: `ops:admin:${ADMIN}`,
    KEY_PEPPER: 'canary-of-a-pepper-0123456789abcdef',
    DATABASE_URL: await newDatabase(postgres),
    REDIS_URL: redis.url,
  }
  t.equal(await startProcess(t, environment, ['migrate', 'up']).exited, 0, 'migrated')

  const ports = [await closedPort(), await closedPort(), await closedPort()] as const
  const start = async (at: number): Promise<Replica> => {
    const own = { PORT: String(ports[at]), DATA_DIR: `data-${at}` }
    return replicaOf(await startListening(t, { ...environment, ...own }), '', ADMIN)
  }
  const replicas = await Promise.all([start(0), start(1), start(2)])
  const proxy = await startProxy(t, ports)
  const isReady = async ({ url }: Replica): Promise<boolean> =>
    (await fetch(`${url}/health/ready`)).status === 200
  const all = async (check: (replica: Replica) => Promise<boolean>): Promise<boolean> =>
    (await Promise.all(replicas.map(check))).every((one) => one)
  await until(() => all(isReady))
  /** Every process was asked, and nothing failed. */
  const lostNothing = ({ answered, failed }: LoadResult): void => {
    t.strictSame(failed.slice(0, 10), [], `${answered} answered, ${failed.length} failed`)
  }

  await t.test('a limit is that of one service', async (t) => {
    const order = { name: 'limited', scope: 'read', requestsPerMinute: 20 }
    const made = await fetch(`${proxy}/v1/keys`, {
      method: 'POST',
      headers: { 'x-api-key': ADMIN, 'content-type': 'application/json' },
      body: JSON.stringify(order),
    })
    t.equal(made.status, 201)
    const { key } = z.object({ key: z.string() }).parse(await made.json())
    const headers = { 'x-api-key': key }
    // Each reads the keys again every few seconds; what is forbidden to a key counts for it too.
    for (const { url } of replicas)
      await until(async () => (await fetch(`${url}/v1/keys`, { headers })).status === 403)
    const statuses: number[] = []
    for (let request = 0; request < 40; request += 1)
      statuses.push((await fetch(`${proxy}/v1/traffic`, { headers })).status)
    const allowed = statuses.filter((status) => status === 200).length
    t.equal(allowed, 20 - replicas.length, 'of twenty in a minute, whoever was asked')
    t.equal(statuses.filter((status) => status === 429).length, 40 - allowed)
  })

  await t.test('the budget, the snapshot and the one that collects are one', async () => {
    const isSame = async (): Promise<boolean> => {
      const views = await Promise.all(replicas.map((replica) => replica.snapshot()))
      return views.every(({ id, status }) => status === 200 && id === views[0]?.id)
    }
    await until(isSame)
    await until(async () => {
      const rights = await Promise.all(replicas.map((replica) => replica.collects()))
      return !rights.includes(null) && rights.filter((right) => right === true).length === 1
    })
    await until(() => all(async (replica) => (await replica.used()) === calls.length))
  })

  await t.test('the streams of all processes tell the same, in the same order', async (t) => {
    const follow3 = replicas.map(({ url }) => follow(t, `${url}/v1/traffic/ayalon/stream`))
    const streams = await Promise.all(follow3)
    // On a busy machine one may skip what another tells, so that they are not compared in step.
    const told = streams.map((): number[] => [])
    const hasEnough = (): boolean => told.every(({ length }) => length >= LEAST_TOLD)
    const listen = async (stream: Following, times: number[]): Promise<void> => {
      while (!hasEnough() && times.length < MOST_TOLD) {
        const event = await stream.event()
        if (event === null) return
        times.push(Number(event.id?.replace('ayalon-', '')))
      }
    }
    await Promise.all(streams.map((stream, at) => listen(stream, told[at] ?? [])))
    for (const stream of streams) stream.leave()
    t.ok(hasEnough(), 'each told some', { told })
    const database = new Client({ connectionString: environment.DATABASE_URL })
    await database.connect()
    t.teardown(() => database.end())
    const newest = Math.max(...told.flat())
    let made: number[] = []
    await until(async () => {
      const { rows } = await database.query('SELECT fetched_ms FROM snapshots ORDER BY fetched_ms')
      made = rows.map(({ fetched_ms }) => Number(fetched_ms))
      return (made.at(-1) ?? 0) >= newest
    })
    for (const [at, times] of told.entries()) {
      // In the order in which they were made, each once, and none that was not.
      t.strictSame(
        times,
        made.filter((time) => times.includes(time)),
      )
      for (const others of told.slice(at + 1)) {
        const shared = times.filter((time) => others.includes(time))
        t.ok(shared.length >= 2, 'any two tell the same', { told })
      }
    }
  })

  await t.test(`a rolling restart under ${PER_SECOND} requests a second loses none`, async (t) => {
    const load = constantLoad(
      t,
      proxy,
      [...READS, '/v1/traffic/ayalon/history', IMPACT],
      PER_SECOND,
    )
    const stream = await follow(t, `${proxy}/v1/traffic/ayalon/stream`)
    for (const at of [0, 1, 2] as const) {
      const gone = replicas[at]
      gone.process.kill('SIGTERM')
      t.equal(await gone.exited, 0)
      replicas[at] = await start(at)
      await until(() => isReady(replicas[at]))
      // Before the next goes, the proxy has seen this one, which checks each second.
      const ready = load.sent()
      await until(() => load.sent() > ready + 3 * PER_SECOND)
    }
    let last = await stream.block()
    while (last !== null) last = await stream.block()
    const again = await follow(t, `${proxy}/v1/traffic/ayalon/stream`)
    t.equal(again.response.status, 200)
    t.equal((await again.event())?.event, 'snapshot', 'whoever followed one goes on at another')
    again.leave()
    await until(() => load.sent() >= SECONDS * PER_SECOND)
    const result = await load.stop()
    t.ok(result.answered >= SECONDS * PER_SECOND)
    lostNothing(result)
  })

  await t.test('a process that is killed takes no read with it', async (t) => {
    const load = constantLoad(t, proxy, READS, FEW_PER_SECOND)
    for (const at of [0, 1, 2] as const) {
      replicas[at].process.kill('SIGKILL')
      await replicas[at].exited
      const from = load.sent()
      await until(() => load.sent() > from + FEW_PER_SECOND)
      replicas[at] = await start(at)
      await until(() => isReady(replicas[at]))
      const ready = load.sent()
      await until(() => load.sent() > ready + FEW_PER_SECOND)
    }
    lostNothing(await load.stop())
  })

  for (const [name, kill, begin] of [
    ['redis', () => redis.own.kill(), () => redis.own.start()],
    ['database', () => postgres.restart?.kill(), () => postgres.restart?.start()],
  ] as const)
    await t.test(
      `reads go on while there is no ${name}, and all is well again after`,
      async (t) => {
        const stateOf = async (replica: Replica): Promise<string | undefined> =>
          (await replica.health()).checks[name]?.status
        const load = constantLoad(t, proxy, READS, FEW_PER_SECOND)
        await kill()
        await until(() => all(async (replica) => (await stateOf(replica)) === 'error'))
        t.ok(await all(isReady), 'they stay ready: what they have is still useful')
        const from = load.sent()
        await until(() => load.sent() > from + 2 * FEW_PER_SECOND)
        await begin()
        await until(() => all(async (replica) => (await stateOf(replica)) === 'ok'))
        const before = calls.length
        await until(() => calls.length > before + 1)
        lostNothing(await load.stop())
      },
    )

  for (const replica of replicas) t.notMatch(replica.output(), /canary/)
})
