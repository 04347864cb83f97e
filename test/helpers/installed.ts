import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * Whether a program is on this machine.
 * @param beside folders to look in beside those of PATH
 */
export const isInstalled = (program: string, ...beside: readonly string[]): boolean =>
  [...(process.env.PATH ?? '').split(delimiter), ...beside].some((dir) =>
    existsSync(join(dir, program)),
  )
