import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ProviderFailure } from '../failure.ts'

/** The bodies of one refresh: paths of files in the order of their names. */
export type RecordedRefresh = readonly string[]

/**
 * The refreshes of a replay folder: those of its sub-folders by name, or else its own files.
 * @throws ProviderFailure `unreachable` when a folder cannot be read
 */
export async function listRefreshes(dir: string): Promise<RecordedRefresh[]> {
  const entries = (await readdir(dir, { withFileTypes: true }).catch(unreadable))
    .filter((entry) => !entry.name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const folders = entries.filter((entry) => entry.isDirectory())
  if (folders.length > 0) {
    const nested = await Promise.all(folders.map(({ name }) => listRefreshes(join(dir, name))))
    return nested.flat()
  }
  return entries.length === 0 ? [] : [entries.map((entry) => join(dir, entry.name))]
}

/**
 * One recorded body.
 * @throws ProviderFailure `badAnswer` when it is larger than `maxBytes`
 */
export async function readBody(file: string, maxBytes: number): Promise<string> {
  const { size } = await stat(file).catch(unreadable)
  if (size > maxBytes)
    throw new ProviderFailure('badAnswer', `a recorded body is larger than ${maxBytes} bytes`)
  return readFile(file, 'utf8')
}

function unreadable(): never {
  throw new ProviderFailure('unreachable', 'the replay folder cannot be read')
}
