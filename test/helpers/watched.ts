import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import ayalon from '../../src/corridors/ayalon.json' with { type: 'json' }
import { openDatabase } from '../../src/storage/database/database.ts'
import { migrate } from '../../src/storage/database/migrations.ts'
import { postgresPlace } from './databases.ts'
import { newDatabase, startPostgres } from './postgres.ts'
import { type Get, runPrometheus } from './prometheus.ts'
import { newRedis, startRedis } from './redis.ts'
import { ruleGroups } from './rules.ts'
import { HERE_SAYS, type Serving, startService } from './service.ts'
import { standIn } from './stand-in.ts'

/** More than RATE_LIMIT_WRONG_KEYS_PER_MINUTE. */
const WRONG_KEYS = 12

/** The same road in another place, of which HERE tells us nothing. */
const ELSEWHERE = {
  ...ayalon,
  id: 'elsewhere',
  directions: ayalon.directions.map((direction) => ({
    ...direction,
    sections: direction.sections.map((section) => ({
      ...section,
      points: section.points.map(([lat = 0, lon = 0]) => [lat + 0.5, lon]),
    })),
  })),
}

/**
 * A service with everything in use, and the Prometheus that watches it by our rules.
 * @param folder where both keep what they have
 */
export async function watchedService(
  t: Test,
  folder: string,
): Promise<{ readonly get: Get; use(): Promise<void> }> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
  t.teardown(() => Promise.all([postgres.stop(), redis.stop()]))
  const database = await newDatabase(postgres)
  const { write, close } = await openDatabase(postgresPlace(database), () => {})
  await migrate(write, 'up')
  await close()
  const here = await standIn(t, (response, { url }) => {
    // The first that it is asked for is the built-in road.
    const first = here.requests[0]?.url
    response.writeHead(url.search === first?.search ? 200 : 403).end(HERE_SAYS)
  })
  mkdirSync(join(folder, 'corridors'))
  writeFileSync(join(folder, 'corridors/elsewhere.json'), JSON.stringify(ELSEWHERE))
  const service = await startService(t, {
    DATABASE_URL: database,
    REDIS_URL: await newRedis(t, redis),
    CORRIDORS_DIR: join(folder, 'corridors'),
    HERE_API_KEY: 'canary-of-here',
    HERE_BASE_URL: here.baseUrl.href,
    // So often that the test sees it happen, which no budget of a day may hold up.
    POLL_SECONDS: '2',
    MIN_INTERVAL_SECONDS: '1',
    HERE_QUOTA_PER_HOUR: '100000',
    HERE_QUOTA_PER_DAY: '1000000',
  })
  // No group keeps its own pace: the test would wait for it.
  const groups = ruleGroups().map(({ name, rules }) => ({ name, rules }))
  const rules = join(folder, 'all-rules.yml')
  writeFileSync(rules, JSON.stringify({ groups }))
  const get = await runPrometheus(t, folder, {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [rules],
    scrape_configs: [
      {
        job_name: 'ayalon-congestion-impact',
        static_configs: [{ targets: [new URL(service.url).host] }],
      },
    ],
  })
  return { get, use: () => use(service) }
}

/** Asks for something of every kind once: what is good, what is not there, and what is refused. */
async function use({ url }: Serving): Promise<void> {
  const paths = [
    '/v1/traffic',
    '/v1/traffic/ayalon',
    '/v1/traffic/ayalon/geojson',
    '/v1/traffic/elsewhere',
    '/v1/traffic/elsewhere/geojson',
    '/v1/traffic/ayalon/history',
    '/nowhere',
    '/%',
    '/health',
    '/health/live',
    '/health/ready',
  ]
  const asked = paths.map((path) => fetch(`${url}${path}`))
  const wrong = Array.from({ length: WRONG_KEYS }, () =>
    fetch(`${url}/v1/traffic`, { headers: { 'x-api-key': 'nobody-knows-this-one' } }),
  )
  for (const answer of await Promise.all([...asked, ...wrong])) await answer.arrayBuffer()
}

/**
 * Does something and looks, again and again, until what is missing is there or a minute has passed.
 * @param missing what is not there yet
 * @returns what is missing at the end
 */
export async function untilNone(
  act: () => Promise<void>,
  missing: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const endMs = Date.now() + 60_000
  for (;;) {
    await act()
    const left = await missing()
    if (left.length === 0 || Date.now() > endMs) return left
    await sleep(500)
  }
}
