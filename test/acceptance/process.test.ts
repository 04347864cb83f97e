import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join, resolve } from 'node:path'
import t from 'tap'
import { getSnapshot, startProcess, startService } from '../helpers/service.ts'

const CANARY = 'canary/key+0123456789'

t.test('without any setting it serves the simulated Ayalon', async (t) => {
  t.testdir()
  const service = await startService(t)
  t.match(await getSnapshot(service.url), {
    corridor: 'ayalon',
    coverage: 1,
    snapshot: { provider: 'simulated', tier: 'simulated' },
  })
  t.equal((await fetch(`${service.url}/health/ready`)).status, 200)
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
})

t.test('a .env file in the folder is read; what the environment sets stands', async (t) => {
  t.testdir({ '.env': 'LOG_LEVEL=debug\nCORRIDORS=nowhere\n' })
  const service = await startService(t, { CORRIDORS: 'ayalon' })
  await fetch(`${service.url}/health/live`)
  t.match(await service.line('request'), { level: 20, route: '/health/live' })
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
})

t.test('every configuration fault is told at once, and the exit code is 78', async (t) => {
  t.testdir()
  const service = startProcess(t, {
    PORT: 'http',
    LOG_LEVEL: 'loud',
    TRAFFIC_PROVIDERS: 'here',
    POLL_SECONDS: '-1',
    API_KEYS: 'ops:admin:canary',
    KEY_PEPPER: 'canary',
    AUTH_READS: 'closed',
    RATE_LIMIT_PER_MINUTE: '0',
    CORS_ORIGINS: 'https://example.org/',
    TRUST_PROXY: '0.0.0.0/0',
  })
  t.equal(await service.exited, 78)
  for (const name of [
    'PORT',
    'LOG_LEVEL',
    'HERE_API_KEY',
    'POLL_SECONDS',
    'API_KEYS',
    'KEY_PEPPER',
    'AUTH_READS',
    'RATE_LIMIT_PER_MINUTE',
    'CORS_ORIGINS',
    'TRUST_PROXY',
  ])
    t.match(service.output(), new RegExp(`^${name}: `, 'm'))
  t.notMatch(service.output(), 'canary')
})

t.test('a .env that cannot be read is a fault of the configuration', async (t) => {
  t.testdir({ '.env': {} })
  const service = startProcess(t)
  t.equal(await service.exited, 78)
  t.match(service.output(), /^\.env: cannot be read$/m)
})

t.test('a broken corridor file is told by name, and the exit code is 78', async (t) => {
  t.testdir({ corridors: { 'mine.json': '{"id":"mine"}' } })
  const service = startProcess(t, { CORRIDORS_DIR: 'corridors' })
  t.equal(await service.exited, 78)
  t.match(service.output(), /corridors\/mine\.json: name: /)
})

t.test('an unknown command is refused with 64', async (t) => {
  t.testdir()
  const service = startProcess(t, {}, ['dance'])
  t.equal(await service.exited, 64)
  t.match(service.output(), /unknown command "dance"/)
  const other = startProcess(t, {}, ['serve', '--port', '80'])
  t.equal(await other.exited, 64, 'what would be ignored is refused as well')
  t.match(other.output(), /serve takes no arguments/)
})

t.test('the commands run from the same entrance and exit with their code', async (t) => {
  const ayalon = resolve(import.meta.dirname, '../../src/corridors/ayalon.json')
  t.testdir({ 'day.csv': 'not,a,day\n' })
  const check = startProcess(t, {}, ['check-corridor', ayalon])
  t.equal(await check.exited, 0)
  t.match(check.output(), /northbound-holon-la-guardia +2604 m/)
  const validate = startProcess(t, {}, ['validate', 'day.csv'])
  t.equal(await validate.exited, 66)
  t.match(validate.output(), /day\.csv: line 1/)
})

t.test('a live provider is recorded without its key, and the recording replays', async (t) => {
  const dir = t.testdir({ key: `${CANARY}\n` })
  const geometry = JSON.parse(
    await readFile(resolve(import.meta.dirname, '../../src/corridors/ayalon.json'), 'utf8'),
  )
  const asked: string[] = []
  const provider = createServer((request, response) => {
    asked.push(String(request.url))
    const results = geometry.directions.flatMap(
      (direction: { sections: { points: [number, number][] }[] }) =>
        direction.sections.map(({ points }) => ({
          location: {
            // A provider may well repeat what it was asked.
            description: request.url,
            shape: { links: [{ points: points.map(([lat, lng]) => ({ lat, lng })) }] },
          },
          currentFlow: { speed: 10, speedUncapped: 10, freeFlow: 25, confidence: 0.9 },
        })),
    )
    response.end(JSON.stringify({ sourceUpdated: new Date().toISOString(), results }))
  })
  provider.listen(0, '127.0.0.1')
  await once(provider, 'listening')
  t.teardown(() => provider.close())
  const address = provider.address()
  const port = typeof address === 'object' ? address?.port : 0
  const live = await startService(t, {
    HERE_API_KEY_FILE: 'key',
    HERE_BASE_URL: `http://127.0.0.1:${port}`,
    RECORD_DIR: 'recorded',
    LOG_LEVEL: 'trace',
  })
  const seen = await getSnapshot(live.url)
  t.match(seen.snapshot, { provider: 'here', tier: 'live' })
  t.equal(seen.directions[0].sections[0]?.speedKmh, 36, '10 m/s')
  t.ok(asked[0]?.includes(encodeURIComponent(CANARY)), 'the provider did get the key')
  const everything = [live.output()]
  for (const path of ['/v1/traffic', '/v1/traffic/ayalon/geojson', '/health', '/nowhere'])
    everything.push(await (await fetch(`${live.url}${path}`)).text())
  live.process.kill('SIGTERM')
  t.equal(await live.exited, 0)
  const recorded = join(dir, 'recorded')
  for (const file of await readdir(recorded, { recursive: true }))
    if (file.endsWith('.json')) everything.push(await readFile(join(recorded, file), 'utf8'))
  t.equal(everything.length, 6, 'one body was recorded')
  for (const text of everything) {
    t.notOk(text.includes(CANARY))
    t.notOk(text.includes(encodeURIComponent(CANARY)))
  }
  const replay = await startService(t, {
    TRAFFIC_PROVIDERS: 'replay',
    REPLAY_DIR: 'recorded',
    REPLAY_FORMAT: 'here',
  })
  const again = await getSnapshot(replay.url)
  t.match(again.snapshot, { provider: 'replay', tier: 'replay' })
  t.equal(again.directions[1].sections[3]?.speedKmh, 36)
})

const captures = resolve(import.meta.dirname, '../../../shared/captures/tomtom')
t.test(
  'the recorded answers of TomTom give the right corridor, not 858 vehicle-hours',
  { skip: existsSync(captures) ? false : 'the recorded answers are not beside this checkout' },
  async (t) => {
    t.testdir()
    const service = await startService(t, {
      TRAFFIC_PROVIDERS: 'replay',
      REPLAY_DIR: captures,
      REPLAY_FORMAT: 'tomtom',
    })
    const view = await getSnapshot(service.url)
    const [northbound, southbound] = view.directions
    const [first, ...others] = northbound.sections
    t.equal(others.length, 3)
    for (const section of others) {
      t.equal(section.status, 'ok', section.id)
      t.ok(Math.abs((section.speedKmh ?? 0) - 95) <= 0.5, `${section.speedKmh} km/h`)
      t.equal(section.rates?.delay.central, 0)
    }
    for (const section of [first, ...southbound.sections])
      t.match(section, { status: 'insufficientCoverage', speedKmh: null, rates: null })
    t.equal(southbound.rates, null)
    t.strictSame(view.rates?.delay, { unit: 'veh-h/h', low: 0, central: 0, high: 0 })
    const refused = view.quality.refused.map((refusal) => JSON.stringify(refusal)).toSorted()
    t.strictSame(refused, [
      '{"reason":"duplicate","pieces":1}',
      '{"reason":"wrongRoad","pieces":1}',
    ])
  },
)
