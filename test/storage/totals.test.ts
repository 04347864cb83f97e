import fc from 'fast-check'
import t from 'tap'
import { INTERVALS } from '../../src/corridors/buckets.ts'
import type { Corridor } from '../../src/corridors/corridor.ts'
import { corridorImpact, settingsOf } from '../../src/corridors/corridor-impact.ts'
import type { SectionObservation } from '../../src/corridors/section-observation.ts'
import { MODELS } from '../../src/impact/models.ts'
import { openDatabase, type Queries } from '../../src/storage/database/database.ts'
import { migrate } from '../../src/storage/database/migrations.ts'
import type { Tick } from '../../src/storage/ticks/tick.ts'
import type { BucketTotals } from '../../src/storage/totals/read-totals.ts'
import {
  corridorWith,
  oneWay,
  SUNDAY_MORNING,
  section,
  seen,
  unseen,
} from '../corridors/fixtures/straight-road.ts'
import { migrated, newFolder, onBothEngines } from '../helpers/databases.ts'
import {
  failedAt,
  HOUR,
  MINUTE,
  type Refresh,
  sumOf,
  tickAt,
  totalsOf,
  writeAll,
} from '../helpers/ticks.ts'

const NOW = SUNDAY_MORNING

const measured = ({ measuredKmH }: BucketTotals): number => measuredKmH

/** A tick that measured north-1 alone. */
const onNorth1 = (atMs: number, observation: SectionObservation, more: Refresh = {}): Tick =>
  tickAt(atMs, { sections: [observation], ...more })

/** Vehicle-hours an hour that a section costs in a tick; null where nothing was known. */
function rateOf({ corridor, snapshot }: Tick, sectionId: string): number | null {
  if (snapshot === null) return null
  const settings = settingsOf(corridor, { kind: 'freeFlow' })
  const { directions } = corridorImpact(corridor, snapshot, MODELS.physical, settings)
  const results = directions.flatMap(({ sections }) => sections)
  return results.find((one) => one.section.id === sectionId)?.rates?.delay.central ?? null
}

/**
 * The delay of a section in a span, minute by minute: the last answer counts if it is not ten
 * minutes old. The plainest way to say what a total is, for ticks on whole minutes.
 */
function delayByMinutes(ticks: readonly Tick[], sectionId: string, fromMs: number, toMs: number) {
  let delay = 0
  for (let at = fromMs; at < toMs; at += MINUTE) {
    const before = ticks.filter(({ snapshot }) => snapshot !== null && snapshot.observedAtMs <= at)
    const last = before.toSorted((a, b) => a.endedAtMs - b.endedAtMs).at(-1)
    if (last && at - (last.snapshot?.observedAtMs ?? 0) < 10 * MINUTE)
      delay += (rateOf(last, sectionId) ?? 0) / 60
  }
  return delay
}

/** Two hours of traffic that changes, on whole minutes, with a failure and a long silence. */
const MORNING: readonly Tick[] = [0, 5, 10, 14, 21, 33, 38, 60, 61, 62, 70, 77, 95, 101, 110].map(
  (minute, index) =>
    index === 4
      ? failedAt(NOW + minute * MINUTE)
      : tickAt(NOW + minute * MINUTE, {
          sections: [
            seen('north-1', 10 + index * 3),
            seen('north-2', 60 - index, 0.9),
            index % 5 === 3 ? unseen('south-2', 'closed', 1) : seen('south-2', 30),
            index % 4 === 1 ? unseen('south-1', 'insufficientCoverage', 0.5) : seen('south-1', 25),
          ],
        }),
)

/** The delay of every bucket of every section, a line each. */
async function delaysOf(db: Queries): Promise<string[]> {
  const lines = await Promise.all(
    INTERVALS.map(async (interval) =>
      (await totalsOf(db, interval)).map(
        (total) =>
          `${interval} ${total.startMs} ${total.section} ${sumOf([total])} ${sumOf([total], measured)}`,
      ),
    ),
  )
  return lines.flat().toSorted()
}

await onBothEngines(t, async (t, engine) => {
  t.test('buckets of every length add up to the delay of each minute', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, MORNING)
    for (const id of ['north-1', 'north-2', 'south-2', 'south-1']) {
      const expected = delayByMinutes(MORNING, id, NOW, NOW + 110 * MINUTE)
      t.ok(expected > 0)
      for (const interval of INTERVALS) {
        const totals = await totalsOf(write, interval, { section: id })
        t.equal(sumOf(totals), expected.toPrecision(9), `${id} ${interval}`)
      }
    }
    const hours = await totalsOf(write, '1h', { section: 'north-1' })
    t.ok(hours.length > 1)
    for (const { startMs, amounts } of hours) {
      const toMs = Math.min(startMs + HOUR, NOW + 110 * MINUTE)
      const expected = delayByMinutes(MORNING, 'north-1', startMs, toMs)
      t.equal(amounts.delay.central.toPrecision(9), expected.toPrecision(9), 'each by itself')
    }
  })

  t.test('the sums are told by section, by direction and for the whole road', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, MORNING)
    const sections = await totalsOf(write, '1d')
    t.strictSame(
      sections.map(({ direction, section, modelVersions }) => [direction, section, modelVersions]),
      [
        ['northbound', 'north-1', [MODELS.physical.version]],
        ['northbound', 'north-2', [MODELS.physical.version]],
        ['southbound', 'south-1', [MODELS.physical.version]],
        ['southbound', 'south-2', [MODELS.physical.version]],
      ],
    )
    const directions = await totalsOf(write, '1d', { by: 'direction' })
    t.strictSame(
      directions.map(({ direction, section }) => [direction, section]),
      [
        ['northbound', null],
        ['southbound', null],
      ],
    )
    const [whole, ...more] = await totalsOf(write, '1d', { by: 'corridor' })
    t.strictSame(more, [])
    t.match(whole, { direction: null, section: null })
    for (const number of [
      measured,
      ({ amounts }: BucketTotals) => amounts.delay.low,
      ({ amounts }: BucketTotals) => amounts.excessFuel.positivePart,
      ({ amounts }: BucketTotals) => amounts.fuelCost.high,
    ]) {
      t.equal(sumOf(directions, number), sumOf(sections, number))
      t.equal(sumOf(whole ? [whole] : [], number), sumOf(sections, number))
    }
    const north = await totalsOf(write, '1d', { by: 'direction', direction: 'northbound' })
    t.equal(sumOf(north), sumOf(sections.slice(0, 2)))
    t.strictSame(await totalsOf(write, '1d', { section: 'nowhere' }), [])
  })

  t.test('a span gives the buckets that begin in it', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, MORNING)
    const span = { fromMs: NOW + 5 * MINUTE, toMs: NOW + 15 * MINUTE }
    const totals = await totalsOf(write, '5m', { span, section: 'north-1' })
    t.strictSame(
      totals.map(({ startMs }) => startMs),
      [NOW + 5 * MINUTE, NOW + 10 * MINUTE],
    )
  })

  t.test('asking twice as often changes no total', async (t) => {
    const [seldom, often] = [await migrated(t, engine), await migrated(t, engine)]
    const speed = (minute: number): number => 15 + (minute % 20)
    const every = (step: number): Tick[] =>
      Array.from({ length: 60 / step + 1 }, (_, index) => {
        const minute = index * step
        return tickAt(NOW + minute * MINUTE, { speedKmh: speed(minute - (minute % 4)) })
      })
    await writeAll(seldom.write, every(4))
    await writeAll(often.write, every(2))
    t.strictSame(await delaysOf(often.write), await delaysOf(seldom.write))
  })

  t.test('the order in which ticks are written changes no total', async (t) => {
    const inOrder = await migrated(t, engine)
    await writeAll(inOrder.write, MORNING)
    const expected = await delaysOf(inOrder.write)
    const shuffled = MORNING.toSorted((a, b) => (a.endedAtMs % 7) - (b.endedAtMs % 7))
    for (const ticks of [MORNING.toReversed(), shuffled]) {
      const { write } = await migrated(t, engine)
      await writeAll(write, ticks)
      t.strictSame(await delaysOf(write), expected)
    }
  })

  t.test('an answer that comes late counts from its own time', async (t) => {
    const { write } = await migrated(t, engine)
    const ticks = [
      onNorth1(NOW, seen('north-1', 20)),
      onNorth1(NOW + 6 * MINUTE, seen('north-1', 60), { observedAtMs: NOW + 2 * MINUTE }),
      onNorth1(NOW + 12 * MINUTE, seen('north-1', 60), { observedAtMs: NOW + 11 * MINUTE }),
    ]
    await writeAll(write, ticks)
    const [first, ...rest] = await totalsOf(write, '5m', { section: 'north-1' })
    const [slow = 0, fast = 0] = ticks.map((tick) => rateOf(tick, 'north-1') ?? 0)
    t.equal(sumOf(first ? [first] : []), ((slow * 2 + fast * 3) / 60).toPrecision(9))
    t.equal(sumOf(rest), ((fast * 7) / 60).toPrecision(9))
  })

  t.test('an observation holds for ten minutes, and then nothing is known', async (t) => {
    const { write } = await migrated(t, engine)
    const tick = onNorth1(NOW, seen('north-1', 20, 0.9))
    await writeAll(write, [tick, failedAt(NOW + 30 * MINUTE), failedAt(NOW + 40 * MINUTE)])
    const totals = await totalsOf(write, '5m', { section: 'north-1' })
    t.strictSame(
      totals.map(({ startMs }) => startMs),
      [NOW, NOW + 5 * MINUTE],
      'what was not measured is no bucket',
    )
    t.equal(sumOf(totals), ((rateOf(tick, 'north-1') ?? 0) / 6).toPrecision(9))
    t.equal(sumOf(totals, measured), (0.9 / 6).toPrecision(9), 'kilometres times hours')
  })

  t.test('a section that is no longer covered holds no longer', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [
      onNorth1(NOW, seen('north-1', 20)),
      onNorth1(NOW + 3 * MINUTE, unseen('north-1', 'insufficientCoverage', 0.4)),
      failedAt(NOW + 20 * MINUTE),
    ])
    const totals = await totalsOf(write, '1h', { section: 'north-1' })
    t.equal(sumOf(totals, measured), (3 / 60).toPrecision(9))
  })

  t.test('a closed section is measured, and costs nobody anything', async (t) => {
    const { write } = await migrated(t, engine)
    const sections = [unseen('north-1', 'closed', 0.75), seen('north-2', 30)]
    await writeAll(write, [tickAt(NOW, { sections }), failedAt(NOW + 5 * MINUTE)])
    const [total, ...more] = await totalsOf(write, '1d', { section: 'north-1' })
    t.strictSame(more, [])
    t.equal(total?.measuredKmH.toPrecision(9), (0.75 / 12).toPrecision(9))
    t.strictSame(total?.amounts.delay, { low: 0, central: 0, high: 0 })
    t.strictSame(total?.amounts.excessFuel, { low: 0, central: 0, high: 0, positivePart: 0 })
  })

  t.test('a closed section beside unknown ones says nothing of the traffic', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [
      onNorth1(NOW, unseen('north-1', 'closed', 0.75)),
      failedAt(NOW + 5 * MINUTE),
    ])
    t.strictSame(await totalsOf(write, '1d', { section: 'north-1' }), [])
  })

  t.test('what was measured, what is invented and what is replayed never add up', async (t) => {
    const { write } = await migrated(t, engine)
    const providers = ['here', 'simulated', 'replay', 'tomtom'] as const
    const at = (index: number) => NOW + index * 2 * MINUTE
    await writeAll(write, [
      ...providers.map((provider, index) =>
        onNorth1(at(index), seen('north-1', 10 + 10 * index), { provider }),
      ),
      failedAt(NOW + HOUR),
      failedAt(NOW + HOUR, 'timeout', 'simulated'),
      failedAt(NOW + HOUR, 'timeout', 'replay'),
    ])
    const minutesOf = async (source: 'live' | 'simulated' | 'replay') =>
      sumOf(await totalsOf(write, '1d', { source, section: 'north-1' }), measured)
    t.equal(await minutesOf('live'), (16 / 60).toPrecision(9), 'of two providers in turn')
    t.equal(await minutesOf('simulated'), (10 / 60).toPrecision(9))
    t.equal(await minutesOf('replay'), (10 / 60).toPrecision(9))
  })

  t.test('a section that a later definition lacks ends there', async (t) => {
    const { write } = await migrated(t, engine)
    const whole: Corridor = oneWay([section('north', 0, 4000)])
    const parts: Corridor = oneWay([section('north-1', 0, 1000), section('north-2', 1000, 4000)])
    await writeAll(write, [
      tickAt(NOW, { corridor: whole }),
      tickAt(NOW + 3 * MINUTE, { corridor: parts }),
      tickAt(NOW + 5 * MINUTE, { corridor: parts }),
    ])
    const totals = await totalsOf(write, '5m')
    t.strictSame(
      totals.map(({ section, measuredKmH }) => [section, measuredKmH.toPrecision(9)]).toSorted(),
      [
        ['north', ((4 * 3) / 60).toPrecision(9)],
        ['north-1', ((1 * 2) / 60).toPrecision(9)],
        ['north-2', ((3 * 2) / 60).toPrecision(9)],
      ],
    )
  })

  t.test('a bucket of which nothing is left is taken away', async (t) => {
    const { write } = await migrated(t, engine)
    await writeAll(write, [onNorth1(NOW, seen('north-1', 20)), failedAt(NOW + 9 * MINUTE)])
    t.equal((await totalsOf(write, '5m')).length, 2)
    const late = unseen('north-1', 'insufficientCoverage', 0.1)
    await writeAll(write, [onNorth1(NOW + 9 * MINUTE, late, { observedAtMs: NOW + 5 * MINUTE })])
    for (const interval of INTERVALS) {
      const totals = await totalsOf(write, interval, { section: 'north-1' })
      t.equal(sumOf(totals, measured), (5 / 60).toPrecision(9), interval)
    }
    t.equal((await totalsOf(write, '5m')).length, 1)
  })
})

t.test(
  'neither how often nor in which order it is asked and written changes a total',
  async (t) => {
    const { write } = await openDatabase({ dataDir: newFolder(t) }, () => {})
    t.teardown(() => write.destroy())
    await migrate(write, 'up')
    const observation = fc.oneof(
      // Congested: the flow of free traffic, and so its rate, changes with the hour of the day.
      fc.integer({ min: 4, max: 59 }).map((speedKmh) => seen('north-1', speedKmh)),
      fc.constant(unseen('north-1', 'closed', 1)),
      fc.constant(unseen('north-1', 'insufficientCoverage', 0.5)),
    )
    /** Minutes since the answer before, and what it says. */
    const answer = fc.tuple(fc.integer({ min: 1, max: 15 }), observation)
    const answers = fc.array(answer, { minLength: 2, maxLength: 10 })
    const places = fc.infiniteStream(fc.nat())
    let roads = 0
    const property = fc.asyncProperty(answers, places, async (all, place) => {
      roads += 1
      const corridor = corridorWith({ id: `road-${roads}` })
      let atMs = NOW
      const seldom = all.map(([minutes, observed]) => {
        atMs += minutes * MINUTE
        return onNorth1(atMs, observed, { corridor })
      })
      // The answer before each is asked for again halfway, and each tick is written again.
      const often = seldom.flatMap((tick, index) => {
        const [minutes = 0] = all[index] ?? []
        const [, before] = all[index - 1] ?? []
        if (before === undefined || minutes > 10) return [tick, tick]
        return [onNorth1(tick.endedAtMs - (minutes * MINUTE) / 2, before, { corridor }), tick, tick]
      })
      const shuffled = often
        .map((tick) => [Number(place.next().value), tick] as const)
        .toSorted(([a], [b]) => a - b)
        .map(([, tick]) => tick)
      await writeAll(write, shuffled)
      const of = { corridorId: corridor.id, section: 'north-1' }
      const expected = delayByMinutes(seldom, 'north-1', NOW, atMs)
      const sums = await Promise.all(INTERVALS.map((interval) => totalsOf(write, interval, of)))
      return sums.every((totals) => Math.abs(Number(sumOf(totals)) - expected) < 1e-6)
    })
    const found = await fc.check(property, { numRuns: 40 })
    t.equal(fc.defaultReportMessage(found), undefined)
  },
)
