import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from '../helpers/papers.ts'

/** What a script of the project did in a folder that it takes for the project. */
export function runScript(name: string, folder: string, args: readonly string[] = []) {
  // The test runner's loader stays here: it would look for its own settings there.
  const { NODE_OPTIONS: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'scripts', name), ...args],
    { cwd: folder, env, encoding: 'utf8' },
  )
  return { status, stdout, stderr }
}
