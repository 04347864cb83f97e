import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import type { Attempt } from '../../src/storage/current-state.ts'
import { openDatabase } from '../../src/storage/database/database.ts'
import { migrate } from '../../src/storage/database/migrations.ts'
import type { Tick } from '../../src/storage/ticks/tick.ts'
import { writeTick } from '../../src/storage/ticks/write-tick.ts'
import { MILL_ROAD, SUNDAY_MORNING } from '../corridors/fixtures/straight-road.ts'
import { migratedPlace, newFolder, onBothEngines } from '../helpers/databases.ts'
import { LOOPS, memoryOf } from '../helpers/memory.ts'
import { fragile } from '../helpers/outage.ts'
import { PASSWORD } from '../helpers/postgres.ts'
import { contentsOf, DAY, HOUR, MINUTE, SECOND, sumOf, tickAt, totalsOf } from '../helpers/ticks.ts'

const NOW = SUNDAY_MORNING
const RETRY = 10 * SECOND

const attemptAt = (atMs: number): Attempt => ({
  atMs,
  provider: 'here',
  outcome: 'ok',
  durationMs: 0,
  detail: '',
})

/** Does what the service does with a refresh: it is noted, and recorded. */
function refresh({ storage }: Pick<ReturnType<typeof memoryOf>, 'storage'>, tick: Tick): void {
  storage.state.note(MILL_ROAD, attemptAt(tick.endedAtMs), tick.snapshot)
  storage.recorder.record(tick)
}

await onBothEngines(t, async (t, engine) => {
  t.test('after a start all is as an earlier process left it', async (t) => {
    const place = await migratedPlace(t, engine)
    const before = memoryOf(t, place, NOW)
    await before.storage.start()
    const ticks = [0, 5].map((minutes) => tickAt(NOW + minutes * MINUTE))
    for (const tick of ticks) refresh(before, tick)
    await before.storage.recorder.settled()
    await before.storage.stop()
    const after = memoryOf(t, place, NOW + HOUR)
    await after.storage.start()
    const { snapshot, attempt, recent } = after.storage.state.of('mill-road')
    t.strictSame(snapshot, ticks[1]?.snapshot)
    t.strictSame(attempt, attemptAt(NOW + 5 * MINUTE))
    t.equal(recent.length, 2)
    t.strictSame(after.storage.health, {
      status: 'ok',
      detail: null,
      queued: 0,
      schemaIsBehind: false,
      redis: null,
    })
  })

  t.test('a restart in the middle changes no total', async (t) => {
    const ticks = [0, 4, 9, 31, 36].map((minutes, index) =>
      tickAt(NOW + minutes * MINUTE, { speedKmh: 10 + 7 * index }),
    )
    const sums = await Promise.all(
      [ticks.length, 2].map(async (stopAfter) => {
        const place = await migratedPlace(t, engine)
        let memory = memoryOf(t, place, NOW)
        await memory.storage.start()
        for (const [index, tick] of ticks.entries()) {
          if (index === stopAfter) {
            await memory.storage.stop()
            memory = memoryOf(t, place, tick.endedAtMs)
            await memory.storage.start()
          }
          refresh(memory, tick)
          await memory.storage.recorder.settled()
        }
        return memory.query(async (db) => [
          sumOf(await totalsOf(db, '5m')),
          sumOf(await totalsOf(db, '1d')),
          await contentsOf(db, 'refreshes', 'provider_calls'),
        ])
      }),
    )
    t.strictSame(sums[1], sums[0])
  })

  t.test('a database that comes back late restores what is not known better', async (t) => {
    const database = await fragile(t, engine)
    const memory = memoryOf(t, database.place, NOW)
    const { storage, clock, lines } = memory
    const left = tickAt(NOW - 20 * MINUTE)
    await memory.query((db) => writeTick(db, left))
    await database.goAway(storage.connection)
    await storage.start()
    t.equal(storage.state.of('mill-road').snapshot, null)
    t.match(storage.health, { status: 'error', detail: database.fault })
    const own = tickAt(NOW)
    refresh(memory, own)
    await storage.recorder.settled()
    t.match(storage.health, { status: 'error', detail: database.fault, queued: 1 })
    await database.comeBack(storage.connection)
    await clock.asleep(LOOPS)
    await clock.advance(RETRY)
    t.match(storage.health, { status: 'ok', detail: null, queued: 0 })
    const { snapshot, attempt, recent } = storage.state.of('mill-road')
    t.equal(snapshot, own.snapshot, 'what this process found stands')
    t.equal(attempt?.atMs, NOW)
    t.strictSame(
      recent.map((one) => one.snapshot.observedAtMs),
      [NOW - 20 * MINUTE, NOW],
      'and what was observed before counts for today',
    )
    t.notMatch(JSON.stringify([lines, storage.health]), PASSWORD)
  })

  t.test('an outage is told, and its end, though nothing is refreshed', async (t) => {
    const database = await fragile(t, engine)
    const { storage, clock } = memoryOf(t, database.place, NOW)
    await storage.start()
    await clock.asleep(LOOPS)
    t.equal(storage.health.status, 'ok')
    await database.goAway(storage.connection)
    await clock.advance(RETRY)
    t.match(storage.health, { status: 'error', detail: database.fault })
    await database.comeBack(storage.connection)
    await clock.advance(RETRY)
    t.match(storage.health, { status: 'ok', detail: null })
  })

  t.test('the service starts and serves what it has with a database that is none', async (t) => {
    const database = await fragile(t, engine)
    const memory = memoryOf(t, database.place, NOW)
    await database.goAway(memory.storage.connection)
    await memory.storage.start()
    const tick = tickAt(NOW)
    refresh(memory, tick)
    await memory.storage.recorder.settled()
    t.equal(memory.storage.state.of('mill-road').snapshot, tick.snapshot)
    await t.rejects(
      memory.storage.connection.useOpen(({ read }) => read.selectFrom('series').execute()),
      { name: 'DatabaseAway', message: database.fault },
    )
  })

  t.test('what is too old goes in the background, a step at a time', async (t) => {
    const place = await migratedPlace(t, engine)
    const memory = memoryOf(t, place, NOW + 30 * DAY + HOUR)
    const call = { name: 'a', atMs: NOW, durationMs: 1, outcome: 'ok', body: '{}' } as const
    const asked = (atMs: number) => tickAt(atMs, { calls: [{ ...call, atMs }] })
    const bodies = () =>
      memory.query(async (db) => (await db.selectFrom('raw_bodies').selectAll().execute()).length)
    await memory.query(async (db) => {
      for (const hours of [-8, -1, 3]) await writeTick(db, asked(NOW + hours * HOUR))
    })
    t.equal(await bodies(), 3)
    await memory.storage.start()
    await memory.clock.asleep(LOOPS)
    t.equal(await bodies(), 2)
    await memory.clock.advance(SECOND)
    t.equal(await bodies(), 1)
    await memory.clock.advance(SECOND)
    t.equal(await bodies(), 1)
    await memory.clock.advance(HOUR)
    t.equal(await bodies(), 1, 'not before its time')
    await memory.clock.advance(HOUR)
    t.equal(await bodies(), 0)
  })

  t.test('work in the background that breaks is logged and tried again', async (t) => {
    const place = await migratedPlace(t, engine)
    const { storage, clock, withMessage, query } = memoryOf(t, place, NOW)
    await query(async (db) => {
      await writeTick(db, tickAt(NOW))
      await db.updateTable('snapshots').set({ refused: 'not JSON' }).execute()
    })
    await storage.start()
    t.equal(withMessage('background work broke').length, 1)
    await query((db) => db.updateTable('snapshots').set({ refused: '[]' }).execute())
    await clock.asleep(LOOPS)
    await clock.advance(RETRY)
    t.equal(storage.state.of('mill-road').snapshot?.observedAtMs, NOW)
  })

  t.test('a service that never started stops', async (t) => {
    const { storage } = memoryOf(t, await engine.newPlace(t), NOW)
    await storage.stop()
    t.equal(storage.health.detail, 'the database is not open yet')
  })

  const { server } = engine
  if (server === null) return

  t.test('a schema that is behind is told, and heals when it is migrated', async (t) => {
    const place = await engine.newPlace(t)
    const memory = memoryOf(t, place, NOW)
    const { storage, clock } = memory
    await storage.start()
    const behind = { status: 'error', schemaIsBehind: true, detail: /npm run migrate -- up/ }
    t.match(storage.health, behind)
    refresh(memory, tickAt(NOW))
    await storage.recorder.settled()
    t.match(storage.health, { ...behind, queued: 1 })
    const database = await openDatabase(place, () => {})
    await migrate(database.write, 'up')
    await database.close()
    await clock.asleep(LOOPS)
    await clock.advance(RETRY)
    t.match(storage.health, { status: 'ok', schemaIsBehind: false, detail: null, queued: 0 })
  })

  t.test('a database that hangs holds up neither a start nor a stop', async (t) => {
    const database = await fragile(t, engine)
    const { detour } = database
    if (detour === null) throw new Error('a server has a way to it')
    const hung = detour.hang()
    const { storage, clock, dataDir } = memoryOf(t, database.place, NOW)
    const started = storage.start()
    await hung
    await clock.asleep(1)
    clock.move(3 * SECOND)
    await started
    t.equal(storage.state.of('mill-road').snapshot, null)
    storage.recorder.record(tickAt(NOW))
    const stopped = storage.stop()
    await clock.asleep(1)
    clock.move(3 * SECOND)
    await stopped
    await detour.cut()
    await storage.recorder.settled()
    t.equal(readdirSync(join(dataDir, 'queue')).length, 1, 'what came meanwhile waits')
  })
})

t.test('a data folder that is a file is told of, and the service goes on', async (t) => {
  const dataDir = join(newFolder(t), 'data')
  writeFileSync(dataDir, 'not a folder')
  const memory = memoryOf(t, { dataDir }, NOW, { dataDir })
  const { storage, clock, withMessage } = memory
  await storage.start()
  const tick = tickAt(NOW)
  refresh(memory, tick)
  await storage.recorder.settled()
  t.match(storage.health, { status: 'error', detail: 'the data folder is not a folder' })
  t.equal(storage.recorder.fault, 'refreshes are lost: the data folder is not a folder')
  t.equal(withMessage('refreshes are lost: the data folder is not a folder').length, 1)
  t.equal(storage.state.of('mill-road').snapshot, tick.snapshot)
  rmSync(dataDir)
  mkdirSync(dataDir)
  await clock.asleep(LOOPS)
  await clock.advance(RETRY)
  refresh(memory, tickAt(NOW + 5 * MINUTE))
  await storage.recorder.settled()
  t.match(storage.health, { status: 'ok', detail: null })
  const { rows } = await memory.query((db) => sql`SELECT id FROM snapshots`.execute(db))
  t.equal(rows.length, 1)
})

t.test('no bodies are kept where they are kept for no day', async (t) => {
  const memory = memoryOf(t, { dataDir: newFolder(t) }, NOW, {
    retention: { observations: 400, raw: 0 },
  })
  await memory.storage.start()
  const call = { name: 'a', atMs: NOW, durationMs: 1, outcome: 'ok', body: '{}' } as const
  memory.storage.recorder.record(tickAt(NOW, { calls: [call] }))
  await memory.storage.recorder.settled()
  const kept = await memory.query((db) => db.selectFrom('raw_bodies').selectAll().execute())
  t.strictSame(kept, [])
})
