import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { newFolder } from '../helpers/databases.ts'
import { NOW, recordAll, recorderOf, ticksOf } from '../helpers/recorder.ts'
import { fillDisk, noFullDisk, smallDisk } from '../helpers/small-disk.ts'
import { MINUTE, tickAt } from '../helpers/ticks.ts'

t.test(
  'a database that cannot grow says that the disk is full, and goes on after it',
  async (t) => {
    const { recorder, connection, dir, written } = recorderOf(t, {
      place: { dataDir: newFolder(t) },
    })
    await recordAll(recorder, ticksOf(0))
    // SQLite's own full disk: no page more than there is, for as long as this connection lasts.
    await connection.use(({ write }) => sql`PRAGMA max_page_count = 1`.execute(write))
    const body = 'a body that fills pages'.repeat(1000) + Array.from({ length: 9000 }, Math.random)
    const call = { name: 'a', atMs: NOW, durationMs: 1, outcome: 'ok', body } as const
    await recordAll(recorder, [tickAt(NOW + 5 * MINUTE, { calls: [call] })])
    t.equal(connection.fault, 'the disk is full')
    t.equal(recorder.queued, 1)
    t.equal(recorder.fault, null)
    await recorder.retry()
    t.equal(connection.fault, null)
    t.equal(recorder.queued, 0)
    t.strictSame(await written(), [0, 5])
    t.strictSame(readdirSync(dir), [])
  },
)

const skip = noFullDisk()

t.test('a full disk loses what comes, says so, and takes what comes after', { skip }, async (t) => {
  const dataDir = smallDisk(t)
  const { recorder, connection, written, withMessage } = recorderOf(
    t,
    { place: { dataDir } },
    { dir: join(dataDir, 'queue') },
  )
  await recordAll(recorder, ticksOf(0))
  const free = fillDisk(dataDir)
  await recordAll(recorder, ticksOf(5, 10))
  t.equal(recorder.fault, 'refreshes are lost: the disk is full')
  t.match(connection.fault, /disk/)
  t.equal(withMessage('refreshes are lost: the disk is full').length, 2)
  const kept = await connection
    .use(({ read }) => read.selectFrom('observations').selectAll().execute())
    .catch(() => null)
  t.equal(kept?.length ?? 4, 4, 'what it has can be read, if the disk lets anybody read')
  free()
  await recordAll(recorder, ticksOf(15))
  t.equal(recorder.fault, null)
  t.equal(connection.fault, null)
  t.strictSame(await written(), [0, 15])
})
