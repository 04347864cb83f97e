import { readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, inspect } from 'node:util'
import t from 'tap'
import type { Config } from '../../src/config/config.ts'
import { readCorridor } from '../../src/config/corridor-files.ts'
import { databasePlace } from '../../src/config/database.ts'
import { environmentSchema } from '../../src/config/environment.ts'
import { guardsBy } from '../../src/config/guards.ts'
import { loadConfig, loadSetup } from '../../src/config/setup.ts'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { Secret } from '../../src/secret.ts'
import { listenedLog } from '../helpers/log.ts'
import { MemoryStore } from '../helpers/memory-store.ts'
import { REVERSED_FILE, STRAIGHT, STRAIGHT_FILE } from '../providers/fixtures/roads.ts'
import { faultsOf } from './fixtures/faults-of.ts'

/** The corridors that an environment with this folder and this choice serves. */
const loadCorridors = (dir: string | undefined, chosen?: readonly string[]) =>
  loadSetup({ CORRIDORS_DIR: dir, CORRIDORS: chosen?.join(',') }).corridors

const NAMES = Object.keys(environmentSchema.shape)

t.test('an empty environment is a whole configuration: simulated, on the local host', async (t) => {
  const config = loadConfig({})
  t.match(config, {
    HOST: '127.0.0.1',
    PORT: 3000,
    LOG_LEVEL: 'info',
    HERE_API_KEY: null,
    TOMTOM_API_KEY: null,
    UPSTREAM_TIMEOUT_SECONDS: 10,
    POLL_SECONDS: 300,
    MIN_INTERVAL_SECONDS: 60,
    MAX_STALE_SECONDS: 7200,
  })
  t.strictSame(config.TRAFFIC_PROVIDERS, ['simulated'])
  t.equal(config.HERE_BASE_URL.href, 'https://data.traffic.hereapi.com/')
  t.equal(config.TOMTOM_BASE_URL.href, 'https://api.tomtom.com/')
  for (const name of ['REPLAY_DIR', 'REPLAY_FORMAT', 'RECORD_DIR', 'CORRIDORS_DIR', 'CORRIDORS'])
    t.notOk(Object.entries(config).some(([key, value]) => key === name && value !== undefined))
})

t.test('an empty value counts as not set, an unknown variable is none of ours', async (t) => {
  const empty = Object.fromEntries(NAMES.map((name) => [name, '']))
  t.strictSame(loadConfig({ ...empty, PATH: '/bin', PORT_RANGE: 'x' }), loadConfig({}))
  t.strictSame(loadConfig({ PORT: undefined }), loadConfig({}))
})

t.test('values are read, and the configuration cannot be changed', async (t) => {
  const dir = t.testdir()
  const config = loadConfig({
    HOST: '0.0.0.0',
    PORT: '0',
    LOG_LEVEL: 'silent',
    TRAFFIC_PROVIDERS: ' tomtom , here ',
    HERE_API_KEY: 'h',
    TOMTOM_API_KEY: 't',
    UPSTREAM_TIMEOUT_SECONDS: '120',
    RECORD_DIR: '/somewhere/new',
    CORRIDORS_DIR: dir,
    CORRIDORS: 'ayalon, other',
    POLL_SECONDS: '86400',
  })
  t.match(config, {
    HOST: '0.0.0.0',
    PORT: 0,
    LOG_LEVEL: 'silent',
    UPSTREAM_TIMEOUT_SECONDS: 120,
    RECORD_DIR: '/somewhere/new',
    CORRIDORS_DIR: dir,
    POLL_SECONDS: 86_400,
  })
  t.strictSame(config.TRAFFIC_PROVIDERS, ['tomtom', 'here'], 'in the order of preference')
  t.strictSame(config.CORRIDORS, ['ayalon', 'other'])
  t.throws(() => Object.assign(config, { PORT: 1 }), TypeError)
})

t.test('the providers are those whose key is set, unless they are named', async (t) => {
  const dir = t.testdir()
  const keys = { HERE_API_KEY: 'h', TOMTOM_API_KEY: 't' }
  const replay = { REPLAY_DIR: dir, REPLAY_FORMAT: 'here' }
  for (const [environment, expected] of [
    [{ HERE_API_KEY: 'h' }, ['here']],
    [{ TOMTOM_API_KEY: 't' }, ['tomtom']],
    [keys, ['here', 'tomtom']],
    [{ ...keys, TRAFFIC_PROVIDERS: 'tomtom' }, ['tomtom']],
    [{ ...keys, TRAFFIC_PROVIDERS: 'simulated' }, ['simulated']],
    [{ ...replay, TRAFFIC_PROVIDERS: 'replay' }, ['replay']],
    [replay, ['simulated']],
  ] as const)
    t.strictSame(loadConfig(environment).TRAFFIC_PROVIDERS, expected)
})

t.test('a provider that is named needs what it works with', async (t) => {
  const named = (TRAFFIC_PROVIDERS: string) => faultsOf(() => loadConfig({ TRAFFIC_PROVIDERS }))
  t.strictSame(named('here'), ['HERE_API_KEY: is needed by the provider here'])
  t.strictSame(named('tomtom'), ['TOMTOM_API_KEY: is needed by the provider tomtom'])
  t.strictSame(named('replay'), [
    'REPLAY_DIR: is needed by the provider replay',
    'REPLAY_FORMAT: is needed by the provider replay',
  ])
  t.strictSame(named('simulated'), [])
})

t.test('simulated and replay stand alone', async (t) => {
  const dir = t.testdir()
  const rest = { HERE_API_KEY: 'h', REPLAY_DIR: dir, REPLAY_FORMAT: 'tomtom' }
  for (const TRAFFIC_PROVIDERS of ['here,simulated', 'replay,here', 'simulated,replay']) {
    const [fault, ...more] = faultsOf(() => loadConfig({ ...rest, TRAFFIC_PROVIDERS }))
    t.match(fault, /^TRAFFIC_PROVIDERS: .*stand alone/, TRAFFIC_PROVIDERS)
    t.strictSame(more, [])
  }
})

t.test('whole numbers are whole, and within their bounds', async (t) => {
  for (const [name, value, reason] of [
    ['PORT', '65536', 'must be at most 65535'],
    ['PORT', '-1', 'must be a whole number'],
    ['PORT', '3000.5', 'must be a whole number'],
    ['PORT', '1e3', 'must be a whole number'],
    ['PORT', '0x10', 'must be a whole number'],
    ['PORT', '9999999999', 'must be a whole number'],
    ['UPSTREAM_TIMEOUT_SECONDS', '0', 'must be at least 1'],
    ['UPSTREAM_TIMEOUT_SECONDS', '121', 'must be at most 120'],
    ['POLL_SECONDS', '0', 'must be at least 1'],
    ['MIN_INTERVAL_SECONDS', '0', 'must be at least 1'],
    ['MAX_STALE_SECONDS', '0', 'must be at least 1'],
    // Timers of the runtime hold less than 25 days; a longer one fires at once.
    ['POLL_SECONDS', '86401', 'must be at most 86400'],
    ['MIN_INTERVAL_SECONDS', '86401', 'must be at most 86400'],
    ['MAX_STALE_SECONDS', '86401', 'must be at most 86400'],
  ] as const)
    t.strictSame(
      faultsOf(() => loadConfig({ [name]: value })),
      [`${name}: ${reason}`],
      value,
    )
  t.equal(loadConfig({ PORT: '65535' }).PORT, 65_535)
})

t.test('every fault is reported at once, with its name and reason and no secret', async (t) => {
  const dir = t.testdir({ empty: '\n', file: 'x' })
  const faults = faultsOf(() =>
    loadSetup({
      PORT: 'http',
      LOG_LEVEL: 'loud',
      TRAFFIC_PROVIDERS: 'google,replay,tomtom',
      HERE_API_KEY: 'canary',
      HERE_API_KEY_FILE: join(dir, 'file'),
      HERE_BASE_URL: 'https://user:canary@example.com',
      TOMTOM_BASE_URL: 'ftp://example.com',
      REPLAY_DIR: join(dir, 'missing'),
      REPLAY_FORMAT: 'waze',
      CORRIDORS_DIR: join(dir, 'file'),
      POLL_SECONDS: '0',
    }),
  )
  for (const expected of [
    'PORT: must be a whole number',
    /^LOG_LEVEL: ./,
    'TRAFFIC_PROVIDERS: must be a list of here, tomtom, simulated, replay',
    /^TRAFFIC_PROVIDERS: .*stand alone/,
    'HERE_API_KEY: set either HERE_API_KEY or HERE_API_KEY_FILE, not both',
    'HERE_BASE_URL: must not hold credentials',
    'TOMTOM_BASE_URL: must be an http or https URL',
    'TOMTOM_API_KEY: is needed by the provider tomtom',
    'REPLAY_DIR: is not a folder',
    'REPLAY_FORMAT: must be here or tomtom',
    'CORRIDORS_DIR: is not a folder that can be read',
    'POLL_SECONDS: must be at least 1',
  ])
    t.ok(
      faults.some((fault) =>
        typeof expected === 'string' ? fault === expected : expected.test(fault),
      ),
      String(expected),
    )
  t.equal(faults.length, 12)
  t.notMatch(faults.join('\n'), /canary/)
})

t.test('a folder that cannot even be looked at is a fault like any other', async (t) => {
  t.strictSame(
    faultsOf(() => loadConfig({ REPLAY_DIR: 'x'.repeat(5000) })),
    ['REPLAY_DIR: is not a folder'],
  )
})

t.test('a blank variable counts as not set', async (t) => {
  t.strictSame(loadConfig({ PORT: ' ', HERE_API_KEY: ' \t' }), loadConfig({}))
})

t.test('faults of the environment and of the corridor files are told together', async (t) => {
  const dir = t.testdir({ 'a.json': '{' })
  t.strictSame(
    faultsOf(() => loadSetup({ PORT: 'x', CORRIDORS_DIR: dir, CORRIDORS: 'nowhere' })),
    ['PORT: must be a whole number', `${join(dir, 'a.json')}: is not JSON`],
  )
})

t.test('every unknown corridor that is asked for is named', async (t) => {
  t.strictSame(
    faultsOf(() => loadSetup({ CORRIDORS: 'x, ayalon, y' })),
    ['CORRIDORS: there is no corridor "x"', 'CORRIDORS: there is no corridor "y"'],
  )
})

t.test('a provider cannot be named twice, and one fault is told once', async (t) => {
  const key = { HERE_API_KEY: 'k' }
  t.strictSame(
    faultsOf(() => loadConfig({ ...key, TRAFFIC_PROVIDERS: 'here,here' })),
    ['TRAFFIC_PROVIDERS: must not name one twice'],
  )
  t.equal(faultsOf(() => loadConfig({ TRAFFIC_PROVIDERS: 'waze,google' })).length, 1)
})

t.test('a base address is http or https, and ends with a slash', async (t) => {
  const href = (HERE_BASE_URL: string) => loadConfig({ HERE_BASE_URL }).HERE_BASE_URL.href
  t.equal(href('https://example.com'), 'https://example.com/')
  t.equal(href('http://127.0.0.1:8080/'), 'http://127.0.0.1:8080/')
  t.equal(href('https://example.com/proxy/here'), 'https://example.com/proxy/here/')
  t.equal(href('https://example.com/proxy/'), 'https://example.com/proxy/')
  for (const [address, reason] of [
    ['example.com', 'must be an http or https URL'],
    ['ftp://example.com', 'must be an http or https URL'],
    ['file:///etc/passwd', 'must be an http or https URL'],
    ['https://example.com/proxy?token=1', 'must not hold a query or a fragment'],
    ['https://example.com/p#f', 'must not hold a query or a fragment'],
    ['https://user@example.com', 'must not hold credentials'],
    ['https://:canary@example.com', 'must not hold credentials'],
  ] as const)
    t.strictSame(
      faultsOf(() => loadConfig({ TOMTOM_BASE_URL: address })),
      [`TOMTOM_BASE_URL: ${reason}`],
    )
})

t.test('a key comes from its variable or from a file', async (t) => {
  const dir = t.testdir({ key: ' from the file\n', empty: ' \n', folder: {} })
  t.equal(await loadConfig({ HERE_API_KEY: 'plain' }).HERE_API_KEY?.reveal(), 'plain')
  const { TOMTOM_API_KEY, TRAFFIC_PROVIDERS } = loadConfig({
    TOMTOM_API_KEY_FILE: join(dir, 'key'),
  })
  t.equal(await TOMTOM_API_KEY?.reveal(), 'from the file')
  t.strictSame(TRAFFIC_PROVIDERS, ['tomtom'])
  for (const [file, reason] of [
    ['empty', 'the file is empty'],
    ['missing', 'the file cannot be read'],
    ['folder', 'the file cannot be read'],
  ] as const)
    t.strictSame(
      faultsOf(() => loadConfig({ HERE_API_KEY_FILE: join(dir, file) })),
      [`HERE_API_KEY_FILE: ${reason}`],
    )
  t.strictSame(
    faultsOf(() => loadConfig({ HERE_API_KEY: 'canary', HERE_API_KEY_FILE: join(dir, 'key') })),
    ['HERE_API_KEY: set either HERE_API_KEY or HERE_API_KEY_FILE, not both'],
  )
})

t.test('a key file is read again when it changes', async (t) => {
  const file = join(t.testdir({ key: 'first' }), 'key')
  const key = loadConfig({ HERE_API_KEY_FILE: file }).HERE_API_KEY ?? Secret.of('none')
  t.equal(await key.reveal(), 'first')
  t.equal(await key.reveal(), 'first')
  writeFileSync(file, 'rotated\n')
  t.equal(await key.reveal(), 'rotated', 'another length')
  writeFileSync(file, 'ROTATED\n')
  utimesSync(file, 1_000_000, 1_000_000)
  t.equal(await key.reveal(), 'ROTATED', 'another time, the same length')
  writeFileSync(`${file}.new`, 'renamed\n')
  utimesSync(`${file}.new`, 1_000_000, 1_000_000)
  renameSync(`${file}.new`, file)
  t.equal(await key.reveal(), 'renamed', 'another file, the same time and length')
  t.equal(
    key.redact('rotated ROTATED renamed first'),
    '[REDACTED] [REDACTED] [REDACTED] [REDACTED]',
    'a call that began before the rotation may still repeat the key of then',
  )
})

t.test('the last key stands while its file is missing or empty', async (t) => {
  const file = join(t.testdir({ key: 'first' }), 'key')
  const key = Secret.fromFile(file, ' first\n')
  rmSync(file)
  t.equal(await key.reveal(), 'first')
  writeFileSync(file, '\n')
  t.equal(await key.reveal(), 'first')
  writeFileSync(file, 'second')
  t.equal(await key.reveal(), 'second', 'and it is read when it comes back')
})

t.test('a secret does not show, however the configuration is printed', async (t) => {
  const file = join(t.testdir({ key: 'canary from a file' }), 'key')
  const config = loadConfig({ HERE_API_KEY: 'canary', TOMTOM_API_KEY_FILE: file })
  const { HERE_API_KEY: here, TOMTOM_API_KEY: tomtom } = config
  await tomtom?.reveal()
  for (const text of [
    String(here),
    `${here} ${tomtom}`,
    JSON.stringify(config),
    JSON.stringify({ deep: [here, tomtom] }),
    inspect(config, { depth: null, showHidden: true }),
    inspect([here, tomtom], { depth: null, showHidden: true, customInspect: false }),
    format('%s %o %O %j', here, here, config, tomtom),
    Object.entries(here ?? {}).join(),
  ])
    t.notMatch(text, /canary/)
  t.equal(`${here}`, '[REDACTED]')
  t.equal(JSON.stringify({ here }), '{"here":"[REDACTED]"}')
  t.equal(inspect({ tomtom }), '{ tomtom: [REDACTED] }')
})

t.test('redact takes out every occurrence, also as it stands in a URL', async (t) => {
  const key = Secret.of('a+b/c=$&')
  t.equal(
    key.redact('a+b/c=$& ?key=a%2Bb%2Fc%3D%24%26&x=a+b/c=$& end'),
    '[REDACTED] ?key=[REDACTED]&x=[REDACTED] end',
  )
  t.equal(key.redact('nothing to hide'), 'nothing to hide')
  const odd = 'it (is) ~ "a/b"!'
  const url = new URL('http://a/')
  url.searchParams.set('key', odd)
  for (const text of [odd, url.href, JSON.stringify(odd), odd.replace('/', '\\/')]) {
    t.match(Secret.of(odd).redact(text), /\[REDACTED\]/, text)
    t.notMatch(Secret.of(odd).redact(text), /is\)/, text)
  }
})

t.test('without a URL the database is in the data folder', async (t) => {
  t.strictSame(databasePlace(loadConfig({})), { dataDir: './data' })
  t.strictSame(databasePlace(loadConfig({ DATA_DIR: '/mnt/disk' })), { dataDir: '/mnt/disk' })
})

t.test('with a URL it is on that server, with the limits that are set', async (t) => {
  const url = 'postgres://user:canary@h/d'
  const dir = t.testdir({ url: ` ${url}\n`, 'ca.pem': 'a certificate' })
  const usual = databasePlace(loadConfig({ DATABASE_URL: url, DATA_DIR: '/mnt/disk' }))
  t.match(usual, {
    tls: null,
    caFile: null,
    poolSize: 10,
    connectTimeoutMs: 5000,
    queryTimeoutMs: 30_000,
    keepAliveMs: 30_000,
  })
  const place = databasePlace(
    loadConfig({
      DATABASE_URL_FILE: join(dir, 'url'),
      DATABASE_TLS: 'verify-full',
      DATABASE_CA_FILE: join(dir, 'ca.pem'),
      DATABASE_POOL_SIZE: '3',
      DATABASE_CONNECT_TIMEOUT_SECONDS: '1',
      DATABASE_QUERY_TIMEOUT_SECONDS: '60',
      DATABASE_KEEPALIVE_SECONDS: '15',
    }),
  )
  t.match(place, {
    tls: 'verify-full',
    caFile: join(dir, 'ca.pem'),
    poolSize: 3,
    connectTimeoutMs: 1000,
    queryTimeoutMs: 60_000,
    keepAliveMs: 15_000,
  })
  for (const each of [usual, place]) {
    t.equal('url' in each && (await each.url.reveal()), url)
    t.notMatch(inspect(each, { depth: null, showHidden: true }), /canary/)
    t.notMatch(JSON.stringify(each), /canary/)
  }
})

t.test('a fault of the database settings is told without the URL', async (t) => {
  const dir = t.testdir({
    url: 'postgres://user:canary@h/d\n',
    wrong: 'postgres://user:canary@h\n',
    empty: '\n',
    folder: {},
  })
  const url = 'postgres://user:canary@h/d'
  for (const [environment, fault] of [
    [
      { DATABASE_URL: 'mysql://user:canary@h/d' },
      'DATABASE_URL: must be postgres://user:password@host:port/database',
    ],
    [{ DATABASE_URL: `${url}?sslmode=canary` }, /^DATABASE_URL: sslmode must be one of disable, /],
    [{ DATABASE_URL_FILE: join(dir, 'wrong') }, 'DATABASE_URL_FILE: must name a database'],
    [{ DATABASE_URL_FILE: join(dir, 'empty') }, 'DATABASE_URL_FILE: the file is empty'],
    [{ DATABASE_URL_FILE: join(dir, 'missing') }, 'DATABASE_URL_FILE: the file cannot be read'],
    [
      { DATABASE_URL: url, DATABASE_URL_FILE: join(dir, 'url') },
      'DATABASE_URL: set either DATABASE_URL or DATABASE_URL_FILE, not both',
    ],
    [{ DATABASE_CA_FILE: join(dir, 'missing') }, 'DATABASE_CA_FILE: the file cannot be read'],
    [{ DATABASE_CA_FILE: join(dir, 'folder') }, 'DATABASE_CA_FILE: the file cannot be read'],
    [{ DATABASE_TLS: 'canary' }, /^DATABASE_TLS: .*disable.*require.*verify-full/],
    [{ DATABASE_POOL_SIZE: '0' }, 'DATABASE_POOL_SIZE: must be at least 1'],
  ] as const) {
    const faults = faultsOf(() => loadConfig(environment))
    t.equal(faults.length, 1, String(fault))
    t.match(faults[0], fault)
    t.notMatch(faults[0], /canary/)
  }
})

t.test('budgets have a limit by the hour unless it is taken away', async (t) => {
  const limitsOf = (config: Readonly<Config>) =>
    Object.entries(config).filter(([name]) => name.includes('_QUOTA_'))
  t.strictSame(limitsOf(loadConfig({})), [
    ['HERE_QUOTA_PER_HOUR', 2500],
    ['HERE_QUOTA_PER_DAY', null],
    ['HERE_QUOTA_PER_MONTH', null],
    ['TOMTOM_QUOTA_PER_HOUR', 2500],
    ['TOMTOM_QUOTA_PER_DAY', null],
    ['TOMTOM_QUOTA_PER_MONTH', null],
  ])
  for (const name of NAMES.filter((name) => name.includes('_QUOTA_'))) {
    const read = (value: string) =>
      new Map<string, unknown>(limitsOf(loadConfig({ [name]: value }))).get(name)
    t.equal(read('none'), null)
    t.equal(read('1'), 1)
    t.equal(read('999999999'), 999_999_999)
    for (const [value, reason] of [
      ['0', 'must be at least 1'],
      ['-1', 'must be a whole number, or none'],
      ['2.5', 'must be a whole number, or none'],
      ['None', 'must be a whole number, or none'],
      ['unlimited', 'must be a whole number, or none'],
      ['1000000000', 'must be a whole number, or none'],
    ] as const)
      t.strictSame(
        faultsOf(() => loadConfig({ [name]: value })),
        [`${name}: ${reason}`],
        value,
      )
  }
})

t.test('every provider has the budget and the address that are set for it', async (t) => {
  const { log, lines } = listenedLog()
  const config = loadConfig({
    HERE_BASE_URL: 'http://127.0.0.1:1/here',
    HERE_QUOTA_PER_HOUR: '5',
    HERE_QUOTA_PER_DAY: '6',
    HERE_QUOTA_PER_MONTH: '7',
    TOMTOM_BASE_URL: 'http://127.0.0.1:1/tomtom',
    TOMTOM_QUOTA_PER_HOUR: 'none',
    TOMTOM_QUOTA_PER_DAY: '1',
    MIN_INTERVAL_SECONDS: '3600',
  })
  const store = new MemoryStore()
  const guardOf = guardsBy(config, store, 'this-process', log)
  const [here, tomtom] = [guardOf('here'), guardOf('tomtom')]
  t.equal(here.address.href, 'http://127.0.0.1:1/here/')
  t.equal(tomtom.address.href, 'http://127.0.0.1:1/tomtom/')
  const limits = async ({ budget }: typeof here) =>
    (await budget.use()).map(({ window }) => window.limit)
  t.strictSame(await limits(here), [5, 6, 7])
  t.strictSame(await limits(tomtom), [null, 1, null])
  await tomtom.budget.take()
  t.match(lines, [{ provider: 'tomtom', period: 'day' }], 'its lines name it')
  await store.holdLease('this-process', Date.now(), 60_000)
  const roundMs = Date.now()
  t.equal(await here.budget.claim(roundMs), true)
  t.equal(await here.budget.claim(roundMs + 3_599_999), false, 'the least interval is its own')
  t.equal(await here.budget.claim(roundMs + 3_600_000), true)
})

t.test('what replicas share is in the database unless a Redis server is named', async (t) => {
  const usual = loadConfig({})
  t.equal(usual.REDIS_URL, null)
  t.equal(usual.LEASE_SECONDS, 5)
  const url = 'rediss://user:canary@h:6380/2'
  const dir = t.testdir({ url: ` ${url}\n` })
  const named = loadConfig({ REDIS_URL: url, LEASE_SECONDS: '300' })
  t.equal(await named.REDIS_URL?.reveal(), url)
  t.equal(named.LEASE_SECONDS, 300)
  const { REDIS_URL } = loadConfig({ REDIS_URL_FILE: join(dir, 'url') })
  t.equal(await REDIS_URL?.reveal(), url)
  t.notMatch(inspect(named, { depth: null, showHidden: true }), /canary/)
})

t.test('without a list of keys no client has one', async (t) => {
  t.equal(loadConfig({}).API_KEYS, null)
  const list = 'panel:read:canary-0123456789, ops:admin:canary:with:colons'
  const dir = t.testdir({ keys: `${list}\n` })
  const config = loadConfig({ API_KEYS: list })
  t.equal(await config.API_KEYS?.reveal(), list)
  t.equal(await loadConfig({ API_KEYS_FILE: join(dir, 'keys') }).API_KEYS?.reveal(), list)
  t.notMatch(inspect(config, { depth: null, showHidden: true }), /canary/)
})

t.test('a fault of what is shared or of a key is told without any secret', async (t) => {
  const dir = t.testdir({
    url: 'redis://user:canary@h\n',
    wrong: 'redis://user:canary@h?db=1\n',
    keys: 'panel:read:canary\n',
    empty: '\n',
  })
  const at = (file: string): string => join(dir, file)
  const secret = 'canary-0123456789'
  const form = 'must be a list of name:scope:secret with the scopes read, write, admin'
  for (const [environment, fault] of [
    [{ REDIS_URL: 'canary' }, /^REDIS_URL: must be redis:\/\/user:password@host:port\/number/],
    [{ REDIS_URL: 'http://user:canary@h' }, /^REDIS_URL: must be redis:/],
    [{ REDIS_URL: 'redis://user:canary@h/x' }, 'REDIS_URL: must name the database by its number'],
    [{ REDIS_URL_FILE: at('wrong') }, 'REDIS_URL_FILE: takes no parameters'],
    [{ REDIS_URL_FILE: at('empty') }, 'REDIS_URL_FILE: the file is empty'],
    [{ REDIS_URL_FILE: at('missing') }, 'REDIS_URL_FILE: the file cannot be read'],
    [
      { REDIS_URL: 'redis://user:canary@h', REDIS_URL_FILE: at('url') },
      'REDIS_URL: set either REDIS_URL or REDIS_URL_FILE, not both',
    ],
    [{ LEASE_SECONDS: '0' }, 'LEASE_SECONDS: must be at least 1'],
    [{ LEASE_SECONDS: '301' }, 'LEASE_SECONDS: must be at most 300'],
    [{ API_KEYS: secret }, `API_KEYS: ${form}`],
    [{ API_KEYS: `panel:${secret}` }, `API_KEYS: ${form}`],
    [{ API_KEYS: `panel:owner:${secret}` }, `API_KEYS: ${form}`],
    [{ API_KEYS: `panel:read:${secret},` }, `API_KEYS: ${form}`],
    [{ API_KEYS: `two words:read:${secret}` }, `API_KEYS: ${form}`],
    [{ API_KEYS_FILE: at('keys') }, 'API_KEYS_FILE: every secret must have at least 16 characters'],
    [{ API_KEYS: `a:read:${secret},a:write:${secret}x` }, 'API_KEYS: must not name one twice'],
    [{ API_KEYS_FILE: at('empty') }, 'API_KEYS_FILE: the file is empty'],
    [{ API_KEYS_FILE: at('missing') }, 'API_KEYS_FILE: the file cannot be read'],
    [
      { API_KEYS: `a:read:${secret}`, API_KEYS_FILE: at('keys') },
      'API_KEYS: set either API_KEYS or API_KEYS_FILE, not both',
    ],
  ] as const) {
    const faults = faultsOf(() => loadConfig(environment))
    t.equal(faults.length, 1, String(fault))
    t.match(faults[0], fault)
    t.notMatch(faults[0], /canary/)
  }
})

const ids = (corridors: readonly { readonly id: string }[]) => corridors.map(({ id }) => id)

t.test(
  'corridor files are served beside the built-in one, in the order of their names',
  async (t) => {
    const dir = t.testdir({
      'b.json': JSON.stringify(STRAIGHT_FILE),
      'a.json': JSON.stringify({ ...STRAIGHT_FILE, id: 'other' }),
      'notes.txt': 'not a corridor',
    })
    t.strictSame(ids(loadCorridors(undefined, undefined)), ['ayalon'])
    t.strictSame(ids(loadCorridors(dir, undefined)), ['ayalon', 'other', 'straight'])
    t.strictSame(loadCorridors(dir, ['straight']), [STRAIGHT])
    t.strictSame(ids(loadCorridors(dir, ['straight', 'ayalon'])), ['ayalon', 'straight'])
    t.strictSame(loadCorridors(undefined, ['ayalon']), [AYALON])
    t.strictSame(
      faultsOf(() => loadCorridors(dir, ['ayalon', 'nowhere'])),
      ['CORRIDORS: there is no corridor "nowhere"'],
    )
  },
)

t.test('every fault of every corridor file is named', async (t) => {
  const { name: _, ...nameless } = STRAIGHT_FILE
  const files = {
    'again.json': JSON.stringify({ ...STRAIGHT_FILE, id: 'ayalon' }),
    'broken.json': '{ "id": ',
    'folder.json': {},
    'list.json': '[]',
    'nameless.json': JSON.stringify({ ...nameless, colour: 'red', postedLimitKmh: 500 }),
    'one.json': JSON.stringify(STRAIGHT_FILE),
    'reversed.json': JSON.stringify(REVERSED_FILE),
    'two.json': JSON.stringify(STRAIGHT_FILE),
  }
  const dir = t.testdir(files)
  const faults = faultsOf(() => loadCorridors(dir, undefined))
  const of = (file: string): string[] =>
    faults.flatMap((fault) =>
      fault.startsWith(`${join(dir, file)}: `) ? [fault.slice(join(dir, file).length + 2)] : [],
    )
  t.strictSame(of('again.json'), ['there is another corridor "ayalon"'])
  t.strictSame(of('broken.json'), ['is not JSON'])
  t.strictSame(of('folder.json'), ['cannot be read'])
  t.equal(of('list.json').length, 1)
  t.strictSame(of('one.json'), [], 'a good file has no fault')
  t.strictSame(of('two.json'), ['there is another corridor "straight"'])
  t.strictSame(of('reversed.json'), ['section "north-1" is reversed'])
  const shape = of('nameless.json')
  t.equal(shape.length, 3)
  t.ok(shape.some((fault) => fault.startsWith('name: ')))
  t.ok(shape.some((fault) => fault.startsWith('postedLimitKmh: ')))
  t.ok(shape.some((fault) => fault.includes('colour')))
  t.equal(faults.length, 9, 'one line a fault')
})

t.test('a corridor file is the corridor, or what is wrong with it', async (t) => {
  const dir = t.testdir({ 'straight.json': JSON.stringify(STRAIGHT_FILE) })
  t.strictSame(readCorridor(join(dir, 'straight.json')), STRAIGHT)
  t.strictSame(readCorridor(join(dir, 'missing.json')), ['cannot be read'])
})

t.test('.env.example has every variable with its description and its default', async (t) => {
  const text = readFileSync(join(import.meta.dirname, '../../.env.example'), 'utf8')
  const found = new Map<string, { comment: string; value: string }>()
  let comment: string[] = []
  for (const line of text.split('\n')) {
    const [, name, value] = /^(?:# ?)?([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) {
      t.notOk(found.has(name), `${name} stands once`)
      found.set(name, { comment: comment.join(' '), value })
      comment = []
    } else if (line.startsWith('#')) comment.push(line.replace(/^#+ ?/, ''))
    else comment = []
  }
  t.strictSame([...found.keys()].sort(), NAMES.toSorted())
  const parse = (env: Record<string, string>): Map<string, unknown> =>
    new Map(Object.entries(environmentSchema.parse(env)))
  const defaults = parse({})
  for (const [name, schema] of Object.entries(environmentSchema.shape)) {
    const { comment, value = '' } = found.get(name) ?? {}
    t.ok(schema.description, `${name} is described`)
    t.equal(comment, schema.description, name)
    t.equal(
      value === '',
      ['', 'undefined'].includes(String(defaults.get(name))),
      `${name} states a default if it has one`,
    )
    if (value !== '')
      t.equal(String(parse({ [name]: value }).get(name)), String(defaults.get(name)), name)
  }
})
