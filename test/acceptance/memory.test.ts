import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { type Service, startProcess, startService } from '../helpers/service.ts'

const total = z.looseObject({ central: z.number() }).nullable()
const head = z.looseObject({ id: z.string(), observedAt: z.string(), tier: z.string() })
const today = z.looseObject({ from: z.string(), coverage: z.number(), delay: total })
const snapshot = z.looseObject({ snapshot: head, today })
const history = z.looseObject({
  buckets: z.array(z.looseObject({ from: z.string(), coverage: z.number(), delay: total })),
})

const ask = async (service: Started, path: string): Promise<Response> =>
  fetch(`${service.url}/v1/traffic/ayalon${path}`)

/** A running service and where it listens. */
type Started = Service & { readonly url: string }

/** Starts the service without waiting for a refresh. */
async function startListening(t: Test, environment: Record<string, string>): Promise<Started> {
  const service = startProcess(t, environment)
  const { msg } = await service.line('Server listening at')
  return { ...service, url: String(msg).replace('Server listening at ', '') }
}

/** A provider that answers the whole Ayalon at 36 km/h, until it is told to keep silent. */
async function hereStandIn(t: Test): Promise<{ readonly url: string; silent: boolean }> {
  const file = resolve(import.meta.dirname, '../../src/corridors/ayalon.json')
  const definition = JSON.parse(await readFile(file, 'utf8'))
  const state = { url: '', silent: false }
  const server = createServer((_request, response) => {
    if (state.silent) return
    const results = definition.directions.flatMap(
      (direction: { sections: { points: [number, number][] }[] }) =>
        direction.sections.map(({ points }) => ({
          location: { shape: { links: [{ points: points.map(([lat, lng]) => ({ lat, lng })) }] } },
          currentFlow: { speed: 10, speedUncapped: 10, freeFlow: 25, confidence: 0.9 },
        })),
    )
    response.end(JSON.stringify({ sourceUpdated: new Date().toISOString(), results }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  state.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  return state
}

t.test('a killed service starts with its last snapshot, before any provider answers', async (t) => {
  t.testdir()
  const provider = await hereStandIn(t)
  const environment = { HERE_API_KEY: 'a-key', HERE_BASE_URL: provider.url }
  const first = await startService(t, environment)
  const before = snapshot.parse(await (await ask(first, '')).json())
  // Once the history shows the refresh, it is written.
  for (let written = 0; written === 0; ) {
    const { buckets } = history.parse(await (await ask(first, '/history?interval=5m')).json())
    written = buckets.filter(({ coverage }) => coverage > 0).length
  }
  first.process.kill('SIGKILL')
  await first.exited
  provider.silent = true
  const second = await startListening(t, environment)
  const response = await ask(second, '')
  t.equal(response.status, 200)
  const after = snapshot.parse(await response.json())
  t.match(after.snapshot, {
    id: before.snapshot.id,
    observedAt: before.snapshot.observedAt,
    tier: 'live',
  })
  t.strictSame(after.today, before.today)
  t.equal((await fetch(`${second.url}/health/ready`)).status, 200)
  second.process.kill('SIGTERM')
  t.equal(await second.exited, 0)
})

t.test('a damaged database is told, and the service goes on serving what it has', async (t) => {
  const dir = t.testdir({ data: { 'ayalon.db': 'this is no database at all, '.repeat(500) } })
  const service = await startService(t)
  t.equal((await ask(service, '')).status, 200)
  t.match(await (await ask(service, '/history')).json(), {
    status: 503,
    code: 'source_unavailable',
    detail: /database file is damaged: move it away/,
  })
  const health = await fetch(`${service.url}/health`)
  t.equal(health.status, 200)
  t.match(await health.json(), {
    status: 'degraded',
    checks: { database: { status: 'error', detail: /damaged/ } },
  })
  t.match(await service.line('the database cannot be used'), { detail: /damaged/ })
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
  const waiting = await readdir(join(dir, 'data', 'queue'))
  t.equal(waiting.length, 1, 'what was observed waits for a database')
})

t.test('what one installation downloads another one imports', async (t) => {
  const dir = t.testdir({ a: {}, b: {} })
  const first = await startService(t, { DATA_DIR: 'a' })
  let csv = ''
  while (!csv.includes('physical,1.0.0,ILS,'))
    csv = await (await ask(first, '/history?interval=1h&format=csv')).text()
  const file = join(dir, 'totals.csv')
  await writeFile(file, csv)
  first.process.kill('SIGTERM')
  t.equal(await first.exited, 0)
  const imported = startProcess(t, { DATA_DIR: 'b' }, ['import', file])
  t.equal(await imported.exited, 0)
  t.match(imported.output(), /8 buckets imported/)
  const again = startProcess(t, { DATA_DIR: 'b' }, ['import', file])
  t.equal(await again.exited, 0)
  t.match(again.output(), /^0 buckets imported/)
  const status = startProcess(t, { DATA_DIR: 'b' }, ['migrate', 'status'])
  t.equal(await status.exited, 0)
  t.match(status.output(), /^0001_memory \d{4}-/)
  const recompute = startProcess(t, { DATA_DIR: 'b' }, ['recompute', '--corridor', 'nowhere'])
  t.equal(await recompute.exited, 64)
  t.match(recompute.output(), /--corridor must be one of ayalon/)
})
