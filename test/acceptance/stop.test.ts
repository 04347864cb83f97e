import { once } from 'node:events'
import { connect, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { isOpen } from '../helpers/ports.ts'
import { startListening, startProcess, startService } from '../helpers/service.ts'

// They mostly wait.
t.jobs = 4
const TOGETHER = { buffered: true }

t.test('a stop is not held up by a database that never answers', async (t) => {
  t.testdir()
  const silent = createTcpServer((socket) => void socket.on('error', () => {}))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : 0
  const service = startProcess(t, { DATABASE_URL: `postgres://user:pass@127.0.0.1:${port}/db` })
  await service.line('Server listening at')
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
})

t.test(
  'SIGTERM delivers the answer in flight on a keep-alive connection, then exits 0',
  async (t) => {
    t.testdir()
    const service = await startService(t)
    const body = JSON.stringify({
      sections: [{ id: 'a', lengthKm: 5, lanes: 4, speedKmh: 14, freeFlowKmh: 90, limitKmh: 90 }],
    })
    const socket = connect(service.port, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    const ended = once(socket, 'end')
    socket.write(
      `GET /health/live HTTP/1.1\r\nHost: a\r\n\r\nPOST /v1/impact HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n{`,
    )
    await once(socket, 'data')
    service.process.kill('SIGTERM')
    await service.line('stopping')
    socket.write(body.slice(1))
    await ended
    t.match(received, /"rates":\{"delay":\{"unit":"veh-h\/h"/)
    t.match(received, /connection: close/i)
    t.equal(await service.exited, 0)
  },
)

t.test('a client that only connects does not hold the stop', async (t) => {
  t.testdir()
  const service = await startService(t)
  const socket = connect(service.port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  service.process.kill('SIGINT')
  t.equal(await service.exited, 0)
})

t.test('an error that nobody caught is logged and ends the process with 1', async (t) => {
  const dir = t.testdir({
    'bug.mjs': 'process.on("SIGWINCH", () => { throw new Error("a bug") })',
  })
  const service = startProcess(t, { NODE_OPTIONS: `--import=${join(dir, 'bug.mjs')}` })
  await service.line('serving')
  service.process.kill('SIGWINCH')
  t.equal(await service.exited, 1)
  t.match(service.output(), /stopping after an unexpected error/)
})

t.test('readiness says no at once, while requests are served for as long as is set', async (t) => {
  t.testdir()
  const service = await startService(t, { DRAIN_WAIT_SECONDS: '5' })
  const path = (name: string) => fetch(`${service.url}${name}`)
  t.equal((await path('/health/ready')).status, 200)
  service.process.kill('SIGTERM')
  t.match(await service.line('stopping'), { signal: 'SIGTERM', waitSeconds: 5 })
  t.equal((await path('/health/ready')).status, 503)
  t.equal((await path('/health/live')).status, 200, 'there is no reason to kill it')
  const read = await path('/v1/traffic/ayalon')
  t.equal(read.status, 200)
  t.equal(read.headers.get('connection'), 'close', 'whoever asks on moves to another process')
  t.equal(await service.exited, 0)
  t.match(await service.line('stopped'), { level: 30 })
})

t.test(
  'a request that the stop finds half sent still gets its answer from the database',
  async (t) => {
    t.testdir()
    const service = await startService(t)
    const socket = connect(service.port, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    const ended = once(socket, 'end')
    socket.write(
      'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/traffic/ayalon/history HTTP/1.1\r\n',
    )
    await once(socket, 'data')
    service.process.kill('SIGTERM')
    await service.line('stopping')
    while (await isOpen(service.port)) await sleep(20)
    socket.write('Host: a\r\n\r\n')
    await ended
    t.match(received, /"buckets":|"rows":|"data":/)
    t.match(received, /HTTP\/1.1 200 OK[\s\S]*HTTP\/1.1 200 OK/)
    t.equal(await service.exited, 0)
  },
)

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)
  t.test(`a second signal, ${signal}, ends the process at once with ${code}`, async (t) => {
    t.testdir()
    const service = await startListening(t, { DRAIN_WAIT_SECONDS: '300' })
    service.process.kill('SIGTERM')
    await service.line('stopping')
    // At once it would be taken for the same signal.
    while (service.process.exitCode === null) {
      service.process.kill(signal)
      await sleep(300)
    }
    t.equal(await service.exited, code)
    t.match(await service.line('stopped at once by a second signal'), { signal })
  })

t.test('a Ctrl-C that npm passes on too is one signal', async (t) => {
  t.testdir()
  const service = await startService(t)
  service.process.kill('SIGINT')
  await service.line('stopping')
  service.process.kill('SIGINT')
  t.equal(await service.exited, 0)
  t.match(await service.line('stopped'), { level: 30 })
})

t.test('an error in mid-wait ends the wait, but not the request that is in flight', async (t) => {
  const dir = t.testdir({
    'bug.mjs': 'process.on("SIGWINCH", () => { throw new Error("a bug") })',
  })
  const service = await startService(t, {
    DRAIN_WAIT_SECONDS: '300',
    NODE_OPTIONS: `--import=${join(dir, 'bug.mjs')}`,
  })
  const socket = connect(service.port, '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  const ended = once(socket, 'end')
  socket.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/traffic HTTP/1.1\r\n')
  await once(socket, 'data')
  service.process.kill('SIGTERM')
  await service.line('stopping')
  service.process.kill('SIGWINCH')
  await service.line('stopping after an unexpected error')
  socket.write('Host: a\r\n\r\n')
  await ended
  t.match(received, /HTTP\/1.1 200 OK[\s\S]*HTTP\/1.1 200 OK/)
  t.equal(await service.exited, 1)
  t.match(await service.line('stopped'), { level: 30 })
})

t.test('a second error ends the process at once', async (t) => {
  const dir = t.testdir({
    'bugs.mjs': `import { Server } from 'node:http'
      Server.prototype.close = () => {}
      process.on("SIGWINCH", () => { throw new Error("a bug") })`,
  })
  const service = await startListening(t, { NODE_OPTIONS: `--import=${join(dir, 'bugs.mjs')}` })
  service.process.kill('SIGWINCH')
  await service.line('stopping after an unexpected error')
  service.process.kill('SIGWINCH')
  t.equal(await service.exited, 1)
  t.match(await service.line('a second unexpected error'), { level: 60 })
})

t.test('an error at the start that is not about the address is a bug', async (t) => {
  const dir = t.testdir({
    'bug.mjs': `import { Server } from 'node:net'
      Server.prototype.listen = () => { throw new Error("a bug") }`,
  })
  const service = startProcess(t, { NODE_OPTIONS: `--import=${join(dir, 'bug.mjs')}` })
  t.equal(await service.exited, 1)
  t.match(await service.line('stopping after an unexpected error'), { level: 60 })
})

t.test('an error of the stop itself is told, and is a bug', async (t) => {
  const dir = t.testdir({
    'bug.mjs': `import { Server } from 'node:http'
      Server.prototype.close = () => { throw new Error("a bug") }`,
  })
  const service = await startListening(t, { NODE_OPTIONS: `--import=${join(dir, 'bug.mjs')}` })
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 1)
  t.match(service.output(), /a bug/)
})

t.test('a process that is stopped before it serves opens no port and does not wait', async (t) => {
  t.testdir()
  const silent = createTcpServer((socket) => void socket.on('error', () => {}))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const connected = once(silent, 'connection')
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : 0
  const service = startProcess(t, {
    DATABASE_URL: `postgres://user:pass@127.0.0.1:${port}/db`,
    DRAIN_WAIT_SECONDS: '300',
    METRICS_PORT: '0',
  })
  await connected
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
  t.match(await service.line('stopping'), { waitSeconds: 0 })
  t.notMatch(service.output(), /listening|serving/)
})

t.test('a stop that hangs is cut, and the exit code says so', TOGETHER, async (t) => {
  const dir = t.testdir({
    'hang.mjs': "import { Server } from 'node:http'; Server.prototype.close = () => {}",
  })
  const service = await startListening(t, { NODE_OPTIONS: `--import=${join(dir, 'hang.mjs')}` })
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 75)
  t.match(await service.line('the stop took too long and was cut'), { level: 50 })
})

for (const [what, environment, code] of [
  ['a port that is taken', (port: number) => ({ PORT: String(port) }), 'EADDRINUSE'],
  ['a taken port for metrics', (port: number) => ({ METRICS_PORT: String(port) }), 'EADDRINUSE'],
  ['an address of another machine', () => ({ HOST: '192.0.2.1' }), 'EADDRNOTAVAIL'],
  ['a host that nobody knows', () => ({ HOST: 'nowhere.invalid' }), /ENOTFOUND|EAI_AGAIN/],
] as const)
  t.test(`${what} ends the process with 69, and the log says what`, async (t) => {
    t.testdir()
    const { port } = await startListening(t)
    const second = startProcess(t, environment(port))
    t.equal(await second.exited, 69)
    t.match(await second.line('cannot listen'), { level: 60, code })
    t.notMatch(second.output(), /\n\s+at /, 'a stack helps nobody here')
  })
