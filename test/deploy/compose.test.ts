import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { DCLinter } from 'dclint'
import t from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import pkg from '../../package.json' with { type: 'json' }
import { environmentSchema } from '../../src/config/environment.ts'
import { loadConfig } from '../../src/config/setup.ts'
import { STOP_MS } from '../../src/stop-bounds.ts'
import { parsePostgresUrl } from '../../src/storage/database/postgres-url.ts'
import { parseRedisUrl } from '../../src/storage/shared/redis-url.ts'
import { type ComposeService, graceOf, readCompose, unescaped } from '../helpers/compose.ts'
import { readDockerfile } from '../helpers/image/dockerfile.ts'
import { closedPort } from '../helpers/ports.ts'
import { noPrometheus } from '../helpers/prometheus.ts'
import { noOwnRedis } from '../helpers/redis.ts'

const CHECKOUT = resolve(import.meta.dirname, '../..')
const FILE = join(CHECKOUT, 'docker-compose.yml')
const compose = readCompose(FILE)
const services = Object.entries(compose.services)
const ours = services.filter(([, { build }]) => build !== undefined)
const others = services.filter(([, { build }]) => build === undefined)

const readYaml = (path: string): unknown => parse(readFileSync(join(CHECKOUT, path), 'utf8'))

function serviceOf(name: string): ComposeService {
  const service = compose.services[name]
  if (service === undefined) throw new Error(`there is no service ${name}`)
  return service
}

/** After the bounds of a stop the process is cut so much later, s: src/commands/stop-with-grace.ts. */
const SLACK_SECONDS = 2

/** What the image listens on, by the variables that Compose sets. */
const portsOf = ({ environment }: ComposeService): (string | undefined)[] => [
  environment.PORT,
  environment.METRICS_PORT,
]

/** What a file says that is valid against the specification; its faults, none when it is. */
function faultsOf(content: unknown): unknown {
  const schema = 'node_modules/dclint/schemas/compose.schema.json'
  const ajv = formats.default(new Ajv({ strict: false, allErrors: true }))
  // The name of its draft is not quite that by which ajv knows it.
  const { $schema, ...rest } = JSON.parse(readFileSync(join(CHECKOUT, schema), 'utf8'))
  t.match($schema, /draft-07/)
  const validate = ajv.compile(rest)
  validate(content)
  return validate.errors
}

/** The secrets as the script makes them, in a checkout of their own. */
function makeSecrets(folder: string): { readonly secrets: string; readonly said: string } {
  const script = join(folder, 'deploy/compose/secrets.sh')
  mkdirSync(join(folder, 'deploy/compose'), { recursive: true })
  copyFileSync(join(CHECKOUT, 'deploy/compose/secrets.sh'), script)
  const said = execFileSync('sh', [script], { encoding: 'utf8' })
  return { secrets: join(folder, 'secrets'), said }
}

t.test('the file is valid against the Compose specification', async (t) => {
  t.strictSame(faultsOf(compose.content), null)
  const linter = new DCLinter({
    rules: {
      // Our order is that of what depends on what, and of what matters.
      'service-keys-order': 0,
      'services-alphabetical-order': 0,
      'top-level-properties-order': 0,
    },
    quiet: false,
    debug: false,
    exclude: [],
  })
  const found: readonly { readonly messages: unknown[] }[] = linter.lintFiles([FILE], false)
  t.strictSame(
    found.flatMap(({ messages }) => messages),
    [],
  )
})

t.test('each profile has its services, and the API alone needs nothing', async (t) => {
  const byProfile = Object.groupBy(services, ([, { profiles }]) => profiles.join())
  const names = Object.entries(byProfile).map(([profile, of = []]) => [profile, of.map(([n]) => n)])
  t.strictSame(Object.fromEntries(names), {
    alone: ['api'],
    full: ['api-shared', 'migrate', 'postgres', 'redis'],
    watch: ['prometheus', 'grafana'],
  })
  t.match(serviceOf('api'), { depends_on: {}, secrets: [] })
  const config = loadConfig(serviceOf('api').environment)
  t.match(config, { DATABASE_URL: null, REDIS_URL: null, PORT: 3000, METRICS_PORT: 9464 })
  // Compose reads the variables of every profile: one without a default would hold up the API.
  const variables = [...compose.text.matchAll(/^[^#\n]*?\$\{([^}]+)\}/gm)].map(([, form]) => form)
  t.ok(variables.length > 0)
  for (const form of variables) t.match(form, /^[A-Z_]+:-\d+$/)
})

t.test('no secret is in the file: each is read from a file that the script makes', async (t) => {
  const { secrets, said } = makeSecrets(t.testdir())
  const made = readdirSync(secrets).toSorted()
  t.strictSame(made, Object.keys(compose.secrets).toSorted())
  for (const [name, { file }] of Object.entries(compose.secrets)) t.equal(file, `./secrets/${name}`)
  const used = services.flatMap(([, service]) => service.secrets)
  t.strictSame([...new Set(used)].toSorted(), made)
  for (const [name, { environment, ...service }] of services)
    for (const [variable, value] of Object.entries(environment)) {
      if (!/PASSWORD|SECRET|TOKEN|KEY|PEPPER|_URL/.test(variable)) continue
      t.match(variable, /_FILE$/, name)
      t.ok(
        service.secrets.some((secret) => value === `/run/secrets/${secret}`),
        value,
      )
    }
  t.equal(statSync(secrets).mode & 0o777, 0o700)
  const read = () => made.map((name) => readFileSync(join(secrets, name), 'utf8'))
  const before = read()
  for (const value of before) t.match(value, /[0-9a-f]{64}/)
  for (const value of before) t.notOk(said.includes(value))
  t.equal(new Set(before.flatMap((value) => value.match(/[0-9a-f]{64}/) ?? [])).size, 4)
  rmSync(join(secrets, 'grafana-password'))
  t.match(makeSecrets(join(secrets, '..')).said, /grafana-password was made/)
  const changed = read().flatMap((value, at) => (value === before[at] ? [] : [made[at]]))
  t.strictSame(changed, ['grafana-password'])
})

t.test('the service takes the variables that it is given', async (t) => {
  const { secrets } = makeSecrets(t.testdir())
  const secret = (name: string) => readFileSync(join(secrets, name), 'utf8')
  const known = Object.keys(environmentSchema.shape)
  for (const [name, { environment }] of ours) {
    t.strictSame(
      Object.keys(environment).filter((variable) => !known.includes(variable)),
      [],
      name,
    )
    const inside = (folder: string) =>
      Object.fromEntries(
        Object.entries(environment).map(([variable, value]) => [
          variable,
          value.replace(/^\/run\/secrets(?=\/)/, folder),
        ]),
      )
    t.match(loadConfig(inside(secrets)), { HOST: '0.0.0.0', DATA_DIR: '/data' }, name)
    for (const [variable, value] of Object.entries(environment))
      if (value.startsWith('/run/secrets/'))
        t.throws(() => loadConfig(inside('/nowhere')), { message: new RegExp(variable) })
  }
  const { environment } = serviceOf('postgres')
  t.strictSame(parsePostgresUrl(secret('database-url')), {
    host: 'postgres',
    port: 5432,
    user: environment.POSTGRES_USER,
    password: secret('postgres-password'),
    database: environment.POSTGRES_DB,
    tls: 'disable',
  })
  t.strictSame(parseRedisUrl(secret('redis-url')), {
    host: 'redis',
    port: 6379,
    username: '',
    password: secret('redis-password'),
    db: 0,
    tls: undefined,
  })
})

t.test('every service is confined', async (t) => {
  for (const [name, service] of services) {
    t.match(
      service,
      { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] },
      name,
    )
    const { cpus, memory } = service.deploy.resources.limits
    t.match(`${cpus} ${memory}`, /^[\d.]+ \d+[MG]$/, name)
    t.match(service.logging.options, { 'max-size': /^\d+m$/, 'max-file': /^\d+$/ }, name)
    for (const port of service.ports) t.match(port, /^127\.0\.0\.1:/, name)
    t.notOk(
      service.volumes.some((volume) => volume.includes('docker.sock')),
      name,
    )
  }
  t.strictSame(compose.networks, { stores: { internal: true } })
  for (const store of ['postgres', 'redis'])
    t.match(serviceOf(store), { networks: ['stores'], ports: [] }, store)
})

/** As whom a service runs where its image does not say it, and where it may write beside its volumes. */
const ROOMS: Readonly<Record<string, { readonly user?: string; readonly tmpfs: string[] }>> = {
  // Users of the images: 1000 of ours, nobody of Prometheus', 472 of Grafana's.
  api: { tmpfs: [] },
  'api-shared': { tmpfs: [] },
  migrate: { tmpfs: ['/data'] },
  prometheus: { tmpfs: [] },
  grafana: { tmpfs: ['/tmp'] },
  // These two start as root and change to their user, which no one can without capabilities.
  postgres: { user: 'postgres', tmpfs: ['/run/postgresql', '/tmp'] },
  redis: { user: 'redis', tmpfs: [] },
}

t.test('every service runs as a user, and may write where it must', async (t) => {
  const rooms = services.map(([name, { user, tmpfs }]) => [
    name,
    user === undefined ? { tmpfs } : { user, tmpfs },
  ])
  t.strictSame(Object.fromEntries(rooms), ROOMS)
  const kept = services.map(([name, { volumes }]) => [
    name,
    volumes.filter((volume) => !volume.startsWith('.')).map((volume) => volume.split(':')[1]),
  ])
  t.strictSame(Object.fromEntries(kept), {
    api: ['/data'],
    'api-shared': ['/data'],
    migrate: [],
    postgres: ['/var/lib/postgresql'],
    redis: ['/data'],
    prometheus: ['/prometheus'],
    grafana: ['/var/lib/grafana'],
  })
})

t.test('a stop has the time that it may take, behind a proxy too', async (t) => {
  const proxy = readFileSync(join(CHECKOUT, 'deploy/haproxy/haproxy.cfg'), 'utf8')
  const [, wait] = /DRAIN_WAIT_SECONDS=(\d+)/.exec(proxy) ?? []
  for (const [name, service] of ours)
    t.ok(graceOf(service) >= STOP_MS / 1000 + SLACK_SECONDS + Number(wait) + 1, name)
  for (const store of ['postgres', 'redis', 'prometheus'])
    t.ok(graceOf(serviceOf(store)) >= 30, store)
})

const override = z.object({
  services: z.record(
    z.string(),
    z.looseObject({
      environment: z.record(z.string(), z.string()),
      secrets: z.array(z.string()),
      volumes: z.array(z.string()),
    }),
  ),
  secrets: z.record(z.string(), z.unknown()),
})

t.test('the override that the head shows can be copied', async (t) => {
  const [shown = ''] = /^# {3}services:\n(?:# {3}.*\n)+/m.exec(compose.text) ?? []
  const content: unknown = parse(shown.replaceAll(/^# {3}/gm, ''))
  t.strictSame(faultsOf(content), null)
  const { services: changed, secrets } = override.parse(content)
  t.strictSame(Object.keys(changed), ['api'])
  for (const [name, { environment, ...service }] of Object.entries(changed)) {
    t.strictSame(service.secrets, Object.keys(secrets))
    t.ok(name in compose.services)
    const places = [
      ...service.volumes.map((volume) => volume.split(':')[1]),
      ...service.secrets.map((secret) => `/run/secrets/${secret}`),
    ]
    t.strictSame(Object.values(environment).toSorted(), places.toSorted())
    for (const variable of Object.keys(environment))
      t.ok(variable in environmentSchema.shape, variable)
  }
})

t.test('what one service waits for can be told', async (t) => {
  for (const [name, { depends_on }] of services)
    for (const [on, { condition }] of Object.entries(depends_on)) {
      const { healthcheck, profiles } = serviceOf(on)
      t.strictSame(profiles, serviceOf(name).profiles, `${name} on ${on}`)
      if (condition === 'service_healthy') t.ok(healthcheck?.test, on)
      else t.equal(condition, 'service_completed_successfully')
    }
  // What the images of others have: BusyBox's wget in Prometheus' and Grafana's.
  for (const [name, url] of [
    ['prometheus', 'http://127.0.0.1:9090/-/ready'],
    ['grafana', 'http://127.0.0.1:3000/api/health'],
  ] as const)
    t.strictSame(serviceOf(name).healthcheck?.test, ['CMD', 'wget', '-q', '-O', '/dev/null', url])
  const { POSTGRES_USER, POSTGRES_DB } = serviceOf('postgres').environment
  // Its own port, which is what it asks when none is said.
  t.strictSame(serviceOf('postgres').healthcheck?.test, [
    'CMD',
    'pg_isready',
    '--host=127.0.0.1',
    `--username=${POSTGRES_USER}`,
    `--dbname=${POSTGRES_DB}`,
  ])
  t.match(serviceOf('migrate').command, ['node', 'src/main.ts', 'migrate', 'up'])
  t.equal(serviceOf('migrate').healthcheck?.disable, true)
})

t.test('images are of this version, or pinned by version and digest', async (t) => {
  for (const [name, { image }] of ours) t.equal(image, `${pkg.name}:${pkg.version}`, name)
  for (const [name, { image }] of others)
    t.match(image, /^[a-z]+(\/[a-z]+)?:v?\d+\.\d+(\.\d+)?(-trixie)?@sha256:[0-9a-f]{64}$/, name)
})

t.test('ports, volumes and mounted files are there', async (t) => {
  const image = readDockerfile(join(CHECKOUT, 'Dockerfile')).stages.at(-1)?.steps ?? []
  const exposed = image.find(({ keyword }) => keyword === 'EXPOSE')?.text.split(' ')
  for (const [name, service] of ours) {
    t.strictSame(portsOf(service), exposed, name)
    for (const port of service.ports) t.match(port, new RegExp(`:${exposed?.[0]}$`))
  }
  for (const [name, { volumes }] of services)
    for (const [source = '', , mode] of volumes.map((volume) => volume.split(':'))) {
      if (!source.startsWith('.')) t.ok(source in compose.volumes, `${name}: ${source}`)
      else {
        t.ok(existsSync(join(CHECKOUT, source)), `${name}: ${source}`)
        t.equal(mode, 'ro')
      }
    }
})

const scrapeConfig = z.object({
  scrape_configs: z.tuple([
    z.looseObject({
      job_name: z.string(),
      dns_sd_configs: z.tuple([z.looseObject({ names: z.array(z.string()), port: z.number() })]),
    }),
    z.unknown(),
  ]),
})

t.test(
  'Prometheus takes its settings, and scrapes either API',
  { skip: noPrometheus() },
  async (t) => {
    const file = 'deploy/prometheus/prometheus.yml'
    const { stdout, status } = spawnSync('promtool', ['check', 'config', file], {
      cwd: CHECKOUT,
      encoding: 'utf8',
    })
    t.equal(status, 0, stdout)
    t.match(stdout, /rules\/alerts\.yml/)
    t.ok(serviceOf('prometheus').volumes.includes('./deploy/prometheus:/etc/prometheus:ro'))
    const { scrape_configs } = scrapeConfig.parse(readYaml(file))
    const [{ job_name, dns_sd_configs }] = scrape_configs
    const rules = readFileSync(join(CHECKOUT, 'deploy/prometheus/rules/alerts.yml'), 'utf8')
    t.match(rules, `job="${job_name}"`)
    t.strictSame(dns_sd_configs[0].names, ['api', 'api-shared'])
    for (const name of dns_sd_configs[0].names)
      t.equal(serviceOf(name).environment.METRICS_PORT, String(dns_sd_configs[0].port))
  },
)

const provisioned = z.object({
  source: z.object({ datasources: z.tuple([z.looseObject({ uid: z.string(), url: z.string() })]) }),
  boards: z.object({
    providers: z.tuple([z.looseObject({ options: z.object({ path: z.string() }) })]),
  }),
})

t.test('Grafana finds its data and its dashboards', async (t) => {
  const folder = 'deploy/grafana/provisioning'
  const { source, boards } = provisioned.parse({
    source: readYaml(`${folder}/datasources/prometheus.yml`),
    boards: readYaml(`${folder}/dashboards/ayalon.yml`),
  })
  const { volumes } = serviceOf('grafana')
  t.ok(volumes.includes(`./${folder}:/etc/grafana/provisioning:ro`))
  t.ok(volumes.includes(`./deploy/grafana/dashboards:${boards.providers[0].options.path}:ro`))
  const [{ url, uid }] = source.datasources
  t.equal(uid, 'prometheus')
  t.equal(url, 'http://prometheus:9090')
  t.match(serviceOf('prometheus').ports, [/:9090$/])
})

t.test(
  'Redis takes its password from the file, and is healthy',
  { skip: noOwnRedis() },
  async (t) => {
    const folder = t.testdir({ data: {} })
    const { secrets } = makeSecrets(folder)
    const port = await closedPort()
    const { command, healthcheck } = serviceOf('redis')
    const here = (text: string): string =>
      unescaped(text)
        .replaceAll('/run/secrets', secrets)
        .replace('dir /data', `dir ${join(folder, 'data')}\nport ${port}\nbind 127.0.0.1`)
        .replace('redis-cli', `redis-cli -p ${port}`)
    const [shell = '', ...words] = command.map(here)
    const child = spawn(shell, words, { stdio: 'ignore' })
    const ended = once(child, 'exit')
    t.teardown(() => {
      child.kill('SIGKILL')
      return ended
    })
    const [, check = ''] = (healthcheck?.test ?? []).map(here)
    const ask = (line: string) => spawnSync('sh', ['-c', line], { encoding: 'utf8' })
    while (ask(check).status !== 0 && child.exitCode === null) await sleep(50)
    t.equal(ask(check).stdout, 'PONG\n')
    t.match(ask(`redis-cli -p ${port} ping`).stdout, /NOAUTH/)
    const auth = check.replace(/ redis-cli.*/, '')
    const config = ask(`${auth} redis-cli -p ${port} config get 'maxmemory*'`).stdout
    t.match(config, /maxmemory-policy\nnoeviction/)
    t.match(ask(`${auth} redis-cli -p ${port} config get appendonly`).stdout, /yes/)
    const processes = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')
    t.match(processes, /redis-server/)
    t.notOk(processes.includes(readFileSync(join(secrets, 'redis-password'), 'utf8')))
    child.kill('SIGTERM')
    t.strictSame(await ended, [0, null])
    rmSync(join(secrets, 'redis-password'))
    t.equal(spawnSync(shell, words, { stdio: 'ignore' }).status, 1)
  },
)
