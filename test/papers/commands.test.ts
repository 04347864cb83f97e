import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { newFolder } from '../helpers/databases.ts'
import { copyProject, type Fence, type Paper, papers, ROOT } from '../helpers/papers.ts'
import { closedPort } from '../helpers/ports.ts'
import { newDatabase, noPostgres, startPostgres } from '../helpers/postgres.ts'
import { newRedis, noRedis, startRedis } from '../helpers/redis.ts'
import { HERE_SAYS, startService } from '../helpers/service.ts'
import { standIn } from '../helpers/stand-in.ts'

/*
 * Every block of commands (```sh) in the papers is run as it stands: in order, in one shell a paper,
 * in a fresh copy of the project, but for what is replaced here. A paper that starts no service asks
 * one that runs already, with simulated speeds. A block that needs a container engine, a cluster or
 * systemd is marked `sh engine` and only read.
 */

/** What there is here in place of what a reader has. */
interface Stage {
  readonly port: number
  readonly metricsPort: number
  readonly secretFile: string
  readonly databaseUrl: string
  readonly redisUrl: string
}

const ADMIN_KEY = 'admin-of-the-papers-0123456789'

const replacements = (stage: Stage): readonly (readonly [what: RegExp, by: string])[] => [
  // The packages are linked, and their registry may be far: is the lockfile in step?
  [/\bnpm ci\b/g, 'npm ci --dry-run --offline'],
  // The tests would run themselves: are they found? Can the script be read?
  [/\bnpm test\b(?! --)/g, 'npm test -- list'],
  [/\bbash \.ci\/run\b/g, 'bash -n .ci/run'],
  // It serves in the background, until the next one or the end: see prelude.sh.
  [/\bnpm start\b/g, 'serve'],
  // A request that is meant to be refused says so: `curl … # 401`.
  [/^(curl .*# ([1-5]\d\d)\b)/gm, 'answers $2 $1'],
  // Ports that others may have here.
  [/:3000\b/g, `:${stage.port}`],
  [/\b9464\b/g, `${stage.metricsPort}`],
  // What is the reader's own: keys of clients; a provider's, for which a stand-in answers.
  [/(X-API-Key: |Bearer |:admin:)\.\.\./g, `$1${ADMIN_KEY}`],
  [/(_API_KEY=)\.\.\./g, '$1key-of-a-reader'],
  [/\/run\/secrets\/\w+/g, stage.secretFile],
  // Servers that the reader has.
  [/postgres:\/\/[^\s'"]+/g, stage.databaseUrl],
  [/redis:\/\/[^\s'"]+/g, stage.redisUrl],
]

const PRELUDE = readFileSync(resolve(import.meta.dirname, 'prelude.sh'), 'utf8')

const isRun = ({ info }: Fence): boolean => info === 'sh'
const isRead = ({ info }: Fence): boolean => info === 'sh engine'
/** The commands of a paper that are run, all of them. */
const said = ({ fences }: Paper): string =>
  fences
    .filter(isRun)
    .map(({ text }) => text)
    .join('\n')

const all = papers()
const usesPostgres = (paper: Paper): boolean => said(paper).includes('postgres://')
const usesRedis = (paper: Paper): boolean => said(paper).includes('redis://')

const postgres = all.some(usesPostgres) && !noPostgres() ? await startPostgres() : null
const redis = all.some(usesRedis) && !noRedis() ? await startRedis() : null
t.teardown(() => Promise.all([postgres?.stop(), redis?.stop()]))
t.testdir()
const headers = { 'content-type': 'application/json' }
const provider = await standIn(t, { headers, body: HERE_SAYS })
const sharedMetricsPort = await closedPort()
const shared = await startService(t, {
  API_KEYS: `ops:admin:${ADMIN_KEY}`,
  METRICS_PORT: String(sharedMetricsPort),
})

async function stageFor(t: Test, paper: Paper, folder: string): Promise<Stage> {
  const startsItsOwn = said(paper).includes('npm start')
  const secretFile = join(folder, 'secret')
  writeFileSync(secretFile, 'key-of-a-reader\n')
  return {
    port: startsItsOwn ? await closedPort() : shared.port,
    metricsPort: startsItsOwn ? await closedPort() : sharedMetricsPort,
    secretFile,
    databaseUrl: postgres === null ? '' : await newDatabase(postgres),
    redisUrl: redis === null ? '' : await newRedis(t, redis),
  }
}

/** Runs a script in bash, with few variables; how it ended and what it wrote. */
async function bash(script: string, folder: string, environment: Record<string, string>) {
  const { PATH = '', HOME = '' } = process.env
  const file = join(folder, 'script.sh')
  writeFileSync(file, script)
  const child = spawn('bash', ['-euo', 'pipefail', file], {
    cwd: join(folder, 'copy'),
    env: { PATH, HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((done) => child.once('close', done))
  const [out, err, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), ended])
  return { code, wrote: `${out.slice(-500)}\n${err.slice(-3000)}` }
}

/** Runs the commands of a paper; which of its blocks were run to their end, by their lines. */
async function run(t: Test, paper: Paper) {
  const folder = newFolder(t)
  copyProject(join(folder, 'copy'))
  const stage = await stageFor(t, paper, folder)
  const [pids, done] = [join(folder, 'pids'), join(folder, 'done')]
  for (const file of [pids, done]) writeFileSync(file, '')
  const lines = (file: string): string[] => readFileSync(file, 'utf8').trim().split('\n')
  t.teardown(() => {
    // What a paper's shell started and did not end itself, as when it was killed.
    for (const pid of lines(pids)) if (pid !== '') killGroup(Number(pid))
  })
  const blocks = paper.fences.filter(isRun).map(({ text, line }) => {
    const file = join(folder, `${line}.sh`)
    const rules = replacements(stage)
    writeFileSync(
      file,
      rules.reduce((rest, [what, by]) => rest.replaceAll(what, by), text),
    )
    return `. ${file}\necho ${line} >> ${done}\n`
  })
  const { code, wrote } = await bash(`${PRELUDE}\n${blocks.join('')}`, folder, {
    WORK: folder,
    PORT: String(stage.port),
    HERE_BASE_URL: provider.baseUrl.href,
    TOMTOM_BASE_URL: provider.baseUrl.href,
  })
  return { code, wrote, done: lines(done).filter((line) => line !== '') }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

/** Why the commands of a paper cannot be run here; false when they can. */
const cannotRun = (paper: Paper): string | false =>
  (usesPostgres(paper) && noPostgres()) || (usesRedis(paper) && noRedis())

for (const paper of all) {
  const blocks = paper.fences.filter(isRun)
  if (blocks.length === 0) continue
  t.test(`${paper.path}: its commands work`, { skip: cannotRun(paper) }, async (t) => {
    const { code, wrote, done } = await run(t, paper)
    const wanted = blocks.map(({ line }) => String(line))
    t.strictSame(done, wanted, 'blocks run to their end, by their lines', { wrote })
    t.equal(code, 0, 'the shell ended well', { wrote })
  })
}

const FOLDERS = /(?:^|[\s='"])((?:deploy|docs|scripts|src|migrations)\/[\w./-]+)/g

t.test(
  'commands that need an engine can be read, and the files that they name exist',
  async (t) => {
    for (const paper of all)
      for (const { text, line } of paper.fences.filter(isRead)) {
        const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' })
        t.equal(status, 0, `${paper.path}:${line} ${stderr}`)
        for (const [, file = ''] of text.matchAll(FOLDERS))
          t.ok(existsSync(join(ROOT, file)), `${paper.path}:${line} names ${file}`)
      }
  },
)

t.test('no block of commands hides from these tests', async (t) => {
  for (const paper of all) {
    const opened = paper.text.match(/^ *```(?:sh|bash|shell|console|zsh)\b/gm) ?? []
    const known = paper.fences.filter((fence) => isRun(fence) || isRead(fence))
    t.equal(opened.length, known.length, paper.path)
    t.comment(
      `${paper.path}: ${known.filter(isRun).length} run, ${known.filter(isRead).length} read`,
    )
  }
  t.ok(all.some(({ path, fences }) => path === 'README.md' && fences.some(isRun)))
})
