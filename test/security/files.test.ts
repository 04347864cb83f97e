import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { openDatabase } from '../../src/storage/database/database.ts'
import { newFolder } from '../helpers/databases.ts'

t.test('the files of the embedded database are for its owner alone', async (t) => {
  const dataDir = newFolder(t)
  const before = process.umask(0o022)
  t.teardown(() => process.umask(before))
  const database = await openDatabase({ dataDir }, () => {})
  t.teardown(() => database.close())
  await sql`CREATE TABLE words (word TEXT)`.execute(database.write)
  await sql`SELECT * FROM words`.execute(database.read)
  const files = readdirSync(dataDir)
  t.strictSame(files.toSorted(), ['ayalon.db', 'ayalon.db-shm', 'ayalon.db-wal'])
  for (const file of files) t.equal(statSync(join(dataDir, file)).mode & 0o777, 0o600, file)
})
