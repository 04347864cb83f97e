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
  const names = (await readdir(dir).catch(unreadable)).filter((name) => !name.startsWith('.'))
  const paths = names.toSorted().map((name) => join(dir, name))
  const kinds = await Promise.all(paths.map((path) => stat(path).catch(() => null)))
  // What cannot be looked at counts as a body, and fails alone when its turn comes.
  const folders = paths.filter((_, index) => kinds[index]?.isDirectory())
  if (folders.length > 0) return (await Promise.all(folders.map(listRefreshes))).flat()
  return paths.length === 0 ? [] : [paths]
}

/**
 * One recorded body.
 * @throws ProviderFailure `badAnswer` when it is larger than `maxBytes`
 */
export async function readBody(file: string, maxBytes: number): Promise<string> {
  const { size } = await stat(file).catch(unreadable)
  if (size > maxBytes)
    throw new ProviderFailure('badAnswer', `a recorded body is larger than ${maxBytes} bytes`)
  return readFile(file, 'utf8').catch(unreadable)
}

function unreadable(): never {
  throw new ProviderFailure('unreachable', 'the replay folder cannot be read')
}
