import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { migrated, migratedPlace, onBothEngines } from '../helpers/databases.ts'
import { fragile } from '../helpers/outage.ts'
import { PASSWORD } from '../helpers/postgres.ts'
import { recordAll, recorderOf, ticksOf } from '../helpers/recorder.ts'
import { contentsOf, writeAll } from '../helpers/ticks.ts'

await onBothEngines(t, async (t, engine) => {
  t.test(
    'while the database is away ticks wait, and are then written in order, once',
    async (t) => {
      const database = await fragile(t, engine)
      const { recorder, connection, dir, contents, written, lines } = recorderOf(t, database)
      const ticks = ticksOf(0, 5, 10, 25, 30)
      await recordAll(recorder, ticks.slice(0, 1))
      await database.goAway(connection)
      await recordAll(recorder, ticks.slice(1, 3))
      t.equal(recorder.queued, 2)
      t.equal(readdirSync(dir).length, 2)
      t.match(connection.fault, database.fault)
      t.equal(recorder.fault, null, 'nothing is lost')
      await recorder.retry()
      t.equal(recorder.queued, 2, 'still')
      await database.comeBack(connection)
      await recordAll(recorder, ticks.slice(3, 4))
      t.equal(recorder.queued, 0, 'the next tick takes the others along')
      t.equal(connection.fault, null)
      t.strictSame(readdirSync(dir), [])
      await recordAll(recorder, ticks.slice(4))
      t.strictSame(await written(), [0, 5, 10, 25, 30])
      const { write } = await migrated(t, engine)
      await writeAll(write, ticks)
      t.strictSame(await contents(), await contentsOf(write), 'as if it had never been away')
      t.notMatch(JSON.stringify(lines), PASSWORD)
    },
  )

  t.test('what waits is written without a new tick when somebody tries', async (t) => {
    const database = await fragile(t, engine)
    const { recorder, connection, written } = recorderOf(t, database)
    await database.goAway(connection)
    await recordAll(recorder, ticksOf(0, 5))
    await database.comeBack(connection)
    await recorder.retry()
    t.equal(recorder.queued, 0)
    t.strictSame(await written(), [0, 5])
  })

  t.test('what an earlier process left waiting is written by the next', async (t) => {
    const database = await fragile(t, engine)
    const { recorder, connection, dir } = recorderOf(t, database)
    await database.goAway(connection)
    await recordAll(recorder, ticksOf(0, 5))
    await recorder.stop()
    await database.comeBack(connection)
    const next = recorderOf(t, database, { dir })
    await recordAll(next.recorder, ticksOf(10))
    t.strictSame(await next.written(), [0, 5, 10])
    t.strictSame(readdirSync(dir), [])
  })

  t.test(
    'a tick that was written and was not yet taken out of the queue counts once',
    async (t) => {
      const database = await fragile(t, engine)
      const { recorder, connection, dir, contents } = recorderOf(t, database)
      await database.goAway(connection)
      await recordAll(recorder, ticksOf(0, 5))
      const files = readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))] as const)
      await database.comeBack(connection)
      await recorder.retry()
      const once = await contents()
      // As a process finds them that was killed between the two.
      for (const [name, bytes] of files) writeFileSync(join(dir, name), bytes)
      const next = recorderOf(t, database, { dir })
      await next.recorder.retry()
      t.strictSame(await next.contents(), once)
      t.strictSame(readdirSync(dir), [])
    },
  )

  const restart = engine.server?.restart
  if (!restart) return

  t.test('a server that is killed and started again loses nothing', async (t) => {
    const { recorder, connection, written, contents } = recorderOf(t, {
      place: await migratedPlace(t, engine),
    })
    await recordAll(recorder, ticksOf(0, 5))
    const before = await contents()
    await connection.close()
    await restart.kill()
    await recordAll(recorder, ticksOf(10, 15))
    t.equal(connection.fault, 'the database server cannot be reached')
    t.equal(recorder.queued, 2)
    await restart.start()
    await recorder.retry()
    t.equal(connection.fault, null)
    t.strictSame(await written(), [0, 5, 10, 15])
    const after = await contents()
    const kept = before.filter((line) => /^(observations|snapshots|refreshes) /.test(line))
    t.ok(kept.length > 0)
    t.ok(kept.every((line) => after.includes(line)))
  })
})
