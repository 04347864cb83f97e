import { statSync } from 'node:fs'
import { dirname } from 'node:path'

/** What is wrong with the place of a log file, as far as can be seen without writing; null when nothing is. */
export function logFileFault(path: string): string | null {
  try {
    const folder = statSync(dirname(path), { throwIfNoEntry: false })
    if (folder?.isDirectory() !== true) return 'its folder does not exist'
    const file = statSync(path, { throwIfNoEntry: false })
    return file === undefined || file.isFile() ? null : 'is not a file'
  } catch (error) {
    return `cannot be looked at (${Object(error).code})`
  }
}
