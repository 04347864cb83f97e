import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import type { Test } from 'tap'
import { type AppOptions, app } from '../../src/app.ts'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { createSimulated } from '../../src/providers/simulated/provider.ts'
import { createServer } from '../../src/server.ts'
import type { DatabasePlace } from '../../src/storage/database/database.ts'
import { Storage } from '../../src/storage/storage.ts'
import { newFolder } from './databases.ts'
import { FakeClock } from './fake-clock.ts'

/** A working Wednesday, 08:00 in Tel Aviv. */
export const WEDNESDAY_8H = Date.parse('2026-11-18T06:00:00Z')

/** The collector, the host sampler, and the storage's two. */
const SLEEPERS = 4

export interface TestApp {
  readonly server: FastifyInstance
  readonly clock: FakeClock
  readonly storage: Storage
  /** What was logged, parsed. */
  readonly lines: Record<string, unknown>[]
}

/** The whole app on a fake clock, ready, with its first refresh done. Closed after the test. */
export async function buildApp(
  t: Test,
  overrides: Partial<Omit<AppOptions, 'clock' | 'config' | 'storage'>> & {
    config?: Partial<AppOptions['config']>
    /** Where the database is; a new folder unless said. */
    place?: DatabasePlace
    /** The time at which the clock stands. */
    nowMs?: number
    /** Do not wait for the first refresh. */
    starting?: boolean
  } = {},
): Promise<TestApp> {
  const { config, starting = false, place, nowMs = WEDNESDAY_8H, ...rest } = overrides
  const corridors = rest.corridors ?? [AYALON]
  const providers = rest.providers ?? [createSimulated()]
  const dataDir = config?.DATA_DIR ?? newFolder(t)
  const clock = new FakeClock(nowMs)
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const server = createServer(log)
  const [first, ...others] = providers
  const storage = new Storage({
    place: place ?? { dataDir },
    dataDir,
    retention: { observations: 400, raw: 30 },
    corridors,
    providers: [first.name, ...others.map(({ name }) => name)],
    clock,
    log,
  })
  await server.register(app, {
    corridors,
    providers,
    storage,
    memory: { available: () => 2 ** 30, limit: () => 2 ** 31 },
    version: '0.0.0-test',
    drainMs: 200,
    ...rest,
    clock,
    config: {
      POLL_SECONDS: 300,
      MIN_INTERVAL_SECONDS: 60,
      MAX_STALE_SECONDS: 7200,
      DATA_DIR: dataDir,
      ...config,
    },
  })
  t.teardown(() => server.close())
  await server.ready()
  if (!starting) await clock.asleep(SLEEPERS)
  return { server, clock, storage, lines }
}
