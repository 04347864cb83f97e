import { existsSync, mkdirSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/*
 * Not by the recursion of `mkdir` itself: it never ends where a folder exists in which nothing can
 * be made, such as one that was deleted while a process works in it. The second try is for another
 * process, which may have made the parent between the first and the look at it.
 */

/** Makes a folder and those that it is in, where they are not there. @throws the system's error */
export async function makeFolder(path: string): Promise<void> {
  if (await isMade(path)) return
  if (!existsSync(dirname(path))) await makeFolder(dirname(path))
  if (!(await isMade(path))) await mkdir(path)
}

/** The same at once. @param mode of what is made */
export function makeFolderSync(path: string, mode: number): void {
  if (isMadeSync(path, mode)) return
  if (!existsSync(dirname(path))) makeFolderSync(dirname(path), mode)
  if (!isMadeSync(path, mode)) mkdirSync(path, { mode })
}

/** False where the parent is not there, as far as the system says. */
async function isMade(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    return true
  } catch (error) {
    return isThere(error, path)
  }
}

function isMadeSync(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode })
    return true
  } catch (error) {
    return isThere(error, path)
  }
}

function isThere(error: unknown, path: string): boolean {
  const { code } = Object(error)
  if (code === 'EEXIST' && statSync(path).isDirectory()) return true
  if (code === 'ENOENT') return false
  throw error
}
