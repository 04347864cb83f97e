import { execFile } from 'node:child_process'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** Runs a program of Node in the root of the project, with no environment but PATH and what is given. */
export function runTool(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }> {
  const { PATH = '' } = process.env
  return new Promise((done) => {
    execFile(
      // The test runner puts its own loader into NODE_OPTIONS of every process, which not every tool bears.
      'env',
      ['-u', 'NODE_OPTIONS', process.execPath, resolve(ROOT, program), ...args],
      { cwd: ROOT, env: { PATH, ...environment } },
      (error, stdout, stderr) => done({ code: error?.code ?? 0, stdout, stderr }),
    )
  })
}
