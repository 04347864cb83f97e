import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { type HostLoad, HostSampler } from '../../src/modules/health/host.ts'
import { healthReport } from '../../src/modules/health/report.ts'
import { healthSchema } from '../../src/modules/health/schemas.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { CurrentState } from '../../src/storage/current-state.ts'
import { buildApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { answerOf, failing, scripted } from '../helpers/providers.ts'

const NONE_SERVED = { live: 0, lastKnownGood: 0, simulated: 0, replay: 0, unavailable: 0 }
const timeout = failing(new ProviderFailure('timeout', 'no answer'))

t.test('a service with fresh data is alive, ready and healthy', async (t) => {
  const { server, clock } = await buildApp(t)
  clock.move(5000)
  t.equal((await server.inject('/health/live')).statusCode, 200)
  t.equal((await server.inject('/health/ready')).statusCode, 200)
  await server.inject('/v1/traffic')
  const report = healthSchema.parse((await server.inject('/health')).json())
  t.match(report, {
    uptimeSeconds: 5,
    version: '0.0.0-test',
    checks: {
      provider: { status: 'ok', provider: 'simulated', reachable: true, lastOutcome: 'ok' },
      cache: { status: 'ok', entries: 1 },
      dataFreshness: { status: 'ok', ageSeconds: 5 },
      database: { status: 'ok', detail: null, queued: 0 },
      redis: { status: 'disabled' },
      limits: { status: 'ok', store: 'memory', detail: null },
      keys: { status: 'ok', detail: null },
    },
    statistics: { totalRequests: 1, errorCount: 0, errorRate: 0 },
  })
})

t.test('before the first refresh it is alive, but neither ready nor healthy', async (t) => {
  const hanging = scripted(
    'here',
    (_corridor, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  )
  const { server } = await buildApp(t, { providers: [hanging], starting: true })
  t.equal((await server.inject('/health/live')).statusCode, 200)
  t.match((await server.inject('/health/ready')).json(), {
    status: 503,
    code: 'source_unavailable',
    retryAfterSeconds: 5,
  })
  const response = await server.inject('/health')
  t.equal(response.statusCode, 503)
  t.match(healthSchema.parse(response.json()), {
    status: 'unhealthy',
    checks: {
      provider: { status: 'unknown', reachable: null },
      cache: { status: 'warning', entries: 0 },
      dataFreshness: { status: 'unknown', lastObservedAt: null },
    },
  })
})

t.test('a failing provider degrades it; data too old to serve ends readiness', async (t) => {
  const provider = scripted('here', () => answerOf(AYALON, 30), timeout)
  const config = { MAX_STALE_SECONDS: 3600 }
  const { server, clock } = await buildApp(t, { providers: [provider], config })
  const report = async () => healthSchema.parse((await server.inject('/health')).json())
  await clock.advance(300_000)
  t.match(await report(), {
    status: 'degraded',
    checks: {
      provider: { status: 'error', reachable: false, lastOutcome: 'timeout' },
      dataFreshness: { status: 'ok' },
    },
  })
  clock.move(300_000 + 1000)
  t.equal((await report()).checks.dataFreshness.status, 'warning')
  clock.move(20 * 60_000)
  t.equal((await report()).checks.dataFreshness.status, 'stale')
  t.equal((await server.inject('/health/ready')).statusCode, 200)
  clock.move(30 * 60_000)
  t.equal((await server.inject('/health/ready')).statusCode, 503)
  t.equal((await report()).status, 'unhealthy')
  await server.inject('/v1/traffic/ayalon')
  t.match((await report()).statistics, { totalRequests: 1, errorCount: 1, errorRate: 1 })
})

t.test('a full machine degrades it', async (t) => {
  const memory = { available: () => 0, limit: () => 0 }
  const { server } = await buildApp(t, { memory })
  const report = healthSchema.parse((await server.inject('/health')).json())
  t.match(report, { status: 'degraded', checks: { system: { status: 'warning' } } })
  t.equal(report.checks.system.memoryPercent, 100, 'without a limit it is the machine’s memory')
})

t.test('a snapshot that measures nothing is served, but degrades it', async (t) => {
  const elsewhere = scripted('here', () => ({
    pieces: [],
    observedAtMs: null,
    refused: [{ reason: 'lowConfidence' as const, pieces: 3 }],
  }))
  const { server } = await buildApp(t, { providers: [elsewhere] })
  const report = healthSchema.parse((await server.inject('/health')).json())
  t.match(report, { status: 'degraded', checks: { cache: { status: 'warning', entries: 0 } } })
  t.equal((await server.inject('/health/ready')).statusCode, 200)
})

t.test('the load of the machine is measured in the background', async (t) => {
  const { server, clock } = await buildApp(t)
  await clock.advance(10_000)
  const { system } = healthSchema.parse((await server.inject('/health')).json()).checks
  t.equal(system.memoryPercent, 50)
  t.ok(system.diskPercent !== null && system.diskPercent > 0)
})

t.test('each load has its own threshold, and all must be kept', async (t) => {
  const state = new CurrentState()
  const now = WEDNESDAY_8H
  const closed = {
    id: 'a',
    status: 'closed' as const,
    coverage: 1,
    confidence: null,
    speedKmh: null,
    freeFlowKmh: null,
  }
  const snapshot = {
    id: 's',
    provider: 'here' as const,
    observedAtMs: now,
    fetchedAtMs: now,
    sections: [closed],
    refused: [],
    warnings: [],
  }
  const attempt = {
    atMs: now,
    provider: 'here' as const,
    outcome: 'ok' as const,
    durationMs: 7,
    detail: '',
  }
  state.note(AYALON, attempt, snapshot)
  const report = (load: Partial<HostLoad>, keys: { fault: string } | null = null) =>
    healthReport({
      nowMs: now,
      startedAtMs: now,
      version: '1',
      provider: 'here',
      states: [state.of('ayalon')],
      maxStaleSeconds: 60,
      load: { cpuPercent: 80, memoryPercent: 85, diskPercent: 90, ...load },
      database: { status: 'ok', detail: null, queued: 0, schemaIsBehind: false, redis: null },
      reached: () => null,
      limits: { kind: 'memory', fault: null },
      keys,
      statistics: { totalRequests: 8, errorCount: 2, served: NONE_SERVED },
    })
  t.match(report({}), { status: 'healthy', statistics: { errorRate: 0.25 } })
  for (const load of [{ cpuPercent: 80.1 }, { memoryPercent: 85.1 }, { diskPercent: 90.1 }])
    t.match(report(load), { status: 'degraded', checks: { system: { status: 'warning' } } })
  const lost = { status: 'error', detail: 'the pepper is gone' }
  t.match(report({}, { fault: lost.detail }), { status: 'degraded', checks: { keys: lost } })
})

t.test('a disk that cannot be looked at leaves its load unknown', async (t) => {
  const clock = new FakeClock(WEDNESDAY_8H)
  const memory = { available: () => 1, limit: () => 4 }
  const sampler = new HostSampler(clock, memory, join(t.testdir(), 'gone'))
  sampler.loop.start()
  await clock.asleep(1)
  t.match(sampler.load, { diskPercent: null, memoryPercent: 75 })
  await sampler.loop.stop()
})

t.test('while draining it is not ready, and what was begun is still answered', async (t) => {
  const { server } = await buildApp(t)
  const port = Number(new URL(await server.listen({ port: 0, host: '127.0.0.1' })).port)
  const socket = connect(port, '127.0.0.1')
  const received = text(socket)
  socket.write('GET /health/ready HTTP/1.1\r\nHost: a\r\n')
  const [peer] = await once(server.server, 'connection')
  while (peer.bytesRead === 0) await setImmediate()
  const closed = server.close()
  while (!server.lifecycle.draining) await setImmediate()
  socket.write('\r\n')
  t.match(await received, /503 Service Unavailable.*connection: close.*"code":"overloaded"/is)
  await closed
})

t.test('probes are logged at debug, other requests at info, without their query', async (t) => {
  const { server, lines } = await buildApp(t)
  await server.inject('/health/live')
  await server.inject('/v1/traffic/ayalon?reference=phed')
  await server.inject('/no/such/path?note=canary')
  const requests = lines.filter(({ msg }) => msg === 'request')
  t.match(requests, [
    { level: 20, route: '/health/live', status: 200 },
    { level: 30, route: '/v1/traffic/:corridor', status: 200 },
    { level: 30, route: null, status: 404 },
  ])
  t.notMatch(JSON.stringify(lines), /canary|phed/)
})
