import { gunzipSync } from 'node:zlib'
import { Kysely, PostgresDialect, sql } from 'kysely'
import t, { type Test } from 'tap'
import { tickOf } from '../../src/collector/tick-of.ts'
import { AYALON } from '../../src/corridors/ayalon.ts'
import type { Corridor } from '../../src/corridors/corridor.ts'
import type { ProviderCall } from '../../src/providers/provider.ts'
import { openDatabase, SQLITE_FILE } from '../../src/storage/database/database.ts'
import { migrate } from '../../src/storage/database/migrations.ts'
import { postgresPool } from '../../src/storage/database/postgres.ts'
import { sqliteDialect } from '../../src/storage/database/sqlite.ts'
import type { Tables } from '../../src/storage/database/tables.ts'
import { versionOf } from '../../src/storage/ticks/corridor-version.ts'
import { loadObserved } from '../../src/storage/ticks/observations.ts'
import { writeTick } from '../../src/storage/ticks/write-tick.ts'
import {
  corridorWith,
  MILL_ROAD,
  oneWay,
  SUNDAY_MORNING,
  section,
  seen,
  unseen,
} from '../corridors/fixtures/straight-road.ts'
import { type Engine, migrated, onBothEngines } from '../helpers/databases.ts'
import { contentsOf, EVER, MINUTE, sumOf, tickAt, totalsOf, writeAll } from '../helpers/ticks.ts'

const NOW = SUNDAY_MORNING

/** An empty database, and every statement that was run on it since. */
async function listened(t: Test, engine: Engine) {
  const place = await engine.newPlace(t)
  const database = await openDatabase(place, () => {})
  await migrate(database.write, 'up')
  await database.close()
  const statements: string[] = []
  const dialect =
    'url' in place
      ? new PostgresDialect({ pool: await postgresPool(place, () => {}) })
      : sqliteDialect(`${place.dataDir}/${SQLITE_FILE}`, 'write')
  const db = new Kysely<Tables>({
    dialect,
    log: ({ query }) => void statements.push(query.sql.toLowerCase()),
  })
  t.teardown(() => db.destroy())
  return { db, statements }
}

const call = (change: Partial<ProviderCall> = {}): ProviderCall => ({
  name: 'mill-road',
  atMs: NOW,
  durationMs: 120.6,
  outcome: 'ok',
  body: null,
  ...change,
})

await onBothEngines(t, async (t, engine) => {
  t.test('a tick is one transaction and as many statements however many sections', async (t) => {
    const { db, statements } = await listened(t, engine)
    const oneSection = oneWay([section('only', 0, 1000)])
    const counts: number[] = []
    const count = (beginning: string) =>
      statements.filter((one) => one.startsWith(beginning)).length
    for (const corridor of [oneSection, AYALON]) {
      await writeTick(db, tickAt(NOW, { corridor }))
      statements.length = 0
      await writeTick(db, tickAt(NOW + MINUTE, { corridor }))
      t.equal(count('begin'), 1)
      t.equal(count('commit'), 1)
      t.match(statements[0], /^begin/)
      t.equal(statements.at(-1), 'commit')
      counts.push(statements.length)
    }
    t.equal(counts[0], counts[1])
  })

  t.test('a tick whose last statement fails leaves nothing', async (t) => {
    const { write } = await migrated(t, engine)
    const tick = tickAt(NOW, { calls: [call({ body: '{}' })] })
    await sql`ALTER TABLE gaps RENAME TO elsewhere`.execute(write)
    await t.rejects(writeTick(write, tick), /gaps/)
    t.strictSame(await contentsOf(write, 'gaps'), [])
    await sql`ALTER TABLE elsewhere RENAME TO gaps`.execute(write)
    await writeTick(write, tick)
    t.equal((await totalsOf(write, '5m')).length, 0, 'no time has passed yet')
    t.equal((await contentsOf(write)).length, 9, 'and then all of it')
  })

  t.test('a tick that is written again changes nothing', async (t) => {
    const { write } = await migrated(t, engine)
    const ticks = [0, 5, 10].map((minutes) =>
      tickAt(NOW + minutes * MINUTE, { calls: [call({ body: '{"speed":30}' })] }),
    )
    await writeAll(write, ticks)
    const once = await contentsOf(write)
    await writeAll(write, ticks)
    t.strictSame(await contentsOf(write), once)
  })

  t.test('an answer that is fetched again is no second observation and no delay', async (t) => {
    const { write: once } = await migrated(t, engine)
    const { write: again } = await migrated(t, engine)
    const first = tickAt(NOW, { speedKmh: 20 })
    const last = tickAt(NOW + 5 * MINUTE, { speedKmh: 70 })
    const cached = tickAt(NOW + 2 * MINUTE, { speedKmh: 20, observedAtMs: NOW })
    await writeAll(once, [first, last])
    await writeAll(again, [first, cached, last])
    const apart = ['refreshes', 'provider_calls', 'snapshots'] as const
    t.strictSame(await contentsOf(again, ...apart), await contentsOf(once, ...apart))
    const snapshots = await again.selectFrom('snapshots').selectAll().execute()
    t.equal(snapshots.length, 3, 'but each time it is known that it was served')
  })

  t.test('an observation stays with the definition that it was made with', async (t) => {
    const { write } = await migrated(t, engine)
    const longer: Corridor = oneWay([section('north-1', 0, 1500), section('north-2', 1500, 4000)])
    const ticks = [
      tickAt(NOW, { speedKmh: 20 }),
      tickAt(NOW + 5 * MINUTE, { corridor: longer, speedKmh: 40 }),
      tickAt(NOW + 10 * MINUTE, { corridor: longer, speedKmh: 60 }),
    ]
    await writeAll(write, ticks)
    const versions = await write.selectFrom('corridor_versions').selectAll().execute()
    t.strictSame(
      new Map(versions.map((row) => [row.version, [row.corridor, row.first_used_ms]])),
      new Map([
        [versionOf(MILL_ROAD), ['mill-road', NOW]],
        [versionOf(longer), ['mill-road', NOW + 5 * MINUTE]],
      ]),
    )
    const observed = await loadObserved(write, 'mill-road', 'live', EVER)
    t.strictSame(
      observed.map(({ corridor, snapshot }) => [
        corridor,
        snapshot.observedAtMs,
        snapshot.sections.toSorted((a, b) => a.id.localeCompare(b.id)),
      ]),
      [
        [MILL_ROAD, NOW, ['north-1', 'north-2', 'south-1', 'south-2'].map((id) => seen(id, 20))],
        [longer, NOW + 5 * MINUTE, ['north-1', 'north-2'].map((id) => seen(id, 40))],
        [longer, NOW + 10 * MINUTE, ['north-1', 'north-2'].map((id) => seen(id, 60))],
      ],
    )
  })

  t.test('what was observed is read by span and source, and every state comes back', async (t) => {
    const { write } = await migrated(t, engine)
    t.strictSame(
      await loadObserved(write, 'mill-road', 'live', EVER),
      [],
      'nothing, before anything was kept',
    )
    const sections = [
      seen('north-1', 42.125, 0.875),
      unseen('north-2', 'closed', 1),
      unseen('south-1', 'insufficientCoverage', 0.25),
      unseen('south-2', 'insufficientCoverage', 0),
    ]
    await writeAll(write, [
      tickAt(NOW - MINUTE),
      tickAt(NOW, { sections }),
      tickAt(NOW, { provider: 'simulated' }),
      tickAt(NOW + MINUTE),
      tickAt(NOW, { corridor: corridorWith({ id: 'other-road' }) }),
    ])
    const span = { fromMs: NOW, toMs: NOW + MINUTE }
    const observed = await loadObserved(write, 'mill-road', 'live', span)
    t.equal(observed.length, 1)
    t.strictSame(
      observed[0]?.snapshot.sections.toSorted((a, b) => a.id.localeCompare(b.id)),
      sections,
    )
  })

  t.test('of two providers for one moment the one that was asked last comes last', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [
      tickAt(NOW + 2 * MINUTE, { provider: 'tomtom', observedAtMs: NOW }),
      tickAt(NOW + 1 * MINUTE, { provider: 'here', observedAtMs: NOW }),
    ])
    const observed = await loadObserved(write, 'mill-road', 'live', EVER)
    t.strictSame(
      observed.map(({ snapshot }) => snapshot.provider),
      ['here', 'tomtom'],
    )
  })

  t.test('every call is kept with how it ended and the body that came', async (t) => {
    const { write } = await migrated(t, engine)
    const body = JSON.stringify({ roads: ['דרך', '道路', 'é'], speed: 30 })
    const good = call({ body })
    const bad = call({ outcome: 'timeout', atMs: NOW + 1, name: 'north-2' })
    const attempt = { atMs: NOW, durationMs: 5, detail: '' }
    await writeTick(
      write,
      tickOf(
        MILL_ROAD,
        'live',
        [
          { attempt: { ...attempt, provider: 'here', outcome: 'timeout' }, calls: [bad] },
          { attempt: { ...attempt, provider: 'tomtom', outcome: 'ok' }, calls: [good, good] },
          { attempt: { ...attempt, provider: 'simulated', outcome: 'stopped' }, calls: [] },
        ],
        null,
        NOW + 7,
      ),
    )
    const calls = await write
      .selectFrom('provider_calls')
      .innerJoin('refreshes', 'refreshes.id', 'provider_calls.refresh')
      .leftJoin('raw_bodies', 'raw_bodies.provider_call', 'provider_calls.id')
      .select(['provider_calls.provider', 'provider_calls.at_ms', 'duration_ms', 'gzip_base64'])
      .select(['provider_calls.outcome', 'refreshes.outcome as refreshed', 'ended_ms', 'name'])
      .orderBy('provider_calls.provider')
      .execute()
    t.strictSame(
      calls.map(({ gzip_base64, ...row }) => [
        ...[row.provider, row.outcome, row.refreshed, row.at_ms, row.duration_ms, row.ended_ms],
        row.name,
        gzip_base64 && gunzipSync(Buffer.from(gzip_base64, 'base64')).toString(),
      ]),
      [
        ['here', 'timeout', 'timeout', NOW + 1, 121, NOW + 7, null, null],
        ['tomtom', 'ok', 'ok', NOW, 121, NOW + 7, 'mill-road', body],
        ['tomtom', 'ok', 'ok', NOW, 121, NOW + 7, 'mill-road', body],
      ],
    )
  })

  t.test('a tick of which nothing is known but that it was is kept all the same', async (t) => {
    const { write } = await migrated(t, engine)
    await writeTick(write, tickOf(MILL_ROAD, 'live', [], null, NOW))
    t.strictSame(await contentsOf(write, 'corridor_versions'), [])
    t.equal((await contentsOf(write)).length, 1, 'the definition')
  })

  t.test('two processes that write at once leave what one leaves', async (t) => {
    const place = await engine.newPlace(t)
    const processes = await Promise.all(
      [1, 2].map(async () => {
        const database = await openDatabase(place, () => {})
        t.teardown(() => database.close())
        return database.write
      }),
    )
    const [one, other] = processes
    if (one === undefined || other === undefined) throw new Error('two were opened')
    await migrate(one, 'up')
    const alone = await migrated(t, engine)
    const ticks = Array.from({ length: 12 }, (_, index) =>
      tickAt(NOW + index * MINUTE, { speedKmh: 10 + index }),
    )
    const [even, odd] = [0, 1].map((rest) => ticks.filter((_, index) => index % 2 === rest))
    await Promise.all([writeAll(one, even ?? []), writeAll(other, odd ?? [])])
    await writeAll(alone.write, ticks)
    const delays = async (db: typeof one) =>
      (await totalsOf(db, '5m')).map((total) => [total.section, total.startMs, sumOf([total])])
    const sorted = (rows: unknown[]): string[] => rows.map((row) => JSON.stringify(row)).toSorted()
    t.strictSame(sorted(await delays(one)), sorted(await delays(alone.write)))
  })
})
