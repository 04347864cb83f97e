import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { pino } from 'pino'
import t from 'tap'
import { environmentSchema } from '../../src/config/environment.ts'
import { ConfigError } from '../../src/config/faults.ts'
import { loadConfig } from '../../src/config/setup.ts'
import { createServer } from '../../src/server.ts'
import { SERVER } from '../helpers/build-app.ts'
import { faultsOf } from './fixtures/faults-of.ts'

const NAMES = Object.keys(environmentSchema.shape)

/** Of every variable that can be wrong a value that is. */
const BAD: Readonly<Record<string, string>> = {
  PORT: 'http',
  LOG_LEVEL: 'loud',
  LOG_FORMAT: 'xml',
  LOG_FILE: '/none/such/log',
  LOG_FILE_MAX_MB: '0',
  LOG_FILE_KEEP: '0',
  AUDIT_RETENTION_DAYS: '0',
  METRICS_PORT: '65536',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318',
  DRAIN_WAIT_SECONDS: '301',
  HEADERS_TIMEOUT_SECONDS: '0',
  REQUEST_TIMEOUT_SECONDS: '301',
  SHED_EVENT_LOOP_DELAY_MS: '60001',
  SHED_MEMORY_PERCENT: '101',
  TRAFFIC_PROVIDERS: 'waze',
  HERE_API_KEY_FILE: '/none/such',
  HERE_BASE_URL: 'ftp://example.org',
  HERE_QUOTA_PER_HOUR: '0',
  HERE_QUOTA_PER_DAY: '-1',
  HERE_QUOTA_PER_MONTH: 'many',
  TOMTOM_API_KEY_FILE: '/none/such',
  TOMTOM_BASE_URL: 'example.org',
  TOMTOM_QUOTA_PER_HOUR: '1.5',
  TOMTOM_QUOTA_PER_DAY: '1e3',
  TOMTOM_QUOTA_PER_MONTH: '0',
  UPSTREAM_TIMEOUT_SECONDS: '121',
  REPLAY_DIR: '/none/such',
  REPLAY_FORMAT: 'waze',
  POLL_SECONDS: '0',
  MIN_INTERVAL_SECONDS: '86401',
  MAX_STALE_SECONDS: 'old',
  DATABASE_URL: 'mysql://canary@h/d',
  DATABASE_URL_FILE: '/none/such',
  DATABASE_TLS: 'maybe',
  DATABASE_CA_FILE: '/none/such',
  DATABASE_POOL_SIZE: '0',
  DATABASE_CONNECT_TIMEOUT_SECONDS: '0',
  DATABASE_QUERY_TIMEOUT_SECONDS: '0',
  DATABASE_KEEPALIVE_SECONDS: '0',
  REDIS_URL: 'http://canary@h',
  REDIS_URL_FILE: '/none/such',
  LEASE_SECONDS: '0',
  RETENTION_DAYS: '0',
  RAW_RETENTION_DAYS: '-1',
  API_KEYS: 'canary',
  API_KEYS_FILE: '/none/such',
  AUTH_READS: 'closed',
  KEY_PEPPER: 'canary',
  KEY_PEPPER_FILE: '/none/such',
  RATE_LIMIT_PER_MINUTE: '0',
  RATE_LIMIT_PER_HOUR: '100000001',
  RATE_LIMIT_WRITES_PER_MINUTE: '-1',
  RATE_LIMIT_IMPACT_PER_MINUTE: 'none',
  RATE_LIMIT_WRONG_KEYS_PER_MINUTE: '0',
  CORS_ORIGINS: 'example.org',
  TRUST_PROXY: 'true',
}

/** Any text will do for these; what it leads to is seen when it is used. */
const ANY = [
  'HOST',
  'HERE_API_KEY',
  'TOMTOM_API_KEY',
  'RECORD_DIR',
  'CORRIDORS_DIR',
  'CORRIDORS',
  'DATA_DIR',
]

t.test('a wrong value of any variable is told by its name, and not repeated', async (t) => {
  t.strictSame([...Object.keys(BAD), ...ANY].toSorted(), NAMES.toSorted(), 'all are tried')
  for (const [name, value] of Object.entries(BAD)) {
    const faults = faultsOf(() => loadConfig({ [name]: value }))
    t.equal(faults.length, 1, name)
    t.match(faults[0], new RegExp(`^${name}: `))
    t.notMatch(faults[0], 'canary')
  }
})

t.test('wrong values of all variables are told at once', async (t) => {
  const names = Object.keys(BAD)
  const twice = names.filter((name) => names.includes(`${name}_FILE`))
  for (const left of [twice, twice.map((name) => `${name}_FILE`)]) {
    const environment = Object.entries(BAD).filter(([name]) => !left.includes(name))
    const faults = faultsOf(() => loadConfig(Object.fromEntries(environment))).join('\n')
    for (const [name] of environment) t.match(faults, new RegExp(`^${name}: `, 'm'))
    t.notMatch(faults, 'canary')
  }
})

t.test('the port of the metrics must be another than that of the service', async (t) => {
  t.throws(() => loadConfig({ METRICS_PORT: '3000' }), {
    message: 'METRICS_PORT: must be another port than PORT',
  })
  t.throws(() => loadConfig({ PORT: '81', METRICS_PORT: '81' }), ConfigError)
  t.equal(loadConfig({ PORT: '0', METRICS_PORT: '0' }).METRICS_PORT, 0, 'any two free ones')
})

t.test('without any setting the door is as the contract says', async (t) => {
  const config = loadConfig({})
  t.match(config, {
    AUTH_READS: 'open',
    API_KEYS: null,
    KEY_PEPPER: null,
    RATE_LIMIT_PER_MINUTE: 100,
    RATE_LIMIT_PER_HOUR: 1000,
    RATE_LIMIT_WRITES_PER_MINUTE: 20,
    RATE_LIMIT_IMPACT_PER_MINUTE: 30,
    RATE_LIMIT_WRONG_KEYS_PER_MINUTE: 10,
    AUDIT_RETENTION_DAYS: 30,
    DRAIN_WAIT_SECONDS: 0,
    HEADERS_TIMEOUT_SECONDS: 10,
    REQUEST_TIMEOUT_SECONDS: 30,
  })
  t.strictSame(config.CORS_ORIGINS, [])
  for (const name of ['TRUST_PROXY', 'METRICS_PORT', 'LOG_FILE', 'LOG_FORMAT'] as const)
    t.equal(config[name], undefined, name)
})

t.test('a pepper comes from its variable or a file, is long, and does not show', async (t) => {
  const pepper = `canary-${'p'.repeat(25)}`
  t.equal(pepper.length, 32)
  const dir = t.testdir({ pepper: ` ${pepper}\n`, short: `${pepper.slice(1)}\n`, empty: '\n' })
  const given = loadConfig({ KEY_PEPPER: pepper })
  const held = loadConfig({ KEY_PEPPER_FILE: join(dir, 'pepper') })
  for (const config of [given, held]) {
    t.equal(await config.KEY_PEPPER?.reveal(), pepper)
    t.equal(String(config.KEY_PEPPER), '[REDACTED]')
    t.equal(JSON.parse(JSON.stringify(config)).KEY_PEPPER, '[REDACTED]')
    t.notMatch(inspect(config, { depth: null, showHidden: true }), 'canary')
  }
  const short = 'must have at least 32 characters'
  for (const [environment, fault] of [
    [{ KEY_PEPPER: pepper.slice(1) }, `KEY_PEPPER: ${short}`],
    [{ KEY_PEPPER_FILE: join(dir, 'short') }, `KEY_PEPPER_FILE: ${short}`],
    [{ KEY_PEPPER_FILE: join(dir, 'empty') }, 'KEY_PEPPER_FILE: the file is empty'],
    [{ KEY_PEPPER_FILE: join(dir, 'missing') }, 'KEY_PEPPER_FILE: the file cannot be read'],
    [
      { KEY_PEPPER: pepper, KEY_PEPPER_FILE: join(dir, 'pepper') },
      'KEY_PEPPER: set either KEY_PEPPER or KEY_PEPPER_FILE, not both',
    ],
  ] as const)
    t.strictSame(
      faultsOf(() => loadConfig(environment)),
      [fault],
    )
})

const corsOf = (CORS_ORIGINS: string) => loadConfig({ CORS_ORIGINS }).CORS_ORIGINS
const isCors = (CORS_ORIGINS: string): boolean =>
  faultsOf(() => loadConfig({ CORS_ORIGINS })).length === 0

t.test('origins are exactly what a browser sends, or * alone', async (t) => {
  t.strictSame(corsOf('*'), ['*'])
  t.strictSame(corsOf(' https://example.org , http://localhost:5173,https://[::1]:8443'), [
    'https://example.org',
    'http://localhost:5173',
    'https://[::1]:8443',
  ])
  for (const wrong of [
    '*,https://example.org',
    '*,*',
    'https://*.example.org',
    'https://example.org/',
    'https://example.org/path',
    'https://example.org:443',
    'https://user@example.org',
    'https://example.org?',
    'HTTPS://example.org',
    'https://EXAMPLE.org',
    'https://exam ple.org',
    'https://example.org,',
    'https://example.org,,http://a.org',
    'ftp://example.org',
    'file://',
    'null',
    'true',
    'example.org',
  ])
    t.strictSame(
      faultsOf(() => loadConfig({ CORS_ORIGINS: wrong })),
      ['CORS_ORIGINS: must be a list of origins such as https://example.org, or * alone'],
      wrong,
    )
})

t.test('of any text only origins pass, and they stay as they are', async (t) => {
  const origin = fc.webUrl({ validSchemes: ['http', 'https'] }).map((url) => new URL(url).origin)
  const spaces = fc.constantFrom('', ' ', '  ')
  const list = fc.array(fc.tuple(spaces, origin, spaces), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(list, (items) => {
      const text = items.map((parts) => parts.join('')).join(',')
      t.strictSame(
        corsOf(text),
        items.map(([, each]) => each),
      )
    }),
    { numRuns: 100 },
  )
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl({ withFragments: true })), (text) => {
      if (text.trim() === '' || !isCors(text)) return
      for (const each of corsOf(text)) t.ok(each === '*' || new URL(each).origin === each, text)
    }),
    { numRuns: 500 },
  )
  t.pass('each run was looked at')
})

const trustOf = (TRUST_PROXY: string) => loadConfig({ TRUST_PROXY }).TRUST_PROXY
const trustFault =
  'TRUST_PROXY: must be a number of proxies from 1 on, or a list of networks such as 10.0.0.0/8'

t.test('proxies are a number or networks, never all the world', async (t) => {
  t.equal(trustOf('1'), 1)
  t.equal(trustOf('99'), 99)
  t.strictSame(trustOf('10.0.0.0/8'), ['10.0.0.0/8'])
  t.strictSame(trustOf(' 10.0.0.7 , fd00::/8,::1 '), ['10.0.0.7', 'fd00::/8', '::1'])
  t.strictSame(trustOf('::ffff:10.0.0.0/104'), ['::ffff:10.0.0.0/104'])
  for (const wrong of [
    '0',
    '00',
    '-1',
    '100',
    '1.5',
    ' 1',
    'true',
    'false',
    '*',
    'loopback',
    'example.org',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/00',
    '10.0.0.0/33',
    '10.0.0.0/999',
    'fd00::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0/8',
    '10.0.0.256',
    '10.0.0.0 /8',
    '10.0.0.0/8,',
    '10.0.0.0/8,0.0.0.0/0',
    '10.0.0.0/8;10.0.0.1',
    '1,2',
  ])
    t.strictSame(
      faultsOf(() => loadConfig({ TRUST_PROXY: wrong })),
      [trustFault],
      wrong,
    )
})

t.test('whatever passes as proxies a server can be made with', async (t) => {
  const log = pino({ level: 'silent' })
  const starts = (TRUST_PROXY: string): void => {
    createServer(log, { ...SERVER, TRUST_PROXY: trustOf(TRUST_PROXY) })
  }
  const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 32 }))
  const v6 = fc.tuple(fc.ipV6(), fc.integer({ min: 1, max: 128 }))
  const network = fc.oneof(v4, v6).map((parts) => parts.join('/'))
  fc.assert(
    fc.property(fc.array(fc.oneof(network, fc.ipV4(), fc.ipV6()), { minLength: 1 }), (items) => {
      t.strictSame(trustOf(items.join(', ')), items)
      starts(items.join(','))
    }),
    { numRuns: 100 },
  )
  // Texts that are nearly networks, so that many pass and many do not.
  const near = fc
    .array(fc.constantFrom('0', '1', '8', '9', '.', ':', '/', ',', ' ', 'f', '255', '10.0.0.0'), {
      maxLength: 12,
    })
    .map((parts) => parts.join(''))
  let passed = 0
  fc.assert(
    fc.property(near, (text) => {
      if (text.trim() === '' || faultsOf(() => trustOf(text)).length > 0) return
      passed += 1
      starts(text)
    }),
    { numRuns: 2000 },
  )
  t.ok(passed > 20, `${passed} of 2,000`)
})
