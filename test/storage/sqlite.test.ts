import { readdirSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { type Database, openDatabase } from '../../src/storage/database/database.ts'
import { databaseFault } from '../../src/storage/database/faults.ts'
import { newFolder } from '../helpers/databases.ts'

async function open(t: Test, dataDir = newFolder(t)): Promise<Database> {
  const database = await openDatabase({ dataDir }, () => {})
  t.teardown(() => database.close())
  return database
}

t.test('more different statements than are kept prepared all run', async (t) => {
  const { write } = await open(t)
  for (const round of [1, 2])
    for (let number = 0; number < 250; number += 1) {
      const { rows } = await sql`SELECT ${sql.lit(number)} AS number`.execute(write)
      if (JSON.stringify(rows) !== `[{"number":${number}}]`) t.fail(`${round}: ${number}`)
    }
})

t.test(
  'what is written by one connection is read by another, and says how much it was',
  async (t) => {
    const dataDir = newFolder(t)
    const [one, other] = [await open(t, dataDir), await open(t, dataDir)]
    await sql`CREATE TABLE words (id BIGINT NOT NULL PRIMARY KEY, word TEXT)`.execute(one.write)
    const inserted = await sql`
    INSERT INTO words VALUES (${1}, ${'one'}), (${2}, ${null})`.execute(one.write)
    t.equal(inserted.numAffectedRows, 2n)
    for (const db of [one.read, other.read, other.write])
      t.strictSame((await sql`SELECT * FROM words ORDER BY id`.execute(db)).rows, [
        { id: 1, word: 'one' },
        { id: 2, word: null },
      ])
  },
)

t.test('a transaction that fails leaves nothing', async (t) => {
  const { write } = await open(t)
  await sql`CREATE TABLE words (id BIGINT NOT NULL PRIMARY KEY)`.execute(write)
  await t.rejects(
    write.transaction().execute(async (transaction) => {
      await sql`INSERT INTO words VALUES (1)`.execute(transaction)
      await sql`INSERT INTO words VALUES (1)`.execute(transaction)
    }),
    /UNIQUE/,
  )
  t.strictSame((await sql`SELECT * FROM words`.execute(write)).rows, [])
})

t.test('a text that is no statement is a fault of the program, not of the database', async (t) => {
  const { write } = await open(t)
  const error = await sql
    .raw('')
    .execute(write)
    .catch((reason: unknown) => reason)
  t.ok(error instanceof Error)
  t.equal(databaseFault(error), null)
  t.strictSame((await sql`SELECT 1 AS one`.execute(write)).rows, [{ one: 1 }], 'and it goes on')
})

t.test('closing leaves one file with all that was written, also after a long read', async (t) => {
  const dataDir = newFolder(t)
  const { write, read, close } = await openDatabase({ dataDir }, () => {})
  for (const db of [write, read]) await sql`PRAGMA user_version`.execute(db)
  await sql`CREATE TABLE words (id BIGINT NOT NULL PRIMARY KEY)`.execute(write)
  const long = sql`
    WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 1000000)
    SELECT max(n) AS n FROM counted`.execute(read)
  // Now the thread has it.
  await setImmediate()
  await close()
  t.strictSame((await long).rows, [{ n: 1_000_000 }])
  t.strictSame(readdirSync(dataDir), ['ayalon.db'])
})

t.test('where one connection fails to close the other is closed', async (t) => {
  const { write, read, close } = await open(t)
  for (const db of [write, read]) await sql`SELECT 1`.execute(db)
  const post = Worker.prototype.postMessage
  Worker.prototype.postMessage = function () {
    Worker.prototype.postMessage = post
    this.emit('error', new Error('it broke'))
    void this.terminate()
  }
  await t.rejects(close(), /it broke/)
  await t.rejects(sql`SELECT 1`.execute(write), /destroyed/)
})

t.test('rows are not streamed', async (t) => {
  const { read } = await open(t)
  const rows = read.selectFrom('series').selectAll().stream()
  await t.rejects(rows.next(), /not streamed/)
})
