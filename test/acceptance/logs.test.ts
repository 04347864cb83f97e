import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { newFolder } from '../helpers/databases.ts'
import { startListening, startProcess, startService } from '../helpers/service.ts'
import { fillDisk, noFullDisk, smallDisk } from '../helpers/small-disk.ts'
import { standIn } from '../helpers/stand-in.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

/** Tells of every module of OpenTelemetry that the process loads, and crashes when it is told to. */
const WATCHER = `
  import { writeSync } from 'node:fs'
  import { registerHooks } from 'node:module'
  registerHooks({
    resolve(name, context, next) {
      if (/open-?telemetry/.test(name)) writeSync(2, 'loads ' + name + '\\n')
      return next(name, context)
    },
  })
  process.on('SIGUSR2', () => {
    throw new Error('crash at https://x.test/?apiKey=canary')
  })
`

const watched = (dir: string): Record<string, string> => ({
  NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${join(dir, 'watcher.mjs')}`,
})

t.test('a stop loses no line of the log, no entry of the trail and no trace', async (t) => {
  const dir = t.testdir({ 'watcher.mjs': WATCHER })
  const collector = await standIn(t, { body: '{}' })
  const service = await startService(t, {
    ...watched(dir),
    DATA_DIR: join(dir, 'data'),
    LOG_FILE: join(dir, 'app.log'),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.baseUrl.href,
    API_KEYS: 'tests:admin:admin-secret-0123456789',
  })
  const answer = await fetch(`${service.url}/v1/upstream`, {
    headers: { 'x-api-key': 'canary-wrong', traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
  })
  t.equal(answer.status, 401)
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
  t.match(service.output(), /loads .*@opentelemetry\/sdk-trace/, 'where it is wanted')
  const request = await service.line('request')
  t.match(request, { route: '/v1/upstream', status: 401, code: 'unauthorized', traceId: TRACE })
  const lines = service
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
  t.strictSame(readFileSync(join(dir, 'app.log'), 'utf8').trimEnd().split('\n'), lines)
  t.match(lines.join('\n'), /"msg":"stopping"/)
  const [file = '', ...others] = readdirSync(join(dir, 'data', 'audit'))
  t.strictSame(others, [])
  t.match(JSON.parse(readFileSync(join(dir, 'data', 'audit', file), 'utf8')), {
    event: 'keyRefused',
    requestId: request.reqId,
  })
  t.strictSame([...new Set(collector.requests.map(({ url }) => url.pathname))], ['/v1/traces'])
  t.notMatch(service.output(), /canary/)
})

t.test(
  'a process that crashes says why, in the file too, and loads nothing for traces',
  async (t) => {
    const dir = t.testdir({ 'watcher.mjs': WATCHER })
    const service = await startListening(t, {
      ...watched(dir),
      DATA_DIR: join(dir, 'data'),
      LOG_FILE: join(dir, 'app.log'),
    })
    service.process.kill('SIGUSR2')
    t.equal(await service.exited, 1)
    for (const text of [service.output(), readFileSync(join(dir, 'app.log'), 'utf8')]) {
      t.match(text, /"level":60.*crash at .*"msg":"stopping after an unexpected error"/)
      t.notMatch(text, /canary/)
    }
    // The metrics load the interface, which is small.
    t.notMatch(service.output(), /loads .*(sdk|exporter|open-telemetry\.ts)/)
  },
)

t.test('a log file that cannot be is told with all other faults', async (t) => {
  t.testdir()
  const service = startProcess(t, { LOG_FILE: '/dev/null', LOG_FORMAT: 'xml', PORT: '1e9' })
  t.equal(await service.exited, 78)
  for (const fault of [/^LOG_FILE: is not a file$/m, /^LOG_FORMAT: /m, /^PORT: /m])
    t.match(service.output(), fault)
})

t.test('a full disk stops the log file, not the service', { skip: noFullDisk() }, async (t) => {
  t.testdir()
  const disk = smallDisk(t)
  const service = await startService(t, {
    DATA_DIR: newFolder(t),
    LOG_FILE: join(disk, 'app.log'),
  })
  fillDisk(disk)
  // More than what is left of the file's last page.
  for (let number = 1; number <= 40; number += 1)
    t.equal((await fetch(`${service.url}/v1/traffic`)).status, 200)
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
  t.equal(service.output().split('the log file fails: Error: ENOSPC').length - 1, 1)
  t.match(service.output(), /"msg":"stopping"/)
})

const noTerminal = spawnSync('script', ['--version']).error !== undefined && 'no script(1) here'

t.test('on a terminal people get it pretty', { skip: noTerminal }, async (t) => {
  const main = resolve(import.meta.dirname, '../../src/main.ts')
  const command = `'${process.execPath}' '${main}'`
  const terminal = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: newFolder(t),
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => terminal.kill('SIGKILL'))
  let seen = ''
  terminal.stdout.setEncoding('utf8')
  for await (const text of terminal.stdout) {
    seen += text
    const pid = /INFO\S* \((\d+)\): \S*serving/.exec(seen)?.[1]
    if (pid !== undefined) process.kill(Number(pid), 'SIGTERM')
    if (seen.includes('stopping')) break
  }
  t.match(seen, /INFO.*stopping/)
  t.notMatch(seen, /"msg"/)
})
