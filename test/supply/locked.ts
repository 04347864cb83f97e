import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ROOT } from '../helpers/papers.ts'

const versions = z.record(z.string(), z.string()).optional()
const lockfileSchema = z.object({
  packages: z
    .object({
      '': z.object({
        version: z.string(),
        dependencies: versions,
        devDependencies: versions,
        optionalDependencies: versions,
      }),
    })
    .catchall(
      z.looseObject({
        version: z.string(),
        integrity: z.string(),
        license: z.string().optional(),
        dev: z.literal(true).optional(),
      }),
    ),
})

export const LOCKFILE = readFileSync(join(ROOT, 'package-lock.json'), 'utf8')

const { '': root, ...others } = lockfileSchema.parse(JSON.parse(LOCKFILE)).packages

/** What the lockfile says of the project itself. */
export const project = root

/** Every package, where it is installed, and under which name. */
export const packages = Object.entries(others).map(([path, one]) => {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  return { path, name, ...one }
})

/** Those that are not for development alone. */
export const production = packages.filter(({ dev }) => dev === undefined)
