import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import type { Test } from 'tap'
import { type AppOptions, app } from '../../src/app.ts'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { createSimulated } from '../../src/providers/simulated/provider.ts'
import { createServer } from '../../src/server.ts'
import { FakeClock } from './fake-clock.ts'

/** A working Wednesday, 08:00 in Tel Aviv. */
export const WEDNESDAY_8H = Date.parse('2026-11-18T06:00:00Z')

/** The collector and the host sampler. */
const SLEEPERS = 2

export interface TestApp {
  readonly server: FastifyInstance
  readonly clock: FakeClock
  /** What was logged, parsed. */
  readonly lines: Record<string, unknown>[]
}

/** The whole app on a fake clock, ready, with its first refresh done. Closed after the test. */
export async function buildApp(
  t: Test,
  overrides: Partial<Omit<AppOptions, 'clock' | 'config'>> & {
    config?: Partial<AppOptions['config']>
    /** Do not wait for the first refresh. */
    starting?: boolean
  } = {},
): Promise<TestApp> {
  const { config, starting = false, ...rest } = overrides
  const clock = new FakeClock(WEDNESDAY_8H)
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const server = createServer(log)
  await server.register(app, {
    corridors: [AYALON],
    providers: [createSimulated()],
    memory: { available: () => 2 ** 30, limit: () => 2 ** 31 },
    version: '0.0.0-test',
    drainMs: 200,
    ...rest,
    clock,
    config: { POLL_SECONDS: 300, MIN_INTERVAL_SECONDS: 60, MAX_STALE_SECONDS: 7200, ...config },
  })
  t.teardown(() => server.close())
  await server.ready()
  if (!starting) await clock.asleep(SLEEPERS)
  return { server, clock, lines }
}
