import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

/**
 * Writes openapi.json: what the service answers at /openapi.json, run as it is by default, in an
 * empty folder and without the environment of whoever calls this.
 */
const folder = mkdtempSync(join(tmpdir(), 'openapi-'))
const service = spawn(process.execPath, [resolve('src/main.ts')], {
  cwd: folder,
  env: { PORT: '0', LOG_FORMAT: 'json' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
let isWritten = false
try {
  for await (const line of createInterface(service.stdout)) {
    const url = /Server listening at (http[^"]+)/.exec(line)?.[1]
    if (url === undefined) continue
    const response = await fetch(`${url}/openapi.json`)
    if (!response.ok) throw new Error(`the service answered ${response.status}`)
    writeFileSync('openapi.json', `${JSON.stringify(await response.json(), null, 2)}\n`)
    isWritten = true
    service.kill()
  }
} finally {
  service.kill()
  rmSync(folder, { recursive: true })
}
if (!isWritten) throw new Error('the service ended before it answered')
