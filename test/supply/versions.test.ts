import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import pkg from '../../package.json' with { type: 'json' }
import { papers, ROOT } from '../helpers/papers.ts'
import { packages, project } from './locked.ts'

t.test('every dependency is of one exact version', async (t) => {
  const wanted = { ...pkg.dependencies, ...pkg.devDependencies, ...pkg.optionalDependencies }
  for (const [name, version] of Object.entries(wanted))
    t.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name)
})

t.test('the lockfile is that of package.json', async (t) => {
  t.equal(project.version, pkg.version)
  t.strictSame(project.dependencies, pkg.dependencies)
  t.strictSame(project.devDependencies, pkg.devDependencies)
  t.strictSame(project.optionalDependencies, pkg.optionalDependencies)
})

t.test('the lockfile knows the content of every package, and no registry', async (t) => {
  t.ok(packages.length > 100)
  for (const { path, ...one } of packages) {
    t.match(one.integrity, /^sha512-[\w+/]{86}==$/, path)
    t.notOk('resolved' in one, path)
    t.notOk('link' in one, path)
  }
})

t.test('no package runs code while it is installed, nor wants to', async (t) => {
  t.match(readFileSync(join(ROOT, '.npmrc'), 'utf8'), /^ignore-scripts=true$/m)
  const wanting = packages.filter((one) => 'hasInstallScript' in one)
  t.strictSame(wanting, [])
})

t.test('every script that a paper names exists', async (t) => {
  const named = papers().flatMap(({ path, text }) =>
    [...text.matchAll(/npm run (?:--?[\w-]+ )*([\w:-]+)/g)].map(([, script = '']) => ({
      path,
      script,
    })),
  )
  t.ok(named.length > 10)
  for (const { path, script } of named) t.ok(script in pkg.scripts, `${path}: npm run ${script}`)
})
