import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { migrated, newFolder, onBothEngines } from '../helpers/databases.ts'
import { fragile } from '../helpers/outage.ts'
import { NOW, recordAll, recorderOf, ticksOf } from '../helpers/recorder.ts'
import { contentsOf, failedAt, MINUTE, tickAt, writeAll } from '../helpers/ticks.ts'

await onBothEngines(t, async (t, engine) => {
  t.test('a tick is in the database when it is settled, and waits nowhere', async (t) => {
    const { recorder, dir, contents } = recorderOf(t, await fragile(t, engine))
    const ticks = ticksOf(0, 5, 10)
    await recordAll(recorder, ticks)
    t.equal(recorder.queued, 0)
    t.equal(recorder.fault, null)
    t.strictSame(readdirSync(dir), [])
    const { write } = await migrated(t, engine)
    await writeAll(write, ticks)
    t.strictSame(await contents(), await contentsOf(write))
  })

  t.test('a full queue lets go of the oldest, and says so', async (t) => {
    const database = await fragile(t, engine)
    const probe = recorderOf(t, database)
    await database.goAway(probe.connection)
    await recordAll(probe.recorder, ticksOf(1))
    const [name = ''] = readdirSync(probe.dir)
    const { length: size } = readFileSync(join(probe.dir, name))
    const bounded = recorderOf(t, database, { mostBytes: Math.round(2.5 * size) })
    const { recorder, connection, written, withMessage } = bounded
    await recordAll(recorder, ticksOf(1, 2, 3, 4))
    t.equal(recorder.queued, 2)
    const told = withMessage('the queue is full: the oldest refreshes made way')
    t.match(told, [{ dropped: 1 }, { dropped: 1 }])
    await database.comeBack(connection)
    await recorder.retry()
    t.strictSame(await written(), [3, 4])
  })

  t.test(
    'a file of the queue that is damaged is set aside, and the others are written',
    async (t) => {
      const database = await fragile(t, engine)
      const { recorder, connection, dir, written, withMessage } = recorderOf(t, database)
      await database.goAway(connection)
      await recordAll(recorder, ticksOf(0, 5, 10, 15))
      const [cut = '', garbage = '', other = ''] = readdirSync(dir).toSorted()
      const bytes = readFileSync(join(dir, cut))
      writeFileSync(join(dir, cut), bytes.subarray(0, bytes.length / 2))
      writeFileSync(join(dir, garbage), 'garbage')
      await database.comeBack(connection)
      await recorder.retry()
      t.strictSame(await written(), [10, 15])
      t.equal(recorder.queued, 0)
      t.strictSame(readdirSync(dir).toSorted(), [`${cut}.rejected`, `${garbage}.rejected`])
      const told = withMessage('a queued refresh cannot be written and is set aside')
      t.strictSame(
        told.map((line) => line.name),
        [cut, garbage],
      )
      t.not(other, '')
    },
  )

  t.test('a file of the queue that somebody took away does not block the others', async (t) => {
    const database = await fragile(t, engine)
    const { recorder, connection, dir, written } = recorderOf(t, database)
    await database.goAway(connection)
    await recordAll(recorder, ticksOf(0, 5, 10))
    const [oldest = ''] = readdirSync(dir).toSorted()
    rmSync(join(dir, oldest))
    await database.comeBack(connection)
    await recorder.retry()
    await recorder.retry()
    t.strictSame(await written(), [5, 10])
    t.equal(recorder.queued, 0)
  })

  t.test('a tick that the database refuses is set aside, and the next is written', async (t) => {
    const { recorder, connection, dir, written, withMessage } = recorderOf(
      t,
      await fragile(t, engine),
    )
    await connection.use(({ write }) =>
      sql`CREATE UNIQUE INDEX no_two_of_a_kind ON snapshots (refused, warnings)`.execute(write),
    )
    const warnings = [{ reason: 'other', detail: 'another' }]
    await recordAll(recorder, [
      ...ticksOf(0, 5),
      tickAt(NOW + 10 * MINUTE, { snapshot: { warnings } }),
    ])
    t.strictSame(await written(), [0, 10])
    t.equal(connection.fault, null, 'it is not the database that is wrong')
    t.equal(recorder.queued, 0)
    t.equal(readdirSync(dir).length, 1)
    t.match(readdirSync(dir), [/\.rejected$/])
    t.equal(withMessage('a queued refresh cannot be written and is set aside').length, 1)
  })

  t.test('without a folder to wait in ticks go to the database', async (t) => {
    const dir = join(newFolder(t), 'queue')
    writeFileSync(dir, 'not a folder')
    const { recorder, written, withMessage } = recorderOf(t, await fragile(t, engine), { dir })
    await recordAll(recorder, ticksOf(0, 5))
    t.strictSame(await written(), [0, 5])
    t.equal(recorder.fault, null)
    await recorder.retry()
    t.equal(withMessage('the queue cannot be read').length, 1)
  })

  t.test('without a folder and without a database ticks are lost, which is told', async (t) => {
    const dir = join(newFolder(t), 'queue')
    writeFileSync(dir, 'not a folder')
    const database = await fragile(t, engine)
    const { recorder, connection, written, withMessage } = recorderOf(t, database, { dir })
    await recordAll(recorder, ticksOf(0))
    await database.goAway(connection)
    await recordAll(recorder, ticksOf(5))
    const fault = 'refreshes are lost: the data folder is not a folder'
    t.equal(recorder.fault, fault)
    t.equal(withMessage(fault).length, 1)
    await database.comeBack(connection)
    rmSync(dir)
    await recordAll(recorder, ticksOf(10))
    t.equal(recorder.fault, null)
    t.strictSame(await written(), [0, 10])
  })

  t.test('a folder that fails for a reason nobody thought of is told all the same', async (t) => {
    const database = await fragile(t, engine)
    const dir = join(newFolder(t), 'long'.repeat(200))
    const { recorder, connection, withMessage } = recorderOf(t, database, { dir })
    await database.goAway(connection)
    await recordAll(recorder, ticksOf(0))
    t.equal(recorder.fault, 'refreshes are lost: the data folder fails')
    t.match(withMessage(recorder.fault ?? ''), [{ err: { code: 'ENAMETOOLONG' } }])
  })

  t.test('bodies are kept only where they are wanted', async (t) => {
    const call = { name: 'a', atMs: NOW, durationMs: 1, outcome: 'ok', body: '{}' } as const
    for (const keepBodies of [true, false]) {
      const { recorder, connection } = recorderOf(t, await fragile(t, engine), { keepBodies })
      await recordAll(recorder, [tickAt(NOW, { calls: [call, call] })])
      const count = (table: 'raw_bodies' | 'provider_calls') =>
        connection.use(async ({ write }) => {
          return (await write.selectFrom(table).selectAll().execute()).length
        })
      t.equal(await count('provider_calls'), 2)
      t.equal(await count('raw_bodies'), keepBodies ? 2 : 0)
    }
  })

  t.test('a stopped recorder begins no write, and what comes then waits', async (t) => {
    const database = await fragile(t, engine)
    const { recorder, dir, contents } = recorderOf(t, database)
    await recorder.stop()
    await recordAll(recorder, [...ticksOf(0), failedAt(NOW + MINUTE)])
    t.equal(recorder.queued, 2)
    t.equal(readdirSync(dir).length, 2)
    t.strictSame(await contents(), [])
    const next = recorderOf(t, database, { dir })
    await next.recorder.retry()
    t.strictSame(await next.written(), [0, 1])
  })
})
