import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { Worker } from 'node:worker_threads'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { readKeys } from '../../src/access/kept-keys.ts'
import { backUp } from '../../src/commands/backup.ts'
import { restoreBackup } from '../../src/commands/restore.ts'
import { ConfigError } from '../../src/config/faults.ts'
import { openDatabase } from '../../src/storage/database/database.ts'
import { migrate } from '../../src/storage/database/migrations.ts'
import { type Engine, environmentOf, newFolder, onBothEngines } from '../helpers/databases.ts'
import { differences, dump, type Installation, newInstallation } from '../helpers/history.ts'
import { closedPort } from '../helpers/ports.ts'
import { newDatabase, noPostgres, PASSWORD, startPostgres } from '../helpers/postgres.ts'
import { HERE_SAYS, startListening, startProcess, startService } from '../helpers/service.ts'
import { fillDisk, noFullDisk, smallDisk } from '../helpers/small-disk.ts'
import { standIn } from '../helpers/stand-in.ts'
import { MINUTE, tickAt, writeAll } from '../helpers/ticks.ts'
import {
  fullPlace,
  historyAnswers,
  LEFT_OUT,
  NO_END,
  PEPPER,
  rowsOf,
  TABLES,
} from './fixtures/full-place.ts'
import { ayalonTick, NOW, SPAN } from './fixtures/three-days.ts'

type Place = Pick<Installation, 'environment'>

/** Makes a backup; the exit code, what was printed, noted, and written to the standard output. */
async function backUpOf({ environment }: Place, ...args: string[]) {
  const printed: string[] = []
  const noted: string[] = []
  const out = new PassThrough({ highWaterMark: 1e9 })
  const host = {
    print: (line: string) => void printed.push(line),
    note: (line: string) => void noted.push(line),
    out,
    ...NO_END,
  }
  const code = await backUp(args, environment, host, () => NOW)
  const bytes: Buffer = out.read() ?? Buffer.alloc(0)
  return { code, printed, noted, bytes }
}

async function restoreTo({ environment }: Place, ...args: string[]) {
  const printed: string[] = []
  const code = await restoreBackup(args, environment, (line) => void printed.push(line))
  return { code, printed }
}

/** A place of the engine (else the embedded one) where there is nothing, not even a schema. */
async function emptyPlace(t: Test, engine?: Engine): Promise<Installation> {
  const place = (await engine?.newPlace(t)) ?? { dataDir: newFolder(t) }
  const db = await openDatabase(place, () => {})
  t.teardown(() => db.close())
  return { place, db, environment: await environmentOf(place) }
}

const KEYS_NEED =
  'It holds hashes of API keys, which need the pepper: keep KEY_PEPPER, or key-pepper of DATA_DIR, apart from it.'

/** The same rows in the same order; of thousands only those that differ are shown. */
function sameRows(t: Test, found: readonly string[], wanted: readonly string[]): void {
  t.equal(found.length, wanted.length)
  t.strictSame(
    found.filter((row, index) => row !== wanted[index]),
    [],
  )
}

/** The same answers, but for the last digits of sums: engines add in any order. */
function sameAnswers(t: Test, found: readonly string[], wanted: readonly string[]): void {
  t.equal(found.length, wanted.length)
  for (const [index, answer] of found.entries()) {
    const other = wanted[index] ?? ''
    t.strictSame(answer === other ? [] : differences(answer, other), [])
  }
}

/** The lines of an archive between its head and its tail; servers have orders of their own. */
const linesIn = (file: string): string[] =>
  gunzipSync(readFileSync(file)).toString().split('\n').slice(1, -2).toSorted()

await onBothEngines(t, async (t, engine) => {
  const full = await fullPlace(t, engine)
  const copy = await emptyPlace(t, engine)
  const rows = await rowsOf(full.db.read)
  const answers = await historyAnswers(t, full)
  const counts = TABLES.map(
    (table) => `${table} ${rows.filter((row) => row.startsWith(`${table} `)).length}`,
  )
  const dir = newFolder(t)
  const file = join(dir, 'first.gz')

  t.test('a backup holds every row, says what it needs, and changes nothing', async (t) => {
    for (const table of [...TABLES, ...LEFT_OUT])
      t.not((await dump(full.db.read, table)).length, 0, `there is something in ${table}`)
    t.strictSame(await backUpOf(full, file), {
      code: 0,
      printed: [`${file}: ${rows.length} rows`, KEYS_NEED],
      noted: [],
      bytes: Buffer.alloc(0),
    })
    t.equal(statSync(file).mode & 0o777, 0o600)
    sameRows(t, await rowsOf(full.db.read), rows)
  })

  /** Restores into an empty place and compares all of it. */
  const restore = async (t: Test, from: string, empty: Installation): Promise<void> => {
    const { code, printed } = await restoreTo(empty, from)
    t.equal(code, 0, printed.join())
    t.match(printed[0], / made 2026-10-27T06:00:00.000Z by version \d.*, schema \d{4}_/)
    t.strictSame(printed.slice(1), counts)
    sameRows(t, await rowsOf(empty.db.read), rows)
    sameAnswers(t, await historyAnswers(t, empty), answers)
    t.strictSame(await dump(empty.db.read, ...LEFT_OUT), [])
    t.equal((await readKeys(empty.db.read)).length, 1)
  }

  t.test('restored into either engine every row and every answer is the same', async (t) => {
    const embedded = engine.name === 'sqlite' ? copy : await emptyPlace(t)
    await restore(t, file, embedded)
    const again = join(dir, 'again.gz')
    t.equal((await backUpOf(embedded, again)).code, 0)
    const lines = linesIn(again)
    t.ok(lines.length > rows.length)
    sameRows(t, lines, linesIn(file))
    if (embedded !== copy) await restore(t, again, copy)
  })

  t.test('the restored place goes on as the first one does, and takes no other', async (t) => {
    const { code, printed } = await restoreTo(copy, file)
    t.equal(code, 73)
    t.equal(
      printed[1],
      `The database is not empty, and nothing was changed: ${TABLES.join(', ')} have rows.`,
    )
    sameRows(t, await rowsOf(copy.db.read), rows)
    const next = [100, 104].map((minute) => ayalonTick(SPAN.toMs + minute * MINUTE))
    for (const { db } of [full, copy]) await writeAll(db.write, next)
    const [here, there] = [
      await historyAnswers(t, copy, ['1h']),
      await historyAnswers(t, full, ['1h']),
    ]
    t.ok(
      there.some((answer) => !answers.includes(answer)),
      'something came',
    )
    sameAnswers(t, here, there)
  })

  t.test('into the standard output goes the archive and nothing else', async (t) => {
    const place = await newInstallation(t, engine)
    await writeAll(place.db.write, [ayalonTick(SPAN.fromMs)])
    const { code, printed, noted, bytes } = await backUpOf(place, '-')
    t.equal(code, 0)
    t.strictSame(printed, [])
    t.match(noted, [/^standard output: \d+ rows$/])
    const file = join(newFolder(t), 'piped.gz')
    writeFileSync(file, bytes)
    const empty = await emptyPlace(t)
    t.equal((await restoreTo(empty, file)).code, 0)
    t.strictSame(await rowsOf(empty.db.read), await rowsOf(place.db.read))
  })

  t.test('without a schema there is nothing to back up', async (t) => {
    const file = join(newFolder(t), 'a.gz')
    const takenBack = await newInstallation(t, engine)
    while ((await migrate(takenBack.db.write, 'down')).length > 0);
    const places = [await emptyPlace(t, engine), takenBack]
    const printed = [
      'The database cannot be used: it has no schema, so there is nothing to back up.',
    ]
    for (const place of places) t.match(await backUpOf(place, file), { code: 69, printed })
    t.strictSame(readdirSync(join(file, '..')), [])
  })
})

t.test('where there is no embedded database none is made', async (t) => {
  const dir = newFolder(t)
  const place = { environment: { DATA_DIR: join(dir, 'data') } }
  t.match(await backUpOf(place, join(dir, 'a.gz')), {
    code: 69,
    printed: ['There is no database in the data folder.'],
  })
  t.strictSame(readdirSync(dir), [])
})

t.test('a file that cannot be written is told, and nothing is left of it', async (t) => {
  const place = await newInstallation(t)
  await writeAll(place.db.write, [ayalonTick(SPAN.fromMs)])
  const dir = newFolder(t)
  mkdirSync(join(dir, 'folder'))
  writeFileSync(join(dir, 'old'), 'kept')
  const before = readdirSync(dir)
  for (const [name, fault] of [
    ['old', 'is there already: it is not written over'],
    ['folder', 'is there already: it is not written over'],
    ['missing/a', 'cannot be written: its folder is not there'],
    ['old/a', 'cannot be written: its folder is not a folder'],
    ['l'.repeat(250), 'cannot be written (ENAMETOOLONG)'],
  ] as const) {
    const file = join(dir, name)
    const { code, printed } = await backUpOf(place, file)
    t.equal(code, 73)
    t.strictSame(printed, [`${file}: ${fault}`])
  }
  t.strictSame(readdirSync(dir), before)
  t.equal(readFileSync(join(dir, 'old'), 'utf8'), 'kept')
})

t.test('of two backups to one file one is kept, and the other is told', async (t) => {
  const place = await newInstallation(t)
  await writeAll(place.db.write, [ayalonTick(SPAN.fromMs)])
  const dir = newFolder(t)
  const file = join(dir, 'a.gz')
  const [first, second] = await Promise.all([backUpOf(place, file), backUpOf(place, file)])
  t.strictSame([first.code, second.code].toSorted(), [0, 73])
  const lost = first.code === 73 ? first : second
  t.strictSame(lost.printed, [`${file}: is there already: it is not written over`])
  t.strictSame(readdirSync(dir), ['a.gz'])
  t.equal((await restoreTo(await emptyPlace(t), file)).code, 0)
})

/** Backs up; what is done when the last table is asked for comes before the end. */
async function meddled(t: Test, meddle: (dir: string) => void) {
  const place = await newInstallation(t)
  const dir = newFolder(t)
  const post = Worker.prototype.postMessage
  t.teardown(() => {
    Worker.prototype.postMessage = post
  })
  Worker.prototype.postMessage = function (message, ...rest) {
    if (String(message.sql).includes('"analytics_counts"')) meddle(dir)
    post.call(this, message, ...rest)
  }
  const { code, printed } = await backUpOf(place, join(dir, 'a.gz'))
  return { code, said: printed.map((line) => line.replace(/^.*a\.gz: /, '')), dir }
}

t.test('a file that appeared meanwhile is not written over', async (t) => {
  const { code, said, dir } = await meddled(t, (dir) => writeFileSync(join(dir, 'a.gz'), 'kept'))
  t.equal(code, 73)
  t.strictSame(said, ['is there already: it is not written over'])
  t.strictSame(readdirSync(dir), ['a.gz'])
  t.equal(readFileSync(join(dir, 'a.gz'), 'utf8'), 'kept')
})

t.test('a file that is deleted while it is written is told, and has no name', async (t) => {
  const { code, said, dir } = await meddled(t, (dir) => {
    for (const name of readdirSync(dir)) rmSync(join(dir, name))
  })
  t.equal(code, 73)
  t.strictSame(said, ['cannot be written: it was deleted meanwhile'])
  t.strictSame(readdirSync(dir), [])
})

/** Half-way a backup of the embedded engine is sent a signal, and hangs. */
const signalHalfWay = (signal: string) => `
import { Worker } from 'node:worker_threads'
const post = Worker.prototype.postMessage
Worker.prototype.postMessage = function (message, ...rest) {
  if (String(message.sql).includes('FROM "totals"')) process.kill(process.pid, '${signal}')
  else post.call(this, message, ...rest)
}
`

t.test('a signal ends a backup at once, and nothing is left of it', async (t) => {
  const { environment } = await newInstallation(t)
  const dir = t.testdir({
    'SIGINT.mjs': signalHalfWay('SIGINT'),
    'SIGTERM.mjs': signalHalfWay('SIGTERM'),
    backups: {},
  })
  const ends = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const
  await Promise.all(
    ends.map(async ([signal, code]) => {
      const NODE_OPTIONS = `--import=${join(dir, `${signal}.mjs`)}`
      const args = ['backup', join(dir, 'backups', signal)]
      const { exited, output } = startProcess(t, { ...environment, NODE_OPTIONS }, args)
      t.equal(await exited, code, output())
    }),
  )
  t.strictSame(readdirSync(join(dir, 'backups')), [])
})

t.test('a disk that becomes full leaves no file', { skip: noFullDisk() }, async (t) => {
  const place = await newInstallation(t)
  // Nothing of it can be packed.
  const body = execFileSync('head', ['-c', '200000', '/dev/urandom'], { encoding: 'base64' })
  const call = { name: 'a', atMs: NOW, durationMs: 1, outcome: 'ok', body } as const
  await writeAll(place.db.write, [tickAt(NOW, { calls: [call] })])
  const disk = smallDisk(t)
  fillDisk(disk)
  const file = join(disk, 'a.gz')
  t.match(await backUpOf(place, file), {
    code: 73,
    printed: [`${file}: cannot be written: the disk is full`],
  })
  t.strictSame(readdirSync(disk), ['filler'])
})

t.test('a reader that goes away is told', async (t) => {
  const { environment } = await newInstallation(t)
  const out = new Writable({
    write(_bytes, _encoding, done) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    },
  })
  const noted: string[] = []
  const note = (line: string) => void noted.push(line)
  const host = { print: () => {}, note, out, ...NO_END }
  t.equal(await backUp(['-'], environment, host, Date.now), 73)
  t.strictSame(noted, ['standard output: cannot be written: nobody reads it'])
})

t.test('a wrong command line is told, and does nothing', async (t) => {
  const place = { environment: { PORT: 'http' } }
  for (const args of [[], ['a', 'b'], ['--help'], ['-x']]) {
    t.match(await backUpOf(place, ...args), {
      code: 64,
      printed: [/^usage: npm run backup -- FILE/],
    })
    t.match(await restoreTo(place, ...args), {
      code: 64,
      printed: [/^usage: npm run restore -- FILE/],
    })
  }
  t.match(await restoreTo(place, '-'), { code: 64 }, 'it must be read twice')
  await t.rejects(backUpOf(place, 'a'), ConfigError)
  await t.rejects(restoreTo(place, 'a'), ConfigError)
})

t.test('a server that is away is told without its password, and no file is left', async (t) => {
  const url = `postgres://ayalon:canary@127.0.0.1:${await closedPort()}/ayalon`
  const dir = newFolder(t)
  const away = { environment: { DATABASE_URL: url } }
  const printed = ['The database cannot be used: the database server cannot be reached.']
  t.match(await backUpOf(away, join(dir, 'a.gz')), { code: 69, printed })
  t.strictSame(readdirSync(dir), [])
  const file = join(dir, 'b.gz')
  t.equal((await backUpOf(await newInstallation(t), file)).code, 0)
  t.match(await restoreTo(away, file), { code: 69, printed: [/^.*b\.gz: made /, ...printed] })
})

t.test('a file that is not there is told, and no database is made', async (t) => {
  const dir = newFolder(t)
  const place = { environment: { DATA_DIR: join(dir, 'data') } }
  for (const file of [join(dir, 'missing'), dir])
    t.strictSame(await restoreTo(place, file), { code: 66, printed: [`${file}: cannot be read`] })
  t.strictSame(readdirSync(dir), [])
})

const SECRETS = ['canary-of-a-client-01', 'canary-of-here-0123', PEPPER, PASSWORD]

t.test(
  'a running service moves from the embedded engine to a server with all it has',
  { skip: noPostgres() },
  async (t) => {
    const server = await startPostgres()
    t.teardown(() => server.stop())
    const dir = t.testdir({ data: {} })
    // After its first answer the provider keeps silent: what is served is what was restored.
    const here = await standIn(t, { body: HERE_SAYS }, () => {})
    const environment = {
      API_KEYS: `ops:admin:${SECRETS[0]}`,
      AUTH_READS: 'key',
      HERE_API_KEY: SECRETS[1] ?? '',
      HERE_BASE_URL: here.baseUrl.href,
      KEY_PEPPER: PEPPER,
    }
    const embedded = { ...environment, DATA_DIR: join(dir, 'data') }
    const first = await startService(t, embedded)
    const create = startProcess(t, embedded, ['keys', 'create', '--name=d', '--scope=read'])
    t.equal(await create.exited, 0, create.output())
    const key = /^ayalon_\S+$/m.exec(create.output())?.[0] ?? ''
    const ask = async (url: string, path: string): Promise<string> =>
      (await fetch(`${url}/v1/traffic/ayalon${path}`, { headers: { 'x-api-key': key } })).text()
    let bucket = ''
    while (!bucket.includes('"modelVersion":"')) bucket = await ask(first.url, '/history')
    const before = JSON.parse(await ask(first.url, ''))
    const file = join(dir, 'moved.gz')
    const backup = startProcess(t, embedded, ['backup', file])
    t.equal(await backup.exited, 0, backup.output())
    t.match(backup.output(), KEYS_NEED)
    const onServer = { ...environment, DATABASE_URL: await newDatabase(server), DATA_DIR: 'new' }
    const restore = startProcess(t, onServer, ['restore', file])
    t.equal(await restore.exited, 0, restore.output())
    const again = join(dir, 'again.gz')
    const second = await backUpOf({ environment: onServer }, again)
    t.equal(second.code, 0)
    for (const text of [file, again].map((name) => gunzipSync(readFileSync(name)).toString()))
      for (const secret of [...SECRETS, key.slice(-40)]) t.notOk(text.includes(secret))
    for (const output of [backup.output(), restore.output(), second.printed.join()])
      for (const secret of SECRETS) t.notOk(output.includes(secret))
    first.process.kill('SIGTERM')
    await first.exited
    const moved = await startListening(t, onServer)
    const after = JSON.parse(await ask(moved.url, ''))
    t.equal(after.snapshot.id, before.snapshot.id)
    t.equal(after.snapshot.fetchedAt, before.snapshot.fetchedAt, 'with its true age')
    t.strictSame(JSON.parse(await ask(moved.url, '/history')).buckets, JSON.parse(bucket).buckets)
  },
)
