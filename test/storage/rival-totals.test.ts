import t from 'tap'
import { MODELS } from '../../src/impact/models.ts'
import type { Queries } from '../../src/storage/database/database.ts'
import type { Tables } from '../../src/storage/database/tables.ts'
import type { Tick } from '../../src/storage/ticks/tick.ts'
import { SUNDAY_MORNING, seen } from '../corridors/fixtures/straight-road.ts'
import { migrated, onBothEngines } from '../helpers/databases.ts'
import { MINUTE, sumOf, tickAt, totalsOf, writeAll } from '../helpers/ticks.ts'

const NOW = SUNDAY_MORNING

/** A tick that measured 0.8 of north-1 alone, which is a kilometre long. */
const onNorth1 = (atMs: number): Tick => tickAt(atMs, { sections: [seen('north-1', 20, 0.8)] })

/** Five minutes of it, and how many kilometres times hours they are. */
const FIVE_MINUTES = [onNorth1(NOW), onNorth1(NOW + 5 * MINUTE)]
const SHARE = 0.8 / 12

/** Adds five minutes of north-1 that were not computed here, or by another version of the model. */
async function addTotals(
  db: Queries,
  change: {
    readonly origin?: 'imported'
    readonly modelVersion?: string
    readonly startMs?: number
    readonly measured: number
    readonly delay: number
  },
): Promise<void> {
  const { modelVersion, startMs = NOW, origin = 'computed', measured, delay } = change
  const computed = await db
    .selectFrom('totals')
    .innerJoin('series', 'series.id', 'totals.series')
    .selectAll('totals')
    .where('section', '=', 'north-1')
    .where('bucket_seconds', '=', 300)
    .executeTakeFirstOrThrow()
  const series = modelVersion === undefined ? computed.series : await addSeries(db, modelVersion)
  const row: Tables['totals'] = {
    ...computed,
    series,
    start_ms: startMs,
    origin,
    measured_km_h: measured,
    delay_central: delay,
  }
  await db.insertInto('totals').values(row).execute()
}

/** The id of a new series of north-1, by another version of the model. */
async function addSeries(db: Queries, modelVersion: string): Promise<number> {
  const id = 1000
  const place = { corridor: 'mill-road', direction: 'northbound', section: 'north-1' }
  const model = { model: 'physical', model_version: modelVersion }
  await db
    .insertInto('series')
    .values({ id, source: 'live', ...place, ...model })
    .execute()
  return id
}

await onBothEngines(t, async (t, engine) => {
  t.test('a bucket that was imported counts where it measured more', async (t) => {
    for (const [measuredThere, counts] of [
      [SHARE * 1.1, 'imported'],
      [SHARE, 'computed'],
      [SHARE * 0.9, 'computed'],
    ] as const) {
      const { write } = await migrated(t, engine)
      await writeAll(write, FIVE_MINUTES)
      const imported = { origin: 'imported', measured: measuredThere, delay: 1234.5 } as const
      await addTotals(write, imported)
      const [total, ...more] = await totalsOf(write, '5m', { section: 'north-1' })
      t.strictSame(more, [], 'one or the other')
      t.equal(total?.amounts.delay.central === 1234.5, counts === 'imported')
      // The longer buckets follow when they are next computed.
      await writeAll(write, [onNorth1(NOW + 6 * MINUTE)])
      for (const interval of ['15m', '1h', '1d'] as const) {
        const totals = await totalsOf(write, interval, { section: 'north-1' })
        t.equal(Number(sumOf(totals)) > 1000, counts === 'imported', `${interval} ${measuredThere}`)
      }
    }
  })

  t.test('a bucket that is there only as an import counts', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, FIVE_MINUTES)
    const imported = { origin: 'imported', measured: 1 / 12, delay: 7 } as const
    await addTotals(write, { ...imported, startMs: NOW + 10 * MINUTE })
    await writeAll(write, [onNorth1(NOW + 6 * MINUTE)])
    t.equal((await totalsOf(write, '5m', { section: 'north-1' })).length, 3)
    const computed = await totalsOf(write, '5m', {
      section: 'north-1',
      span: { fromMs: NOW, toMs: NOW + 10 * MINUTE },
    })
    const [day] = await totalsOf(write, '1d', { section: 'north-1' })
    t.equal(sumOf(day ? [day] : []), (7 + Number(sumOf(computed))).toPrecision(9))
  })

  t.test('of two versions of a model the one counts that measured more', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, FIVE_MINUTES)
    await addTotals(write, { modelVersion: 'older', measured: SHARE * 1.1, delay: 99 })
    const [total] = await totalsOf(write, '5m', { section: 'north-1' })
    t.equal(total?.amounts.delay.central, 99)
    t.strictSame(total?.modelVersions, ['older'])
    const whole = await totalsOf(write, '5m', { by: 'corridor' })
    t.strictSame(whole[0]?.modelVersions, ['older'])
  })

  t.test('of two versions that measured the same the present one counts', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, FIVE_MINUTES)
    // The same parts, added in another order.
    const same = SHARE * (1 + 2 ** -50)
    t.not(same, SHARE)
    await addTotals(write, { modelVersion: 'older', measured: same, delay: 99 })
    const [total, ...more] = await totalsOf(write, '5m', { section: 'north-1' })
    t.strictSame(more, [])
    t.strictSame(total?.modelVersions, [MODELS.physical.version])
  })

  t.test('a sum of parts by two versions names both', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [tickAt(NOW), tickAt(NOW + 5 * MINUTE)])
    await addTotals(write, { modelVersion: 'older', measured: 1, delay: 99 })
    const [total] = await totalsOf(write, '5m', { by: 'direction', direction: 'northbound' })
    t.strictSame(total?.modelVersions.toSorted(), [MODELS.physical.version, 'older'].toSorted())
  })
})
