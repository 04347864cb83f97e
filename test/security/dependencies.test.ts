import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t from 'tap'
import { z } from 'zod'

const root = (name: string): string =>
  readFileSync(resolve(import.meta.dirname, '../..', name), 'utf8')

const versions = z.record(z.string(), z.string()).default({})
const manifest = z
  .object({
    private: z.literal(true),
    dependencies: versions,
    devDependencies: versions,
    optionalDependencies: versions,
  })
  .parse(JSON.parse(root('package.json')))
const { packages } = z
  .object({
    packages: z.record(
      z.string(),
      z.looseObject({
        version: z.string(),
        integrity: z.string().optional(),
        resolved: z.string().optional(),
        link: z.boolean().optional(),
      }),
    ),
  })
  .parse(JSON.parse(root('package-lock.json')))

t.test(
  'every package is one version with one hash, from a registry and nowhere else',
  async (t) => {
    const installed = Object.entries(packages).filter(([path]) => path !== '')
    t.ok(installed.length > 100, `${installed.length} packages`)
    for (const [path, { integrity, resolved = 'https://', link }] of installed)
      if (!/^sha512-/.test(integrity ?? '') || !resolved.startsWith('https://') || link === true)
        t.fail(path)
    const named = {
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.optionalDependencies,
    }
    for (const [name, version] of Object.entries(named)) {
      t.match(version, /^\d+\.\d+\.\d+$/, name)
      t.equal(packages[`node_modules/${name}`]?.version, version, name)
    }
  },
)

t.test('no package runs code while it is installed', async (t) => {
  t.match(root('.npmrc'), /^ignore-scripts=true$/m)
})
