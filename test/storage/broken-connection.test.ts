import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { Connection } from '../../src/storage/connection.ts'
import { SUNDAY_MORNING } from '../corridors/fixtures/straight-road.ts'
import { onBothEngines } from '../helpers/databases.ts'
import { listenedLog } from '../helpers/log.ts'
import { LOOPS, memoryOf } from '../helpers/memory.ts'
import { fragile } from '../helpers/outage.ts'
import { MINUTE, SECOND, tickAt } from '../helpers/ticks.ts'

const NOW = SUNDAY_MORNING

const one = sql<{ one: number }>`SELECT 1 AS one`

await onBothEngines(t, async (t, engine) => {
  if (engine.server === null) return

  t.test('a connection that breaks in the middle of some work ends that work alone', async (t) => {
    const { place, detour } = await fragile(t, engine)
    if (detour === null) throw new Error('a server has a way to it')
    const connection = new Connection(place, listenedLog().log)
    t.teardown(() => connection.close())
    const lost = connection.use(({ write }) =>
      write.transaction().execute(async (transaction) => {
        await one.execute(transaction)
        await detour.cut()
        await one.execute(transaction)
      }),
    )
    await t.rejects(lost, { name: 'DatabaseAway', message: /^the connection to the database/ })
    await detour.mend()
    t.strictSame((await connection.use(({ write }) => one.execute(write))).rows, [{ one: 1 }])
  })

  t.test('a write that hangs at a stop is not lost', async (t) => {
    const database = await fragile(t, engine)
    const { detour } = database
    if (detour === null) throw new Error('a server has a way to it')
    const { storage, clock, dataDir } = memoryOf(t, database.place, NOW)
    await storage.start()
    await clock.asleep(LOOPS)
    const hung = detour.hang()
    storage.recorder.record(tickAt(NOW))
    await hung
    const stopped = storage.stop()
    await clock.asleep(1)
    clock.move(3 * SECOND)
    await stopped
    t.equal(readdirSync(join(dataDir, 'queue')).length, 1)
    await detour.cut()
    await detour.mend()
    const next = memoryOf(t, database.place, NOW + MINUTE, { dataDir })
    await next.storage.start()
    const kept = await next.query((db) => db.selectFrom('snapshots').selectAll().execute())
    t.equal(kept.length, 1)
    t.strictSame(readdirSync(join(dataDir, 'queue')), [])
  })
})
