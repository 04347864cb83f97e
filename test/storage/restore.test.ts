import t from 'tap'
import { tickOf } from '../../src/collector/tick-of.ts'
import { dayOf } from '../../src/corridors/buckets.ts'
import type { Corridor } from '../../src/corridors/corridor.ts'
import { MODELS } from '../../src/impact/models.ts'
import type { Attempt } from '../../src/storage/current-state.ts'
import { servedNow } from '../../src/storage/freshness.ts'
import { recomputeToday, restore } from '../../src/storage/restore.ts'
import { writeTick } from '../../src/storage/ticks/write-tick.ts'
import {
  MILL_ROAD,
  oneWay,
  SUNDAY_MORNING,
  section,
  seen,
  unseen,
} from '../corridors/fixtures/straight-road.ts'
import { migrated, onBothEngines } from '../helpers/databases.ts'
import { DAY, failedAt, HOUR, MINUTE, sumOf, tickAt, totalsOf, writeAll } from '../helpers/ticks.ts'

const NOW = SUNDAY_MORNING
const NOTHING = { snapshot: null, attempt: null, recent: [] }
const BOTH = ['here', 'tomtom'] as const

await onBothEngines(t, async (t, engine) => {
  t.test('of an empty memory nothing comes back', async (t) => {
    const { write } = await migrated(t, engine)
    t.strictSame(await restore(write, MILL_ROAD, BOTH, NOW), NOTHING)
    await recomputeToday(write, MILL_ROAD, 'live', NOW, 400)
    t.strictSame(await totalsOf(write, '5m'), [])
  })

  t.test('the last snapshot comes back as it was, with its true age', async (t) => {
    const { write } = await migrated(t, engine)
    const sections = [
      seen('north-1', 42.125, 0.875),
      unseen('north-2', 'closed', 1),
      unseen('south-2', 'insufficientCoverage', 0.25),
      seen('south-1', 30),
    ]
    const last = tickAt(NOW, {
      sections,
      observedAtMs: NOW - 3 * MINUTE,
      snapshot: {
        refused: [{ reason: 'wrongRoad', pieces: 7 }],
        warnings: [{ reason: 'timeout', detail: 'The provider tomtom was of no use: “late”.' }],
      },
    })
    await writeAll(write, [tickAt(NOW - 5 * MINUTE), last])
    const later = NOW + HOUR
    const state = await restore(write, MILL_ROAD, BOTH, later)
    t.strictSame(state.snapshot, last.snapshot)
    t.match(servedNow(state, later, 7200), { kind: 'stale', ageSeconds: 63 * 60, live: false })
    t.match(servedNow(state, NOW, 7200), { kind: 'fresh', ageSeconds: 180, live: true })
    t.match(servedNow(state, NOW + DAY, 7200), { kind: 'expired' })
  })

  t.test('a section that was never observed comes back as such', async (t) => {
    const { write } = await migrated(t, engine)
    await writeTick(write, tickAt(NOW, { sections: [seen('south-1', 30)] }))
    const { snapshot } = await restore(write, MILL_ROAD, BOTH, NOW)
    t.strictSame(snapshot?.sections, [
      unseen('north-1', 'insufficientCoverage', 0),
      unseen('north-2', 'insufficientCoverage', 0),
      unseen('south-2', 'insufficientCoverage', 0),
      seen('south-1', 30),
    ])
  })

  t.test('only answers of the providers that are asked now come back', async (t) => {
    const { write } = await migrated(t, engine)
    const here = tickAt(NOW)
    const tomtom = tickAt(NOW + 5 * MINUTE, { provider: 'tomtom' })
    const simulated = tickAt(NOW + 10 * MINUTE, { provider: 'simulated' })
    await writeAll(write, [here, tomtom, simulated])
    const idOf = async (...providers: Parameters<typeof restore>[2]) => {
      const { snapshot, attempt } = await restore(write, MILL_ROAD, providers, NOW + HOUR)
      t.equal(attempt?.provider, snapshot?.provider)
      return snapshot?.id
    }
    t.equal(await idOf('here', 'tomtom'), tomtom.snapshot?.id)
    t.equal(await idOf('here'), here.snapshot?.id)
    t.equal(await idOf('simulated'), simulated.snapshot?.id)
    t.equal(await idOf('replay'), undefined)
  })

  t.test('a snapshot of another definition of the road does not come back', async (t) => {
    const { write } = await migrated(t, engine)
    const other: Corridor = oneWay([section('north-1', 0, 4000)])
    await writeAll(write, [tickAt(NOW), tickAt(NOW + 5 * MINUTE, { corridor: other })])
    const { snapshot, recent } = await restore(write, MILL_ROAD, BOTH, NOW + HOUR)
    t.equal(snapshot?.observedAtMs, NOW)
    t.strictSame(
      recent.map(({ corridor }) => corridor),
      [MILL_ROAD, other],
      'but what was observed today counts, by the definition that it was made with',
    )
    const unknown: Corridor = oneWay([section('north-1', 0, 3000)])
    t.equal((await restore(write, unknown, BOTH, NOW)).snapshot, null)
  })

  t.test('how the last attempt ended comes back', async (t) => {
    const { write } = await migrated(t, engine)
    const attempt = async () => (await restore(write, MILL_ROAD, BOTH, NOW + HOUR)).attempt
    const here: Attempt = {
      atMs: NOW,
      provider: 'here',
      outcome: 'timeout',
      durationMs: 2000,
      detail: 'no answer within 2000 ms',
    }
    const tomtom: Attempt = {
      atMs: NOW + 2000,
      provider: 'tomtom',
      outcome: 'throttled',
      durationMs: 1000,
      detail: '429',
    }
    const calls: [] = []
    const tick = (endedAtMs: number, ...attempts: Attempt[]) =>
      tickOf(
        MILL_ROAD,
        'live',
        attempts.map((one) => ({ attempt: one, calls })),
        null,
        endedAtMs,
      )
    await writeAll(write, [tickAt(NOW - 5 * MINUTE), tick(NOW + 3000, here, tomtom)])
    t.strictSame(
      await attempt(),
      { ...here, durationMs: 3000 },
      'that of the preferred provider, where all failed',
    )
    const good: Attempt = { ...tomtom, outcome: 'ok', detail: '', atMs: NOW + MINUTE + 2000 }
    await writeAll(write, [tick(NOW + MINUTE + 3000, { ...here, atMs: NOW + MINUTE }, good)])
    t.strictSame(await attempt(), good, 'or the one that was of use')
    await writeAll(write, [failedAt(NOW + 2 * MINUTE, 'internalError')])
    t.match(await attempt(), { outcome: 'internalError', atMs: NOW + 2 * MINUTE })
  })

  t.test('an outcome that this version does not know is none', async (t) => {
    const { write } = await migrated(t, engine)
    await writeTick(write, tickAt(NOW))
    await write.updateTable('refreshes').set({ outcome: 'ofTheFuture' }).execute()
    const { attempt, snapshot } = await restore(write, MILL_ROAD, BOTH, NOW)
    t.equal(attempt, null)
    t.ok(snapshot)
  })

  t.test('what was observed today comes back, and what still held at midnight', async (t) => {
    const { write } = await migrated(t, engine)
    const { fromMs } = dayOf(NOW, MILL_ROAD.timeZone)
    const times = [-11, -10, -2, 0, 60].map((minutes) => fromMs + minutes * MINUTE)
    await writeAll(
      write,
      [...times, NOW, NOW + MINUTE].map((atMs) => tickAt(atMs)),
    )
    const { recent } = await restore(write, MILL_ROAD, BOTH, NOW)
    t.strictSame(
      recent.map(({ snapshot }) => snapshot.observedAtMs),
      [...times.slice(1), NOW],
    )
  })

  t.test('a new version of the model counts the whole day', async (t) => {
    const { write } = await migrated(t, engine)
    const { fromMs } = dayOf(NOW, MILL_ROAD.timeZone)
    const ticks = [-5, 0, 5, 180, 185, 190].map((minutes) =>
      tickAt(fromMs + minutes * MINUTE, { speedKmh: 20 }),
    )
    await writeAll(write, ticks)
    const before = await totalsOf(write, '5m')
    // As an older version left them: the same buckets, other numbers.
    await write.updateTable('series').set({ model_version: 'older' }).execute()
    await write.updateTable('totals').set({ delay_central: 1e6 }).execute()
    await recomputeToday(write, MILL_ROAD, 'live', fromMs + HOUR, 400)
    const [day] = await totalsOf(write, '1d', {
      by: 'corridor',
      span: dayOf(NOW, 'Asia/Jerusalem'),
    })
    t.strictSame(day?.modelVersions, [MODELS.physical.version])
    const today = before.filter(({ startMs }) => startMs >= fromMs)
    t.equal(sumOf(day ? [day] : []), sumOf(today))
    const yesterday = (await totalsOf(write, '5m')).filter(({ startMs }) => startMs < fromMs)
    t.ok(yesterday.length > 0)
    for (const { modelVersions } of yesterday) t.strictSame(modelVersions, ['older'])
    const rows = await write
      .selectFrom('totals')
      .selectAll()
      .where('delay_central', '=', 1e6)
      .execute()
    t.ok(rows.length > today.length, 'what the older one computed stays beside it')
  })

  t.test('computing today anew changes nothing where nothing changed', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [tickAt(NOW), tickAt(NOW + 7 * MINUTE), failedAt(NOW + 20 * MINUTE)])
    const before = await totalsOf(write, '5m')
    await recomputeToday(write, MILL_ROAD, 'live', NOW + HOUR, 400)
    t.strictSame(await totalsOf(write, '5m'), before)
    await recomputeToday(write, MILL_ROAD, 'live', NOW + DAY, 400)
    t.strictSame(await totalsOf(write, '5m'), before, 'nor on the day after')
  })
})
