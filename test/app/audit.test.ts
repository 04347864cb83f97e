import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { AuditTrail, type AuditTrailOptions } from '../../src/audit-trail.ts'
import { Secret } from '../../src/secret.ts'
import { buildApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { newFolder } from '../helpers/databases.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { fillDisk, noFullDisk, smallDisk } from '../helpers/small-disk.ts'
import { goAway, type Logged, loggedServer, SECRETS } from './fixtures/logged.ts'

const DAY_MS = 86_400_000

/** Every line of the trail in a data folder, parsed; where writing failed there may be a blank one. */
function trailIn(dataDir: string): Record<string, unknown>[] {
  const dir = join(dataDir, 'audit')
  return readdirSync(dir)
    .toSorted()
    .flatMap((name) => readFileSync(join(dir, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

const config = {
  API_KEYS: Secret.of('boss:admin:admin-secret-012345,screen:read:read-secret-0123456'),
}
const boss = { 'x-api-key': 'admin-secret-012345' }

t.test('who made and ended a key is kept, and told in the log', async (t) => {
  const dataDir = newFolder(t)
  const { server, lines } = await buildApp(t, { config: { ...config, DATA_DIR: dataDir } })
  const made = await server.inject({
    method: 'POST',
    url: '/v1/keys',
    headers: { ...boss, 'x-request-id': 'making' },
    payload: { name: 'a screen', scope: 'read' },
  })
  const { id, key } = z.object({ id: z.string(), key: z.string() }).parse(made.json())
  await server.inject({ method: 'DELETE', url: `/v1/keys/${id}`, headers: boss })
  await server.inject({ url: '/v1/keys', headers: boss })
  const trail = trailIn(dataDir)
  t.equal(trail.length, 2, 'reading is not kept')
  t.strictSame(trail[0], {
    at: '2026-11-18T06:00:00.000Z',
    event: 'keyCreated',
    subject: id,
    via: 'request',
    requestId: 'making',
    method: 'POST',
    route: '/v1/keys',
    status: 201,
    keyId: 'boss',
    address: '127.0.0.1',
  })
  t.match(trail[1], { event: 'keyRevoked', subject: id, status: 204, route: '/v1/keys/:id' })
  const told = lines.filter(({ msg }) => msg === 'audit')
  t.equal(told.length, 2)
  t.match(told[0], { level: 30, reqId: 'making', event: 'keyCreated', subject: id, keyId: 'boss' })
  t.notMatch(JSON.stringify([trail, lines]), key)
})

/** A server whose every kind of route does what it should. */
const routes: Parameters<typeof loggedServer>[1]['routes'] = (server) => {
  const done = async () => ({})
  server.get('/read', { config: { access: 'read' } }, done)
  server.post('/read', { config: { access: 'read' } }, done)
  server.get('/write', { config: { access: 'write' } }, done)
  server.post('/write', { config: { access: 'write' } }, done)
  server.get('/admin', { config: { access: 'admin' } }, done)
  server.put('/admin', { config: { access: 'admin' } }, done)
}

/** Asks with a key, and answers with the status. */
const ask = async ({ url }: Logged, method: string, path: string, key?: string) => {
  const headers = key === undefined ? {} : { 'x-api-key': key }
  return (await fetch(`${url}${path}`, { method, headers })).status
}

const eventsIn = (dataDir: string) =>
  trailIn(dataDir).map(({ event, status, keyId }) => [event, status, keyId])

t.test('what is kept are writes, and refusals of keys and scopes', async (t) => {
  const logged = await loggedServer(t, { routes })
  await ask(logged, 'GET', '/read', SECRETS.reader)
  await ask(logged, 'POST', '/read', SECRETS.reader)
  await ask(logged, 'GET', '/write', SECRETS.writer)
  await ask(logged, 'HEAD', '/admin', SECRETS.admin)
  await ask(logged, 'GET', '/admin')
  await ask(logged, 'POST', '/nowhere', SECRETS.admin)
  t.strictSame(readdirSync(logged.dataDir), [], 'nothing of this')
  await ask(logged, 'POST', '/write', SECRETS.writer)
  await ask(logged, 'PUT', '/admin', SECRETS.admin)
  await ask(logged, 'POST', '/write')
  await ask(logged, 'GET', '/admin', SECRETS.reader)
  await ask(logged, 'PUT', '/admin', SECRETS.writer)
  await ask(logged, 'GET', '/read', 'wrong')
  await ask(logged, 'PUT', '/admin', 'wrong')
  await ask(logged, 'GET', '/admin', SECRETS.admin)
  t.strictSame(eventsIn(logged.dataDir), [
    ['write', 200, 'a-writer'],
    ['write', 200, 'an-admin'],
    ['forbidden', 403, 'a-reader'],
    ['forbidden', 403, 'a-writer'],
    ['keyRefused', 401, null],
    ['keyRefused', 401, null],
  ])
  t.notMatch(JSON.stringify([trailIn(logged.dataDir), logged.lines]), /canary|wrong"/)
})

t.test('what a limit refuses is not kept, so that nobody can fill the disk', async (t) => {
  const logged = await loggedServer(t, { routes, perMinute: 3 })
  const codes = []
  for (let number = 1; number <= 5; number += 1)
    codes.push(await ask(logged, 'POST', '/write', SECRETS.writer))
  t.strictSame(codes, [200, 200, 200, 429, 429])
  t.equal(trailIn(logged.dataDir).length, 3)
})

t.test('a write of a client that did not wait for its answer is kept', async (t) => {
  const working = Promise.withResolvers<void>()
  const logged = await loggedServer(t, {
    routes: (server) =>
      server.post('/slow', { config: { access: 'write' } }, async (request) => {
        server.server.emit('working')
        await working.promise
        request.audited = { event: 'keyCreated', subject: 'the-new-key' }
        return {}
      }),
  })
  const headers = { 'x-api-key': SECRETS.writer }
  await goAway(logged.server, `${logged.url}/slow`, { method: 'POST', headers })
  await logged.said('request aborted')
  working.resolve()
  await logged.said('audit')
  t.match(trailIn(logged.dataDir), [{ event: 'keyCreated', subject: 'the-new-key' }])
})

t.test('a disk that fails fails no request, and is told once', async (t) => {
  const dataDir = newFolder(t)
  writeFileSync(join(dataDir, 'audit'), 'in the way of the folder')
  const logged = await loggedServer(t, { routes, dataDir })
  t.equal(await ask(logged, 'POST', '/write', SECRETS.writer), 200)
  t.equal(await ask(logged, 'POST', '/write', SECRETS.writer), 200)
  t.equal(logged.withMessage('the audit trail cannot be kept').length, 1)
  t.equal(logged.withMessage('audit').length, 2, 'the log has it all the same')
  rmSync(join(dataDir, 'audit'))
  t.equal(await ask(logged, 'POST', '/write', SECRETS.writer), 200)
  t.equal(trailIn(dataDir).length, 1)
})

/** A trail on a clock, and what it said of its disk. */
function trailOf(t: Test, options: Partial<AuditTrailOptions> = {}) {
  const dataDir = options.dataDir ?? newFolder(t)
  const clock = new FakeClock(WEDNESDAY_8H)
  const faults: string[] = []
  const onFault = (error: unknown): void => void faults.push(String(error))
  const trail = new AuditTrail({ dataDir, retentionDays: 30, clock, onFault, ...options })
  const record = (subject: string): void =>
    trail.record({ event: 'keyCreated', subject, via: 'commandLine' })
  t.teardown(() => trail.loop.stop())
  return { dataDir, dir: join(dataDir, 'audit'), clock, faults, trail, record }
}

t.test('a folder in which nothing can be made fails at once', async (t) => {
  const faults: unknown[] = []
  const trail = new AuditTrail({
    dataDir: '/proc/nowhere/at-all',
    retentionDays: 30,
    clock: new FakeClock(WEDNESDAY_8H),
    onFault: (error) => faults.push(error),
  })
  trail.record({ event: 'keyCreated', subject: 'a', via: 'commandLine' })
  t.equal(faults.length, 1)
  t.match(faults[0], { code: 'ENOENT' })
})

t.test('each UTC day has a file that only its owner may read', async (t) => {
  const { dir, clock, record } = trailOf(t)
  record('one')
  clock.move(18 * 3_600_000 - 1)
  record('two')
  clock.move(1)
  record('three')
  t.strictSame(readdirSync(dir).toSorted(), ['2026-11-18.jsonl', '2026-11-19.jsonl'])
  t.equal(statSync(dir).mode & 0o777, 0o700)
  t.equal(statSync(join(dir, '2026-11-18.jsonl')).mode & 0o777, 0o600)
  t.strictSame(JSON.parse(readFileSync(join(dir, '2026-11-19.jsonl'), 'utf8')), {
    at: '2026-11-19T00:00:00.000Z',
    event: 'keyCreated',
    subject: 'three',
    via: 'commandLine',
  })
})

t.test('days are kept for as long as they should, and no other file is touched', async (t) => {
  const { dir, clock, trail } = trailOf(t)
  mkdirSync(dir)
  for (const name of ['2026-10-18.jsonl', '2026-10-19.jsonl', '2026-10-20.jsonl', 'notes.txt'])
    writeFileSync(join(dir, name), '')
  trail.loop.start()
  await clock.asleep(1)
  t.strictSame(readdirSync(dir).toSorted(), ['2026-10-19.jsonl', '2026-10-20.jsonl', 'notes.txt'])
  await clock.advance(18 * 3_600_000)
  t.strictSame(readdirSync(dir).toSorted(), ['2026-10-20.jsonl', 'notes.txt'], 'at midnight')
  await clock.advance(DAY_MS)
  t.strictSame(readdirSync(dir), ['notes.txt'])
})

t.test('a trail that cannot be cleared says so once and tries again', async (t) => {
  const { dataDir, dir, clock, faults, trail } = trailOf(t)
  writeFileSync(dir, 'in the way of the folder')
  trail.loop.start()
  await clock.asleep(1)
  await clock.advance(DAY_MS)
  t.equal(faults.length, 1)
  rmSync(dir)
  await clock.advance(DAY_MS)
  t.strictSame(readdirSync(dataDir), ['audit'])
})

t.test('a full disk leaves no line that is glued to another', { skip: noFullDisk() }, async (t) => {
  const dataDir = smallDisk(t)
  const { record, faults, dir } = trailOf(t, { dataDir })
  record('before')
  const free = fillDisk(dataDir)
  record('x'.repeat(9000))
  record('x'.repeat(9000))
  t.equal(faults.length, 1)
  free()
  record('after')
  const lines = readFileSync(join(dir, '2026-11-18.jsonl'), 'utf8').trimEnd().split('\n')
  t.match(JSON.parse(lines[0] ?? ''), { subject: 'before' })
  t.match(JSON.parse(lines.at(-1) ?? ''), { subject: 'after' })
})

t.test('several processes may write at once', async (t) => {
  const dataDir = newFolder(t)
  const writer = resolve(import.meta.dirname, 'fixtures/audit-writer.ts')
  const children = ['a', 'b'].map((name) =>
    spawn(process.execPath, [writer, dataDir, name, '300'], { stdio: 'inherit' }),
  )
  const codes = await Promise.all(children.map((child) => once(child, 'close')))
  t.strictSame(
    codes.map(([code]) => code),
    [0, 0],
  )
  const subjects = trailIn(dataDir).map(({ subject }) => String(subject))
  for (const name of ['a', 'b'])
    t.strictSame(
      subjects.filter((subject) => subject.startsWith(name)),
      Array.from({ length: 300 }, (_, number) => `${name}${number}`),
    )
})
