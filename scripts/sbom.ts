import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

/**
 * Prints the bill of materials of what is installed for production, as CycloneDX 1.5, made by npm
 * from the lockfile. npm's own `--omit=dev` would leave out what a development package needs too,
 * and it calls the project after its folder: so it is given a folder of the right name, with a
 * project that needs nothing for development.
 */
const projectSchema = z
  .looseObject({ name: z.string(), devDependencies: z.unknown() })
  .transform(({ devDependencies: _, ...project }) => project)
const lockfileSchema = z.looseObject({ packages: z.looseObject({ '': projectSchema }) })

const json = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))
const manifest = projectSchema.parse(json('package.json'))
const lockfile = lockfileSchema.parse(json('package-lock.json'))

const parent = mkdtempSync(join(tmpdir(), 'sbom-'))
try {
  const folder = join(parent, manifest.name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lockfile))
  const options = ['--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application']
  execFileSync('npm', ['sbom', ...options, '--prefix', folder], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
} finally {
  rmSync(parent, { recursive: true })
}
