import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { z } from 'zod'
import { ROOT } from '../helpers/papers.ts'
import { LOCKFILE, production } from './locked.ts'
import { runScript } from './run-script.ts'

const manifestSchema = z.object({ version: z.string(), license: z.string() })

t.test(
  'each package for production states an allowed licence; docs/licences.md lists them',
  async (t) => {
    const folder = t.testdir({ 'package-lock.json': LOCKFILE, docs: {} })
    const { status, stderr } = runScript('licences.ts', folder)
    t.equal(status, 0, stderr)
    const written = readFileSync(join(folder, 'docs/licences.md'), 'utf8')
    t.equal(
      readFileSync(join(ROOT, 'docs/licences.md'), 'utf8'),
      written,
      'npm run licences writes it',
    )
    for (const { path, name, version, license } of production)
      t.ok(written.includes(`| ${name} | ${version} | ${license} |`), path)
  },
)

t.test('a package for production with another licence, or none, is refused by name', async (t) => {
  const version = '1.0.0'
  const packages = {
    '': {},
    'node_modules/bound': { version, license: 'GPL-2.0' },
    'node_modules/chosen': { version, license: '(MIT OR GPL-2.0)' },
    'node_modules/free': { version, license: 'MIT' },
    'node_modules/silent': { version },
    'node_modules/tool': { version, license: 'GPL-2.0', dev: true },
  }
  const folder = t.testdir({ 'package-lock.json': JSON.stringify({ packages }), docs: {} })
  const { status, stderr } = runScript('licences.ts', folder)
  t.equal(status, 1)
  const named =
    'bound@1.0.0 (GPL-2.0), chosen@1.0.0 ((MIT OR GPL-2.0)), silent@1.0.0 (not stated)\n'
  t.match(stderr, `not allowed for production: ${named}`)
})

t.test('the lockfile says of a package what the package says of itself', async (t) => {
  const installed = production.filter(({ path }) => existsSync(join(ROOT, path)))
  t.ok(installed.length >= production.length - 2, 'but Node.js for other machines')
  for (const { path, version, license } of installed) {
    const text = readFileSync(join(ROOT, path, 'package.json'), 'utf8')
    t.strictSame(manifestSchema.parse(JSON.parse(text)), { version, license }, path)
  }
})
