/*
 * How fast the history is on the embedded engine, with a year of the Ayalon as the simulated
 * provider invents it: 8 sections every 5 minutes. Prints figures and judges nothing.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { pino } from 'pino'
import { AYALON } from '../src/corridors/ayalon.ts'
import { startOfDate } from '../src/corridors/buckets.ts'
import { historyRoutes } from '../src/modules/history/routes.ts'
import { acceptHeaders } from '../src/plugins/accepts.ts'
import { createServer } from '../src/server.ts'
import { Connection } from '../src/storage/connection.ts'
import { SQLITE_FILE } from '../src/storage/database/database.ts'
import { recompute } from '../src/storage/totals/recompute.ts'
import { fillWithSimulated } from './year.ts'

const RUNS = 51
const { timeZone, id: corridorId } = AYALON
const fromMs = startOfDate(2025, 11, 1, timeZone)
const toMs = startOfDate(2026, 11, 1, timeZone)
const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** Seconds that some work takes. */
async function secondsOf(work: () => Promise<unknown>): Promise<string> {
  const startedMs = performance.now()
  await work()
  return ((performance.now() - startedMs) / 1000).toFixed(1)
}

const dataDir = await mkdtemp(join(tmpdir(), 'ayalon-bench-'))
const log = pino({ level: 'silent' })
const connection = new Connection({ dataDir }, log)
try {
  const span = { fromMs, toMs }
  const filled = await secondsOf(() => fillWithSimulated(connection, AYALON, span))
  const rows = await connection.use(({ read }) =>
    read
      .selectFrom('observations')
      .select((row) => row.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow(),
  )
  print(`${rows.count} observations written in ${filled} s`)

  const task = { corridorId, timeZone, source: 'simulated', model: 'physical', ...span } as const
  const silent = { resumed() {}, done() {} }
  const computed = await secondsOf(() => recompute(connection, task, span, silent))
  const { size } = await stat(join(dataDir, SQLITE_FILE))
  print(`totals of the year computed in ${computed} s; the file has ${Math.round(size / 1e6)} MB`)

  const server = createServer(log, {
    HEADERS_TIMEOUT_SECONDS: 10,
    REQUEST_TIMEOUT_SECONDS: 30,
    TRUST_PROXY: undefined,
  })
  server.setValidatorCompiler(validatorCompiler)
  const clock = { now: () => toMs, sleep: async () => {} }
  await server.register(acceptHeaders)
  await server.register(historyRoutes, {
    corridors: [AYALON],
    source: 'simulated',
    connection,
    clock,
  })
  for (const [what, query] of [
    ['30 days at 1 h', 'from=2026-10-02&to=2026-11-01&interval=1h&limit=1000'],
    ['30 days at 1 h, by section', 'from=2026-10-02&to=2026-11-01&interval=1h&format=csv'],
    ['a year at 1 d', 'from=2025-11-01&to=2026-11-01&interval=1d&limit=1000'],
    ['a year at 1 h, CSV', 'from=2025-11-01&to=2026-11-01&interval=1h&format=csv&by=corridor'],
  ]) {
    const times: number[] = []
    let bytes = 0
    for (let run = 0; run < RUNS; run += 1) {
      const startedMs = performance.now()
      const answer = await server.inject(`/v1/traffic/ayalon/history?${query}`)
      times.push(performance.now() - startedMs)
      if (answer.statusCode !== 200) throw new Error(answer.body)
      bytes = answer.rawPayload.length
    }
    times.sort((a, b) => a - b)
    const [median, worst] = [times[Math.floor(RUNS / 2)], times.at(-1)].map((ms) => ms?.toFixed(1))
    print(`${what}: median ${median} ms, worst ${worst} ms of ${RUNS} requests of ${bytes} bytes`)
  }
  await server.close()
} finally {
  await connection.close()
  await rm(dataDir, { recursive: true, force: true })
}
