import { existsSync, mkdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/*
 * Not by the recursion of `mkdir` itself: it never ends where a folder exists in which nothing can
 * be made, such as one that was deleted while a process works in it.
 */

/** Makes a folder and those that it is in, where they are not there. @throws the system's error */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    if (!isWithoutParent(error, path)) return
    await makeFolder(dirname(path))
    await makeFolder(path)
  }
}

/** The same at once. @param mode of what is made */
export function makeFolderSync(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    if (!isWithoutParent(error, path)) return
    makeFolderSync(dirname(path), mode)
    makeFolderSync(path, mode)
  }
}

/** True where the folder's parent must be made first, false where the folder is there. */
function isWithoutParent(error: unknown, path: string): boolean {
  const { code } = Object(error)
  if (code === 'EEXIST') return false
  if (code === 'ENOENT' && !existsSync(dirname(path))) return true
  throw error
}
