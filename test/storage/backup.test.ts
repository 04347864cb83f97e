import { createHash, randomBytes } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import pkg from '../../package.json' with { type: 'json' }
import { backUp } from '../../src/commands/backup.ts'
import { restoreBackup } from '../../src/commands/restore.ts'
import { DECISIONS, KEPT_TABLES } from '../../src/storage/backup/kept-tables.ts'
import { atOneMoment } from '../../src/storage/backup/one-moment.ts'
import type { Database } from '../../src/storage/database/database.ts'
import { MIGRATIONS_DIR, migrate, migrationNames } from '../../src/storage/database/migrations.ts'
import { computeTotals } from '../../src/storage/totals/compute-totals.ts'
import { NO_END, rowsOf } from '../commands/fixtures/full-place.ts'
import { MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { migrated, newFolder, onBothEngines } from '../helpers/databases.ts'
import { type Installation, newInstallation } from '../helpers/history.ts'
import { schemaOf } from '../helpers/schema.ts'
import { startProcess } from '../helpers/service.ts'
import { contentsOf, MINUTE, tickAt, writeAll } from '../helpers/ticks.ts'

const NOW = Date.parse('2026-11-18T06:00:00Z')
const NAMES = migrationNames(MIGRATIONS_DIR)
const ticks = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => tickAt(NOW + (from + index) * 5 * MINUTE))

const DAMAGED = 'is damaged: make another backup'
const CUT_OFF = 'is cut off: make another backup'
const UNPACKABLE = 'is damaged, or not a backup of this service'
const FOREIGN = 'is not a backup of this service'

/** Makes a backup of a place; its file, and what was printed. */
async function backUpOf(t: Test, { environment }: Pick<Installation, 'environment'>) {
  const file = join(newFolder(t), 'a.gz')
  const printed: string[] = []
  const print = (line: string) => void printed.push(line)
  const host = { print, note: print, out: process.stdout, ...NO_END }
  const code = await backUp([file], environment, host, () => NOW)
  return { code, file, printed, left: readdirSync(join(file, '..')) }
}

async function restoreTo(
  { environment }: Pick<Installation, 'environment'>,
  file: string,
  dir?: string,
) {
  const printed: string[] = []
  const code = await restoreBackup([file], environment, (line) => void printed.push(line), dir)
  return { code, said: printed.map((line) => line.replace(`${file}: `, '')) }
}

/** The columns of a table's primary key, in order. */
async function keyOf({ engine, read }: Database, table: string): Promise<string[]> {
  const query =
    engine === 'sqlite'
      ? sql<{ name: string }>`SELECT name FROM pragma_table_info(${table}) WHERE pk > 0 ORDER BY pk`
      : sql<{ name: string }>`
          SELECT column_name AS name FROM information_schema.key_column_usage
          WHERE table_schema = current_schema() AND constraint_name = ${`${table}_pkey`}
          ORDER BY ordinal_position`
  return (await query.execute(read)).rows.map(({ name }) => name)
}

/** A restore into the embedded engine that is killed in the middle of it. */
const KILL_HALF_WAY = `
import { Worker } from 'node:worker_threads'
const post = Worker.prototype.postMessage
Worker.prototype.postMessage = function (message, ...rest) {
  post.call(this, message, ...rest)
  if (String(message.sql).startsWith('INSERT INTO "totals"')) process.kill(process.pid, 'SIGKILL')
}
`

await onBothEngines(t, async (t, engine) => {
  t.test('of every table it is decided whether a backup keeps it, and by which key', async (t) => {
    const database = await migrated(t, engine)
    const tables = (await database.read.introspection.getTables()).map(({ name }) => name)
    t.strictSame(
      Object.keys(DECISIONS).toSorted(),
      tables.filter((name) => !name.startsWith('kysely_')).toSorted(),
    )
    for (const { table, key } of KEPT_TABLES) t.strictSame(key, await keyOf(database, table), table)
  })

  t.test('more rows than one page come back, of raw answers too', async (t) => {
    const full = await newInstallation(t, engine)
    const body = { name: 'a', atMs: NOW, durationMs: 1, outcome: 'ok', body: 'x' } as const
    const calls = Array.from({ length: 21 }, () => body)
    await writeAll(full.db.write, [tickAt(NOW, { calls }), ...ticks(3, 1)])
    const spent = Array.from({ length: 2001 }, (_, index) => ({
      provider: `p${index % 7}`,
      period: 'hour' as const,
      start_ms: index * 3_600_000,
      calls: index,
    }))
    await full.db.write.insertInto('quota_calls').values(spent).execute()
    const { file } = await backUpOf(t, full)
    const empty = await newInstallation(t, engine)
    t.equal((await restoreTo(empty, file)).code, 0)
    t.strictSame(await rowsOf(empty.db.read), await rowsOf(full.db.read))
    t.equal((await empty.db.read.selectFrom('raw_bodies').selectAll().execute()).length, 21)
  })

  t.test('a backup that is made while the service writes is of one moment', async (t) => {
    const busy = await newInstallation(t, engine)
    await writeAll(busy.db.write, ticks(12))
    let writing = true
    let written = 12
    const writer = (async () => {
      while (writing) await writeAll(busy.db.write, ticks(1, written++))
    })()
    const backups = [await backUpOf(t, busy), await backUpOf(t, busy)]
    writing = false
    await writer
    const sizes: number[] = []
    for (const { file, code } of backups) {
      t.equal(code, 0)
      const empty = await newInstallation(t)
      t.equal((await restoreTo(empty, file)).code, 0)
      const { write } = empty.db
      const before = await contentsOf(write)
      const task = { corridorId: MILL_ROAD.id, source: 'live', model: 'physical' } as const
      const kept = await write.selectFrom('refreshes').select('ended_ms').execute()
      const toMs = Math.max(...kept.map(({ ended_ms }) => ended_ms))
      await computeTotals(write, { ...task, timeZone: MILL_ROAD.timeZone, fromMs: NOW, toMs })
      t.strictSame(await contentsOf(write), before, 'its totals are those of its observations')
      const seen = await write.selectFrom('observations').selectAll().execute()
      t.equal(seen.length, kept.length * 4, 'of each refresh all sections, or none')
      sizes.push(seen.length)
    }
    t.ok(Number(sizes[1]) > Number(sizes[0]), 'it was written meanwhile')
  })

  t.test('a backup of an earlier schema is restored, and then has the present one', async (t) => {
    const dir = join(newFolder(t), 'migrations')
    const earlier = NAMES.slice(0, 2)
    cpSync(MIGRATIONS_DIR, dir, {
      recursive: true,
      filter: (file) => file === MIGRATIONS_DIR || earlier.some((name) => file.includes(name)),
    })
    const old = await newInstallation(t, engine)
    while ((await schemaOf(old.db)).some((line) => line.includes('api_keys')))
      await migrate(old.db.write, 'down')
    await writeAll(old.db.write, ticks(4))
    const { file } = await backUpOf(t, old)
    // Into a place that has the present schema already, and into one that has none.
    const [present, none] = [await newInstallation(t, engine), await newInstallation(t, engine)]
    while ((await migrate(none.db.write, 'down')).length > 0);
    const expected = await schemaOf(present.db)
    for (const place of [present, none]) {
      t.equal((await restoreTo(place, file)).code, 0)
      t.strictSame(await schemaOf(place.db), expected)
      t.strictSame(await contentsOf(place.db.read), await contentsOf(old.db.read))
    }
    // The other way round: what an earlier version makes of a backup of this one.
    const now = await backUpOf(t, present)
    const empty = await newInstallation(t, engine)
    t.match(await restoreTo(empty, now.file, dir), {
      code: 65,
      said: [/^was made by another version of this service \(\d.*, \d{4}_/],
    })
    t.match(await restoreTo(empty, file, dir), {
      code: 69,
      said: [/^made /, /that of a newer version of this service/],
    })
    t.strictSame(await contentsOf(empty.db.read), [])
  })

  t.test('a schema that this version does not know is not backed up', async (t) => {
    const place = await newInstallation(t, engine)
    await sql`INSERT INTO kysely_migration VALUES ('9999_later', '2099')`.execute(place.db.write)
    t.match(await backUpOf(t, place), {
      code: 69,
      printed: [/the schema of the database is that of a newer version/],
      left: [],
    })
  })

  t.test('a number that JSON cannot hold is told when the backup is made', async (t) => {
    const place = await newInstallation(t, engine)
    await writeAll(place.db.write, ticks(2))
    const endless = engine.name === 'sqlite' ? '9e999' : "'infinity'"
    await sql`UPDATE totals SET delay_high = ${sql.raw(endless)}`.execute(place.db.write)
    t.match(await backUpOf(t, place), {
      code: 69,
      printed: ['The database cannot be used: a number in totals is not finite.'],
      left: [],
    })
  })

  t.test('a restore that fails half-way leaves the place as it was', async (t) => {
    const full = await newInstallation(t)
    await writeAll(full.db.write, ticks(4))
    const { file } = await backUpOf(t, full)
    const place = await newInstallation(t, engine)
    while ((await migrate(place.db.write, 'down')).length > 0);
    // Right by its sum, and wrong in its last table but one.
    const [head = '', ...lines] = gunzipSync(readFileSync(file)).toString().split('\n').slice(0, -2)
    const at = lines.findIndex((line) => line.startsWith('{"table":"provider_rounds"'))
    const broken = [head, ...lines.slice(0, at + 1), '["here"]', ...lines.slice(at + 1)]
    t.match(await restoreTo(place, sealed(t, broken)), { code: 65, said: [/^made/, DAMAGED] })
    t.strictSame(await schemaOf(place.db), [])
    t.equal((await restoreTo(place, file)).code, 0)
    t.strictSame(await rowsOf(place.db.read), await rowsOf(full.db.read))
  })

  t.test('an archive with a wrong row is damaged, though its sum is right', async (t) => {
    const place = await newInstallation(t, engine)
    const { file } = await backUpOf(t, place)
    const [head = ''] = gunzipSync(readFileSync(file)).toString().split('\n')
    const round = '{"table":"provider_rounds","columns":["provider","round_ms"]}'
    const series = ['corridor', 'source', 'direction', 'section', 'model', 'model_version']
    const seriesLine = JSON.stringify({ table: 'series', columns: ['id', ...series] })
    for (const [name, ...lines] of [
      ['twice the same', round, '["here",1]', '["here",1]'],
      ['nothing where there must be something', round, '["here",null]'],
      ['text for a number', round, '["here","1"]'],
      ['a number for text', round, '[1,1]'],
      ['a part of a number', seriesLine, JSON.stringify([1.5, ...series])],
      ['too little', round, '["here"]'],
      ['too much', round, '["here",1,1]'],
    ] as const) {
      const bad = sealed(t, [head, ...lines])
      t.match(await restoreTo(place, bad), { code: 65, said: [/^made/, DAMAGED] }, name)
    }
    t.strictSame(await rowsOf(place.db.read), [])
  })
})

/** An archive of these lines with a tail that is right by its sum. */
function sealed(t: Test, lines: readonly string[]): string {
  const rows: Record<string, number> = {}
  let table = ''
  for (const line of lines.slice(1))
    if (line.startsWith('{')) {
      table = JSON.parse(line).table
      rows[table] = 0
    } else rows[table] = (rows[table] ?? 0) + 1
  const text = lines.map((line) => `${line}\n`).join('')
  const sha256 = createHash('sha256').update(text).digest('hex')
  const file = join(newFolder(t), 'sealed.gz')
  writeFileSync(file, gzipSync(`${text}${JSON.stringify({ rows, sha256 })}\n`))
  return file
}

/** The server waits for a slow reader of a backup as long as it takes, and may end a backup. */
async function slowAndCut(t: Test, place: Installation): Promise<void> {
  // So much that nobody holds it all in buffers: pages are read after the first was written.
  const calls = Array.from({ length: 60 }, () => {
    const body = randomBytes(20_000).toString('base64')
    return { name: 'a', atMs: NOW, durationMs: 1, outcome: 'ok', body } as const
  })
  await writeAll(place.db.write, [tickAt(NOW, { calls })])
  const limit = sql<{ wait: string }>`
    SELECT current_setting('idle_in_transaction_session_timeout') AS wait`
  t.strictSame((await limit.execute(place.db.read)).rows, [{ wait: '10s' }])
  t.strictSame((await atOneMoment(place.db, (db) => limit.execute(db))).rows, [{ wait: '0' }])
  const noted: string[] = []
  const note = (line: string) => void noted.push(line)
  const out = new Writable({
    write(_bytes, _encoding, done) {
      const end = sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()`
      end.execute(place.db.write).then(() => done(), t.threw)
    },
  })
  const host = { print: note, note, out, ...NO_END }
  t.equal(await backUp(['-'], place.environment, host, () => NOW), 69)
  t.match(noted.at(-1), /^The database cannot be used: /)
}

t.test('a file that is cut off, altered or foreign is refused, and nothing made', async (t) => {
  const full = await newInstallation(t)
  await writeAll(full.db.write, ticks(3))
  const { file } = await backUpOf(t, full)
  const bytes = readFileSync(file)
  const text = gunzipSync(bytes).toString()
  const lines = text.trimEnd().split('\n')
  const [head = ''] = lines
  const dir = newFolder(t)
  const place = { environment: { DATA_DIR: join(dir, 'data') } }
  const bad = join(dir, 'bad.gz')
  const refuse = async (content: Buffer, fault: string, name: string) => {
    writeFileSync(bad, content)
    t.strictSame(await restoreTo(place, bad), { code: 65, said: [fault] }, name)
  }
  for (let part = 1; part < 8; part += 1)
    await refuse(bytes.subarray(0, (bytes.length * part) / 8), CUT_OFF, `cut at ${part}/8`)
  await refuse(bytes.subarray(0, -1), CUT_OFF, 'cut by a byte')
  const middle = bytes.length >> 1
  const flipped = Buffer.from(bytes)
  flipped[middle] = (flipped[middle] ?? 0) ^ 1
  writeFileSync(bad, flipped)
  const { code, said } = await restoreTo(place, bad)
  t.equal(code, 65)
  t.ok([UNPACKABLE, DAMAGED, CUT_OFF].includes(said[0] ?? ''), 'a bit that fell over')
  const packed = (...all: string[]) => gzipSync(all.map((line) => `${line}\n`).join(''))
  for (const [name, content, fault] of [
    ['nothing', Buffer.alloc(0), CUT_OFF],
    ['a text of nothing', gzipSync(''), FOREIGN],
    ['not packed', Buffer.from(text), UNPACKABLE],
    ['another text', packed('hello'), FOREIGN],
    ['other JSON', packed('{"format":"another backup"}'), FOREIGN],
    ['an endless line', gzipSync(Buffer.alloc(40_000_000, 'x')), FOREIGN],
    ['no tail', packed(...lines.slice(0, -1)), CUT_OFF],
    ['a row less', packed(...lines.slice(0, -3), ...lines.slice(-2)), DAMAGED],
    ['another digit', packed(...lines.map((line) => line.replace('30,', '31,'))), DAMAGED],
    ['another head', packed(head.replace('sqlite', 'postgres'), ...lines.slice(1)), DAMAGED],
    ['another count', packed(...lines.map((line) => line.replace('"gaps":', '"gapz":'))), DAMAGED],
    ['more after the tail', packed(...lines, '[]'), DAMAGED],
    ['the begin of more', Buffer.concat([packed(...lines), gzipSync('[')]), DAMAGED],
    ['a row of no table', packed(head, '[1]', ...lines.slice(1)), DAMAGED],
    ['a line of another kind', packed(head, '"a"', ...lines.slice(1)), DAMAGED],
    ['a broken line', packed(head, '{', ...lines.slice(1)), DAMAGED],
  ] as const)
    await refuse(content, fault, name)
  const later = head.replace('"formatVersion":1', '"formatVersion":2')
  for (const other of [later, head.replace(/"schema":"\w+/, '"schema":"9999_later')])
    await refuse(
      packed(other, ...lines.slice(1)),
      `was made by another version of this service (${pkg.version}, ${JSON.parse(other).schema})`,
      other,
    )
  t.strictSame(readdirSync(dir), ['bad.gz'])
})

t.test('an archive that names other tables or columns is damaged', async (t) => {
  const place = await newInstallation(t)
  const { file } = await backUpOf(t, place)
  const [head = ''] = gunzipSync(readFileSync(file)).toString().split('\n')
  for (const [table, row] of [
    ['{"table":"kysely_migration","columns":["name","timestamp"]}', '["9999_later","2099"]'],
    ['{"table":"provider_rounds","columns":["provider","round_ms\\") --"]}', '["here",1]'],
    ['{"table":"provider_rounds","columns":["provider","round_ms"]}', '["here",true]'],
  ] as const)
    t.match(
      await restoreTo(place, sealed(t, [head, table, row])),
      { code: 65, said: [/^made/, DAMAGED] },
      table,
    )
})

t.test('a text that Postgres cannot hold is told, and nothing is restored', async (t) => {
  const full = await newInstallation(t)
  await writeAll(full.db.write, ticks(2))
  const detail = `a\u0000b`
  await full.db.write.updateTable('refreshes').set({ detail }).execute()
  const { file } = await backUpOf(t, full)
  await onBothEngines(t, async (t, engine) => {
    const place = await newInstallation(t, engine)
    const { code, said } = await restoreTo(place, file)
    if (engine.name === 'sqlite') {
      t.equal(code, 0)
      t.strictSame(await rowsOf(place.db.read), await rowsOf(full.db.read))
      return
    }
    t.equal(code, 65)
    t.equal(said[1], "has a character in refreshes that the server's database cannot keep")
    t.strictSame(await rowsOf(place.db.read), [])
    // What the server itself does to a backup: it ends it, but not because its reader is slow.
    await slowAndCut(t, place)
  })
})

t.test('a fault that nobody foresaw changes nothing either', async (t) => {
  const full = await newInstallation(t)
  await writeAll(full.db.write, ticks(2))
  const { file } = await backUpOf(t, full)
  const place = await newInstallation(t)
  await sql`CREATE TRIGGER stop BEFORE INSERT ON totals BEGIN INSERT INTO nowhere VALUES (1); END`.execute(
    place.db.write,
  )
  await t.rejects(restoreTo(place, file), /nowhere/)
  t.strictSame(await rowsOf(place.db.read), [])
})

t.test('a killed restore leaves an empty place, and can be begun again', async (t) => {
  const full = await newInstallation(t)
  await writeAll(full.db.write, ticks(4))
  const { file } = await backUpOf(t, full)
  const dir = t.testdir({ 'kill.mjs': KILL_HALF_WAY })
  const place = await newInstallation(t)
  const environment = {
    ...place.environment,
    NODE_OPTIONS: `--import=${join(dir, 'kill.mjs')}`,
  }
  const victim = startProcess(t, environment, ['restore', file])
  t.equal(await victim.exited, null, victim.output())
  t.strictSame(await rowsOf(place.db.read), [])
  t.equal((await restoreTo(place, file)).code, 0)
  t.strictSame(await rowsOf(place.db.read), await rowsOf(full.db.read))
})
