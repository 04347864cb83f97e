import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hashOfKey } from '../../src/access/issued-key.ts'
import { MOST_KEYS, readKeys } from '../../src/access/kept-keys.ts'
import { PEPPER_FILE } from '../../src/access/pepper.ts'
import { manageKeys } from '../../src/commands/keys.ts'
import { ConfigError } from '../../src/config/faults.ts'
import { Connection } from '../../src/storage/connection.ts'
import type { DatabasePlace } from '../../src/storage/database/database.ts'
import { environmentOf, migratedPlace, newFolder, onBothEngines } from '../helpers/databases.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { fillKeys } from '../helpers/keys.ts'
import { listenedLog } from '../helpers/log.ts'
import { closedPort } from '../helpers/ports.ts'
import { startProcess } from '../helpers/service.ts'

const NOW = Date.parse('2026-11-18T06:00:00Z')
const PEPPER = 'canary-of-a-pepper-0123456789abcdef'
const KEY = /^ayalon_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/
const CREATE = ['create', '--name', 'dash board', '--scope', 'read']
const USAGE = [
  'usage: npm run keys -- create --name NAME --scope SCOPE [--expires TIME] [--per-minute N] [--per-hour N]',
  '       npm run keys -- list',
  '       npm run keys -- revoke ID',
].join('\n')

/** A way to run the command; gives its exit code and what it printed. */
const commandIn =
  (environment: Record<string, string>) =>
  async (...args: string[]) => {
    const lines: string[] = []
    const print = (line: string) => lines.push(line)
    const code = await manageKeys(args, environment, { print, note: print }, new FakeClock(NOW))
    return { code, lines }
  }

/** What the audit trail of a data folder says. */
const auditOf = (dataDir: string): unknown[] =>
  readFileSync(join(dataDir, 'audit', '2026-11-18.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

await onBothEngines(t, async (t, engine) => {
  /** The command on a new database, and a look into it. */
  const onNewDatabase = async (t: Test) => {
    const place: DatabasePlace = await migratedPlace(t, engine)
    const dataDir = 'dataDir' in place ? place.dataDir : newFolder(t)
    const run = commandIn({
      DATA_DIR: dataDir,
      KEY_PEPPER: PEPPER,
      ...(await environmentOf(place)),
    })
    const connection = new Connection(place, listenedLog().log)
    t.teardown(() => connection.close())
    const kept = () => connection.use(({ read }) => readKeys(read))
    return { run, dataDir, connection, kept }
  }

  t.test('keys are made, listed and ended, and the audit trail knows it', async (t) => {
    const { run, dataDir, kept } = await onNewDatabase(t)
    t.strictSame(await run('list'), { code: 0, lines: ['there are no keys'] })
    const { code, lines } = await run(...CREATE)
    t.equal(code, 0)
    const [key = '', said, ...more] = lines
    const id = KEY.exec(key)?.[1] ?? ''
    t.equal(id.length, 16)
    t.equal(said, `This is shown only once. Its id is ${id}.`)
    t.strictSame(more, [])
    t.strictSame(await kept(), [
      {
        id,
        name: 'dash board',
        scope: 'read',
        hash: hashOfKey(key, PEPPER),
        createdMs: NOW,
        expiresMs: null,
        lastUsedMs: null,
        limits: { perMinute: null, perHour: null },
      },
    ])
    const bounded = ['--expires', '2026-12-01T00:00:00Z', '--per-minute', '5', '--per-hour', '50']
    const [second = ''] = (await run('create', '--name=s', '--scope=write', ...bounded)).lines
    const secondId = KEY.exec(second)?.[1] ?? ''
    const created = 'created 2026-11-18T06:00:00.000Z'
    t.strictSame(
      (await run('list')).lines.toSorted(),
      [
        `${id} read "dash board": ${created}, expires never, last used never`,
        `${secondId} write "s": ${created}, expires 2026-12-01T00:00:00.000Z, last used never, 5 a minute, 50 an hour`,
      ].toSorted(),
    )
    t.strictSame(await run('revoke', id), { code: 0, lines: [`revoked ${id}`] })
    t.strictSame(await run('revoke', id), { code: 65, lines: [`there is no key ${id}`] })
    t.strictSame(
      (await kept()).map((one) => one.id),
      [secondId],
    )
    const entry = { at: '2026-11-18T06:00:00.000Z', via: 'commandLine' }
    t.strictSame(auditOf(dataDir), [
      { ...entry, event: 'keyCreated', subject: id },
      { ...entry, event: 'keyCreated', subject: secondId },
      { ...entry, event: 'keyRevoked', subject: id },
    ])
    for (const { parentPath, name } of readdirSync(dataDir, {
      recursive: true,
      withFileTypes: true,
    }).filter((file) => file.isFile())) {
      const bytes = readFileSync(join(parentPath, name), 'latin1')
      for (const secret of [key, second, PEPPER])
        t.notOk(bytes.includes(secret.slice(-30)), `no secret is in ${name}`)
    }
  })

  t.test('when there are a thousand keys no more are made', async (t) => {
    const { run, connection, kept } = await onNewDatabase(t)
    await fillKeys(connection, MOST_KEYS)
    t.strictSame(await run(...CREATE), {
      code: 65,
      lines: ['There are 1000 keys, and no more can be: revoke one.'],
    })
    t.equal((await kept()).length, 1000)
  })
})

t.test('two processes at once make one pepper, under which both keys work', async (t) => {
  const dataDir = newFolder(t)
  t.testdir()
  const started = [1, 2].map(() => startProcess(t, { DATA_DIR: dataDir }, ['keys', ...CREATE]))
  for (const { exited, output } of started) t.equal(await exited, 0, output())
  const pepper = readFileSync(join(dataDir, PEPPER_FILE), 'utf8')
  const connection = new Connection({ dataDir }, listenedLog().log)
  t.teardown(() => connection.close())
  const kept = await connection.use(({ read }) => readKeys(read))
  t.strictSame(
    started
      .map(({ output }) => hashOfKey(output().split('\n')[0] ?? '', pepper))
      .toSorted((a, b) => (a < b ? -1 : 1)),
    kept.map(({ hash }) => hash).toSorted((a, b) => (a < b ? -1 : 1)),
  )
})

t.test('a wrong command line is told, with how it is done right, and does nothing', async (t) => {
  const dataDir = join(newFolder(t), 'data')
  const run = commandIn({ DATA_DIR: dataDir })
  const name = '--name must be 1 to 64 letters, digits, blanks and ._-'
  for (const [args, ...faults] of [
    [[], 'what to do must be create, list or revoke'],
    [['destroy'], 'what to do must be create, list or revoke'],
    [['list', 'all'], 'list takes nothing more'],
    [['revoke'], 'revoke takes one ID'],
    [['revoke', 'a', 'b'], 'revoke takes one ID'],
    [['create'], '--name must be a text', '--scope must be one of read, write, admin'],
    [['create', '--name', 'a/b', '--scope', 'read'], name],
    [[...CREATE, '--expires', 'soon'], '--expires must be a time such as 2027-11-21T05:00:00Z'],
    [[...CREATE, '--expires', '2026-11-18T05:59:59Z'], '--expires must be in the future'],
    [[...CREATE, '--per-minute', 'ten'], '--per-minute must be a whole number'],
    [
      [...CREATE, '--per-minute', '1.5', '--per-hour', '0'],
      '--per-minute must be a whole number',
      '--per-hour must be at least 1',
    ],
  ] as const)
    t.strictSame(
      await run(...args),
      { code: 64, lines: [[...faults, USAGE].join('\n')] },
      args.join(' '),
    )
  for (const args of [
    [...CREATE, '--forever'],
    ['create', 'a'],
  ]) {
    const { code, lines } = await run(...args)
    t.equal(code, 64)
    t.match(lines[0], /^(Unknown option '--forever'|Unexpected argument 'a')/)
  }
  t.throws(() => readdirSync(dataDir), { code: 'ENOENT' })
})

t.test('a server without a pepper is a fault of the configuration', async (t) => {
  const run = commandIn({ DATABASE_URL: `postgres://a:b@127.0.0.1:${await closedPort()}/ayalon` })
  for (const args of [CREATE, ['list'], ['revoke', '0123456789abcdef']])
    await t.rejects(
      run(...args),
      new ConfigError([
        { name: 'KEY_PEPPER', reason: 'is needed for keys in the database of a server' },
      ]),
    )
})

t.test('a database that is away is told', async (t) => {
  const url = `postgres://a:canary-password@127.0.0.1:${await closedPort()}/ayalon`
  const dataDir = newFolder(t)
  const run = commandIn({ DATABASE_URL: url, KEY_PEPPER: PEPPER, DATA_DIR: dataDir })
  for (const args of [CREATE, ['list'], ['revoke', '0123456789abcdef']])
    t.strictSame(await run(...args), {
      code: 69,
      lines: ['The database cannot be used: the database server cannot be reached.'],
    })
  t.strictSame(readdirSync(dataDir), [], 'and the audit trail says nothing of it')
})

t.test('a pepper that cannot be used is told', async (t) => {
  const dataDir = newFolder(t)
  writeFileSync(join(dataDir, PEPPER_FILE), 'canary-short')
  t.strictSame(await commandIn({ DATA_DIR: dataDir })(...CREATE), {
    code: 69,
    lines: [
      `No key can be made: the file ${PEPPER_FILE} in the data folder must have at least 32 characters.`,
    ],
  })
})

t.test('an error that nobody foresaw is not swallowed', async (t) => {
  const dataDir = newFolder(t)
  const connection = new Connection({ dataDir }, listenedLog().log)
  await connection.use(({ write }) =>
    write.schema.createIndex('once').on('api_keys').column('name').unique().execute(),
  )
  await connection.close()
  const run = commandIn({ DATA_DIR: dataDir })
  t.equal((await run(...CREATE)).code, 0)
  await t.rejects(run(...CREATE), /UNIQUE constraint failed/)
})

t.test('what cannot be written to the audit trail is done all the same, and told', async (t) => {
  const dataDir = newFolder(t)
  writeFileSync(join(dataDir, 'audit'), 'a file')
  const { code, lines } = await commandIn({ DATA_DIR: dataDir })(...CREATE)
  t.equal(code, 0)
  t.equal(lines[0], 'This could not be written to the audit log.')
  t.match(lines[1], KEY)
})
