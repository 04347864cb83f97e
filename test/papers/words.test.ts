import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import pkg from '../../package.json' with { type: 'json' }
import { papers, ROOT } from '../helpers/papers.ts'
import { startService } from '../helpers/service.ts'
import { runTool } from '../openapi/run-tool.ts'

const all = papers()
const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

t.test(
  'docs/configuration.md is in step with the schema; `npm run configuration` writes it',
  async (t) => {
    const { code, stdout, stderr } = await runTool('scripts/configuration.ts', [])
    t.equal(code, 0, stderr)
    t.equal(stdout, textOf('docs/configuration.md'))
  },
)

/** How a heading is named in a link. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

t.test('what a paper links to is there', async (t) => {
  for (const { path, text } of all)
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?|mailto):/.test(target)) continue
      const [file = '', anchor = ''] = target.split('#')
      const named = file === '' ? path : join(dirname(path), file)
      if (!t.ok(existsSync(join(ROOT, named)), `${path}: ${target}`) || anchor === '') continue
      const headings = [...textOf(named).matchAll(/^#+ (.*)$/gm)].map(([, one = '']) =>
        anchorOf(one),
      )
      t.ok(headings.includes(anchor), `${path}: ${target}`)
    }
})

t.test('every `npm run` that a paper names is a script', async (t) => {
  for (const { path, text } of all)
    for (const [, name = ''] of text.matchAll(/\bnpm run (?:--silent )?([\w-]+)/g))
      t.ok(name in pkg.scripts, `${path}: npm run ${name}`)
})

/** Where a variable that is not the service's own is at home. */
const HOMES = [
  'docker-compose.yml',
  'Dockerfile',
  '.ci/run',
  'deploy/compose/secrets.sh',
  'test/openapi/fuzz.test.ts',
  'test/acceptance/behind-a-proxy.test.ts',
]

t.test('every variable that a paper shows in code exists', async (t) => {
  const variables = textOf('.env.example')
  const homes = HOMES.filter((file) => existsSync(join(ROOT, file)))
  // The pattern of a name is no name.
  const others = ['NAME_FILE', ...homes.map(textOf)].join('\n')
  for (const { path, text } of all)
    for (const [, name = ''] of text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g))
      t.ok(variables.includes(`# ${name}=`) || others.includes(name), `${path}: ${name}`)
})

/** The paths of all members, and of what is in them, with the kind of their values. */
function membersOf(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [`${at} ${typeof value}`]
  return Object.entries(value).flatMap(([name, one]) => membersOf(one, `${at}/${name}`))
}

t.test('README.md lists the routes that there are, and shows an answer as it is', async (t) => {
  t.testdir()
  const [readme] = all.filter(({ path }) => path === 'README.md')
  if (readme === undefined) throw new Error('there is no README.md')
  const paths = Object.keys(JSON.parse(textOf('openapi.json')).paths)
  for (const path of paths) t.ok(readme.text.includes(`${path}\``), path)
  const told = readme.text.matchAll(/`(?:(?:GET|POST|DELETE) )?(\/(?:v1|health|metrics)[^`]*)`/g)
  for (const [, path = ''] of told) t.ok(paths.includes(path), path)
  const { url } = await startService(t)
  const answer = new Set(membersOf(await (await fetch(`${url}/v1/traffic/ayalon`)).json()))
  const shown = readme.fences.filter(({ info }) => info === 'json')
  t.equal(shown.length, 1)
  for (const { text } of shown)
    for (const member of membersOf(JSON.parse(text))) t.ok(answer.has(member), member)
})
