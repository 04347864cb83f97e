import t from 'tap'
import { bucketOf } from '../../src/corridors/buckets.ts'
import type { Tick } from '../../src/storage/ticks/tick.ts'
import { corridorWith } from '../corridors/fixtures/straight-road.ts'
import { migrated, onBothEngines } from '../helpers/databases.ts'
import { HOUR, MINUTE, tickAt, totalsOf, writeAll } from '../helpers/ticks.ts'

await onBothEngines(t, async (t, engine) => {
  for (const [name, timeZone, day, hours] of [
    ['when the clocks go forward', 'Asia/Jerusalem', '2026-03-27T12:00:00Z', 23],
    ['when the clocks go back', 'Asia/Jerusalem', '2026-10-25T12:00:00Z', 25],
    ['in a zone half an hour off', 'Asia/Kolkata', '2026-10-25T12:00:00Z', 24],
  ] as const)
    t.test(`a calendar day is one bucket, with all its hours, ${name}`, async (t) => {
      const { write } = await migrated(t, engine)
      const corridor = corridorWith({ timeZone })
      const { fromMs, toMs } = bucketOf(Date.parse(day), '1d', timeZone)
      t.equal((toMs - fromMs) / HOUR, hours)
      const ticks: Tick[] = []
      // From the day before to the day after, at the edges of each hour.
      for (let at = fromMs - HOUR; at <= toMs + HOUR; at += HOUR)
        for (const minutes of [-5, 0]) ticks.push(tickAt(at + minutes * MINUTE, { corridor }))
      await writeAll(write, ticks)
      const bucketsOf = async (interval: '1h' | '1d') =>
        (await totalsOf(write, interval, { by: 'corridor' })).map(({ startMs, measuredKmH }) => [
          startMs,
          // Minutes of the whole road, of 8 km.
          Math.round((measuredKmH / 8) * 60),
        ])
      const days = await bucketsOf('1d')
      t.strictSame(
        days.filter(([startMs]) => startMs === fromMs),
        [[fromMs, hours * 15]],
      )
      t.equal(days.length, 3, 'the day before and the day after have their own')
      const hourly = (await bucketsOf('1h')).filter(
        ([startMs = 0]) => startMs >= fromMs && startMs < toMs,
      )
      t.strictSame(
        hourly,
        Array.from({ length: hours }, (_, hour) => [fromMs + hour * HOUR, 15]),
      )
    })
})
