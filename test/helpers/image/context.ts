import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import dockerignore from '@balena/dockerignore'

/** Files that a checkout may hold and that no image may. */
export const SECRETS = [
  '.env',
  '.env.production',
  '.git/config',
  'data/ayalon.db',
  'data/key-pepper',
  'migrations/.env',
  'secrets/database-url',
  'server.key',
  'src/access/server.key',
  'src/data/key-pepper',
] as const

/** What is in each of them. */
export const CANARY = 'canary-of-the-image'

/** The files that a clone would have, and those that are about to be committed. */
export const filesOf = (checkout: string): string[] =>
  execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: checkout,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(checkout, file)))

/**
 * Puts into a folder what a builder would be sent of a checkout in which secrets lie about.
 * @returns the files, by their paths
 */
export function sendContext(checkout: string, folder: string): string[] {
  const rules = dockerignore.default().add(readFileSync(join(checkout, '.dockerignore'), 'utf8'))
  const isPlanted = (file: string): boolean => SECRETS.some((secret) => secret === file)
  const files = rules.filter([...new Set([...filesOf(checkout), ...SECRETS])])
  for (const file of files) {
    const to = join(folder, file)
    mkdirSync(dirname(to), { recursive: true })
    if (isPlanted(file)) writeFileSync(to, CANARY)
    else cpSync(join(checkout, file), to)
  }
  return files
}
