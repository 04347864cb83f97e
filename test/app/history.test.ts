import t from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { sectionsOf } from '../../src/corridors/corridor.ts'
import { MODELS } from '../../src/impact/models.ts'
import type { HistoryView } from '../../src/modules/history/schemas.ts'
import { todayView } from '../../src/modules/traffic/today.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { computeTotals } from '../../src/storage/totals/compute-totals.ts'
import { CSV_AMOUNTS, CSV_HEADER, CSV_KEYS } from '../../src/views/totals-csv.ts'
import { MILL_ROAD, seen } from '../corridors/fixtures/straight-road.ts'
import { buildApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { newFolder } from '../helpers/databases.ts'
import { answerOf, failing, piecesOf, scripted } from '../helpers/providers.ts'
import {
  HISTORY,
  heldFor,
  historyOf,
  measuredHours,
  POLL_MS,
  poll,
  rounded,
  silent,
  snapshotOf,
  steady,
  steadyRoad,
  sumOf,
} from './fixtures/memory.ts'

const HOUR = 3_600_000
const [northbound, southbound] = ['northbound', 'southbound'] as const
const timeOf = (hours: number): string => new Date(WEDNESDAY_8H + hours * HOUR).toISOString()

/** The rows without their times, for a comparison of what they say. */
const numbersOf = ({ buckets }: Pick<HistoryView, 'buckets'>) => buckets.map((row) => sumOf([row]))

/** An hour and a half of a road on which nothing changes; the tests that only read share it. */
const app = await buildApp(t, steadyRoad())
await poll(app, 18)

t.test('a rate that holds for an hour adds up to that rate times an hour', async (t) => {
  const { rates } = await snapshotOf(app)
  const view = await historyOf(app, { from: timeOf(0), to: timeOf(1) })
  t.match(view, {
    corridor: 'mill-road',
    timeZone: 'Asia/Jerusalem',
    currency: 'ILS',
    source: 'live',
    interval: '1h',
    from: timeOf(0),
    to: timeOf(1),
    by: 'corridor',
    model: { id: 'physical', version: MODELS.physical.version, knownDefects: [] },
    next: null,
  })
  t.equal(view.buckets.length, 1)
  const [bucket] = view.buckets
  t.match(bucket, { coverage: 1, direction: null, section: null, modelVersion: '1.0.0' })
  t.strictSame(bucket?.timeCost?.unit, 'ILS')
  t.strictSame(rounded(sumOf(view.buckets)), rounded(heldFor(1, rates)))
  t.ok((bucket?.delay?.central ?? 0) > 0, 'and that is something')
})

t.test('shorter buckets are the parts of longer ones', async (t) => {
  const ask = (interval: string) =>
    historyOf(app, { from: '2026-11-18', to: '2026-11-19', interval, limit: '1000' })
  const day = await ask('1d')
  t.match(day.buckets, [{ from: '2026-11-17T22:00:00.000Z', to: '2026-11-18T22:00:00.000Z' }])
  for (const [interval, buckets] of [
    ['5m', 9 * 12 + 6],
    ['15m', 9 * 4 + 2],
    ['1h', 10],
  ] as const) {
    const view = await ask(interval)
    t.equal(view.buckets.length, buckets, 'a range ends with the bucket in progress')
    const measured = view.buckets.filter(({ delay }) => delay !== null)
    t.strictSame(rounded(sumOf(measured)), rounded(sumOf(day.buckets)), interval)
    const hours = view.buckets.reduce((sum, bucket) => sum + measuredHours(bucket), 0)
    t.equal(hours.toFixed(4), '1.5000', 'measured hours')
  }
})

t.test('sections sum to their direction, and directions to the corridor', async (t) => {
  const range = { from: timeOf(0), to: timeOf(1) }
  const corridor = await historyOf(app, range)
  const directions = await historyOf(app, { ...range, by: 'direction' })
  const sections = await historyOf(app, { ...range, by: 'section' })
  t.match(directions, {
    by: 'direction',
    buckets: [
      { direction: northbound, section: null },
      { direction: southbound, section: null },
    ],
  })
  t.strictSame(
    sections.buckets.map(({ section }) => section),
    sectionsOf(MILL_ROAD).map(({ id }) => id),
  )
  for (const parts of [directions, sections])
    t.strictSame(rounded(sumOf(parts.buckets)), rounded(sumOf(corridor.buckets)), parts.by)
  const north = sections.buckets.filter(({ direction }) => direction === northbound)
  t.strictSame(rounded(sumOf(north)), rounded(sumOf(directions.buckets.slice(0, 1))))
})

t.test('one direction or one section can be asked for alone', async (t) => {
  const range = { from: timeOf(0), to: timeOf(1) }
  const all = await historyOf(app, { ...range, by: 'section' })
  const ask = (query: Record<string, string>) => historyOf(app, { ...range, ...query })
  const south = await ask({ direction: southbound })
  t.match(south, { by: 'direction', buckets: [{ direction: southbound, section: null }] })
  t.equal(south.buckets.length, 1)
  t.strictSame(rounded(sumOf(south.buckets)), rounded(sumOf(all.buckets.slice(2))))
  const section = await ask({ section: 'north-2' })
  t.strictSame(section.buckets, all.buckets.slice(1, 2))
  t.strictSame((await ask({ section: 'north-2', direction: northbound })).buckets, section.buckets)
  const split = await ask({ direction: northbound, by: 'section' })
  t.strictSame(split.buckets, all.buckets.slice(0, 2))
})

t.test('what was not measured is a bucket without amounts', async (t) => {
  const down = failing(new ProviderFailure('timeout', 'no answer'))
  const good = () => answerOf(MILL_ROAD, 30)
  const turns = [good, ...Array.from({ length: 6 }, () => down), good] as const
  const app = await buildApp(t, { corridors: [MILL_ROAD], providers: [scripted('here', ...turns)] })
  await poll(app, 8)
  const view = await historyOf(app, { from: timeOf(-0.25), to: timeOf(0.75), interval: '5m' })
  // Before the first answer; the ten minutes it holds; a gap; the next answer.
  const expected = [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1]
  t.strictSame(
    view.buckets.map(({ coverage }) => coverage),
    expected,
  )
  for (const {
    coverage,
    delay,
    excessFuel,
    excessCo2,
    timeCost,
    fuelCost,
    modelVersion,
  } of view.buckets)
    t.strictSame(
      [delay, excessFuel, excessCo2, timeCost, fuelCost, modelVersion].map((one) => one === null),
      Array.from({ length: 6 }, () => coverage === 0),
    )
  const hour = await historyOf(app, { from: timeOf(0), to: timeOf(1) })
  t.equal(hour.buckets[0]?.coverage.toFixed(6), (15 / 60).toFixed(6), 'the hour says how little')
})

t.test('a section without enough data lowers the coverage and adds nothing', async (t) => {
  // The first section of four is seen: one of eight kilometres.
  const partial = scripted('here', () => ({
    pieces: piecesOf(MILL_ROAD, 30, 1),
    observedAtMs: null,
    refused: [],
  }))
  const app = await buildApp(t, { corridors: [MILL_ROAD], providers: [partial] })
  await poll(app, 12)
  const range = { from: timeOf(0), to: timeOf(1) }
  const corridor = await historyOf(app, range)
  t.equal(corridor.buckets[0]?.coverage.toFixed(6), (1 / 8).toFixed(6))
  const { buckets } = await historyOf(app, { ...range, by: 'section' })
  t.strictSame(
    buckets.map(({ coverage, delay }) => [coverage, delay === null]),
    [
      [1, false],
      [0, true],
      [0, true],
      [0, true],
    ],
  )
  t.strictSame(numbersOf({ buckets: buckets.slice(0, 1) }), numbersOf(corridor))
})

t.test('the bucket in progress has what is known until now', async (t) => {
  const { rates } = await snapshotOf(app)
  const view = await historyOf(app, { from: timeOf(1) })
  t.match(view, { from: timeOf(1), to: timeOf(2), next: null, buckets: [{ coverage: 0.5 }] })
  t.strictSame(rounded(sumOf(view.buckets)), rounded(heldFor(0.5, rates)))
})

t.test("today's totals in the snapshot are those of the day in the history", async (t) => {
  // A road whose speeds, and with them its rates, change with every poll.
  const app = await buildApp(t, { corridors: [AYALON] })
  await poll(app, 15)
  const { today } = (await app.server.inject('/v1/traffic/ayalon')).json()
  t.match(today, { from: '2026-11-17T22:00:00.000Z', to: timeOf(1.25) })
  const view = await historyOf(app, { from: '2026-11-18', interval: '1d' }, AYALON)
  t.equal(view.source, 'simulated')
  t.strictSame(rounded(sumOf([today])), rounded(sumOf(view.buckets)))
  const [bucket] = view.buckets
  t.equal(measuredHours(today).toFixed(4), '1.2500')
  t.equal(bucket?.coverage.toFixed(6), (1.25 / 24).toFixed(6), 'of the whole day')
})

t.test('polling twice as often changes no total', async (t) => {
  // The provider has news every ten minutes, and tells when it saw them: a minute before.
  const news = () =>
    scripted('here', (corridor, { atMs }) => {
      const newsMs = atMs - (atMs % 600_000)
      return answerOf(corridor, 20 + ((newsMs / 600_000) % 7) * 5, newsMs - 60_000)
    })
  const views = []
  for (const everyMs of [POLL_MS, POLL_MS / 2]) {
    const config = { POLL_SECONDS: everyMs / 1000 }
    const app = await buildApp(t, { corridors: [MILL_ROAD], providers: [news()], config })
    await poll(app, (1.5 * HOUR) / everyMs, everyMs)
    views.push(await historyOf(app, { from: timeOf(-0.5), interval: '5m', by: 'section' }))
  }
  const [once, twice] = views
  t.ok(once?.buckets.some(({ coverage }) => coverage === 1))
  t.strictSame(twice, once)
})

t.test('pages visit every bucket once, and nothing changes on the way', async (t) => {
  const query = { from: timeOf(-2), to: timeOf(1), interval: '15m', by: 'section' }
  const whole = await historyOf(app, { ...query, limit: '1000' })
  t.equal(whole.next, null)
  t.equal(whole.buckets.length, 3 * 4 * 4)
  for (const [limit, most] of [
    ['9', 8], // two buckets of four rows
    ['1', 4], // never less than one bucket
  ] as const) {
    const rows = []
    let path: string | null = `${HISTORY}?${new URLSearchParams({ ...query, limit })}`
    for (let page = 0; path !== null && page < 20; page += 1) {
      const view: HistoryView = (await app.server.inject(path)).json()
      t.ok(view.buckets.length <= most)
      t.match(view, { to: whole.to, by: 'section', interval: '15m' })
      rows.push(...view.buckets)
      path = view.next
    }
    t.strictSame(rows, whole.buckets, `limit ${limit}`)
  }
})

t.test('the path of the next page keeps what was asked for', async (t) => {
  const query = { model: 'ayalon-1.0-freeze', interval: '5m', limit: '2' }
  const only = { direction: northbound, section: 'north-2' }
  const first = await historyOf(app, { ...query, ...only })
  const next = new URL(`http://any${first.next}`)
  t.equal(next.pathname, HISTORY)
  t.match(Object.fromEntries(next.searchParams), { ...query, ...only, by: 'section' })
  t.equal(next.searchParams.get('from'), first.buckets.at(-1)?.to)
  const second: HistoryView = (await app.server.inject(String(first.next))).json()
  t.match(second.buckets, [{ section: 'north-2', from: first.buckets.at(-1)?.to }, {}])
  t.match(second.model, { id: 'ayalon-1.0-freeze' })
})

t.test('a page never holds the bucket in progress twice', async (t) => {
  const first = await historyOf(app, { from: timeOf(0), interval: '1h', limit: '1' })
  t.ok(first.next)
  const second: HistoryView = (await app.server.inject(String(first.next))).json()
  t.match(second, { next: null, buckets: [{ from: timeOf(1), to: timeOf(2) }] })
})

/** A line of the download by its columns. */
const columnsOf = (line: string): Record<string, string> => {
  const cells = line.split(',')
  return Object.fromEntries(CSV_HEADER.split(',').map((name, at) => [name, cells[at] ?? '']))
}

t.test('the download has a line for every section and bucket, with the same numbers', async (t) => {
  const query = { from: timeOf(-1), to: timeOf(1), interval: '1h' }
  const response = await app.server.inject({ url: HISTORY, query: { ...query, format: 'csv' } })
  t.equal(response.statusCode, 200)
  t.equal(response.headers['content-type'], 'text/csv; charset=utf-8')
  t.equal(
    response.headers['content-disposition'],
    'attachment; filename="mill-road-1h-2026-11-18-2026-11-18.csv"',
  )
  t.equal(response.headers['content-length'], undefined, 'its length is not known before its end')
  const [header, ...lines] = response.body.trimEnd().split('\n')
  t.equal(header, CSV_HEADER)
  t.ok(response.body.endsWith('\n'))
  t.equal(lines.length, 2 * 4)
  const json = await historyOf(app, { ...query, by: 'section' })
  for (const [index, bucket] of json.buckets.entries()) {
    const line = columnsOf(lines[index] ?? '')
    t.match(line, {
      from: bucket.from,
      to: bucket.to,
      interval: '1h',
      corridor: 'mill-road',
      direction: bucket.direction,
      section: bucket.section,
      source: 'live',
      model: 'physical',
      model_version: bucket.modelVersion ?? '',
      currency: 'ILS',
      coverage: String(bucket.coverage),
    })
    const { delay, excessFuel, excessCo2, timeCost, fuelCost } = bucket
    const amounts = [
      [delay?.low, delay?.central, delay?.high],
      [excessFuel?.low, excessFuel?.central, excessFuel?.high, excessFuel?.positivePart],
      [excessCo2?.low, excessCo2?.central, excessCo2?.high, excessCo2?.positivePart],
      [timeCost?.low, timeCost?.central, timeCost?.high],
      [fuelCost?.low, fuelCost?.central, fuelCost?.high],
    ].flat()
    t.strictSame(
      Object.keys(CSV_AMOUNTS).map((name) => (line[name] ? Number(line[name]).toFixed(6) : null)),
      amounts.map((amount) => amount?.toFixed(6) ?? null),
      `${bucket.from} ${bucket.section}`,
    )
  }
  const [empty] = lines
  t.ok(empty?.endsWith(`,0${','.repeat(Object.keys(CSV_AMOUNTS).length)}`), 'a gap has no amounts')
  t.equal(empty?.split(',').length, CSV_KEYS.length + Object.keys(CSV_AMOUNTS).length)
})

t.test('a long download is read in chunks, each bucket once', async (t) => {
  const query = { from: timeOf(-48), interval: '5m', format: 'csv', by: 'corridor' }
  const { body } = await app.server.inject({ url: HISTORY, query })
  const [header, ...lines] = body.trimEnd().split('\n')
  t.equal(header, CSV_HEADER)
  t.equal(lines.length, 48 * 12 + 18)
  const starts = lines.map((line) => line.split(',')[0])
  t.strictSame(
    starts,
    lines.map((_, index) => timeOf(-48 + index / 12)),
  )
  t.match(columnsOf(lines.at(-1) ?? ''), { direction: '', section: '', coverage: '1' })
  t.notOk(lines.some((line) => line.startsWith('from')))
})

t.test('a model that computed nothing yet has buckets without data, and its defects', async (t) => {
  const app = await buildApp(t, steadyRoad())
  await poll(app, 12)
  const range = { from: timeOf(0), to: timeOf(1) }
  const model = 'ayalon-1.0-freeze'
  const before = await historyOf(app, range)
  const ask = () => historyOf(app, { ...range, model })
  const none = await ask()
  t.match(none.buckets, [{ coverage: 0, delay: null, modelVersion: null }])
  t.strictSame(none.model.knownDefects, [...MODELS[model].knownDefects])
  await app.storage.connection.use(({ write }) =>
    computeTotals(write, {
      corridorId: MILL_ROAD.id,
      source: 'live',
      timeZone: MILL_ROAD.timeZone,
      model,
      fromMs: WEDNESDAY_8H,
      toMs: WEDNESDAY_8H + HOUR,
    }),
  )
  const computed = await ask()
  t.match(computed.buckets, [{ coverage: 1, modelVersion: '1.0-freeze' }])
  const { rates, today } = await snapshotOf(app, `?model=${model}`)
  t.strictSame(rounded(sumOf(computed.buckets)), rounded(heldFor(1, rates)))
  t.strictSame(rounded(sumOf([today])), rounded(sumOf(computed.buckets)))
  t.strictSame(await historyOf(app, range), before, 'and what stood before stands beside it')
})

t.test('days of 23 and 25 hours have as many hours, and none is lost or twice', async (t) => {
  for (const [date, next, startsAt, hours] of [
    ['2026-03-27', '2026-03-28', '2026-03-26T22:00:00.000Z', 23],
    ['2026-10-25', '2026-10-26', '2026-10-24T21:00:00.000Z', 25],
  ] as const) {
    const startMs = Date.parse(startsAt)
    const config = { POLL_SECONDS: 600, DATA_DIR: newFolder(t) }
    const app = await buildApp(t, { ...steadyRoad(), config, nowMs: startMs })
    // Over the change of the clocks, which is two hours after midnight.
    await poll(app, 4 * 6, 600_000)
    const { rates } = await snapshotOf(app)
    await app.server.close()
    const later = await buildApp(t, {
      corridors: [MILL_ROAD],
      providers: [silent()],
      config,
      nowMs: startMs + 40 * HOUR,
      starting: true,
    })
    const ask = (interval: string) => historyOf(later, { from: date, to: next, interval })
    const inHours = await ask('1h')
    t.equal(inHours.buckets.length, hours, date)
    for (const [index, bucket] of inHours.buckets.entries()) {
      t.equal(bucket.from, new Date(startMs + index * HOUR).toISOString())
      t.equal(bucket.coverage, index < 4 ? 1 : 0)
    }
    for (const bucket of inHours.buckets.slice(0, 4))
      t.strictSame(rounded(sumOf([bucket])), rounded(heldFor(1, rates)))
    const inDays = await ask('1d')
    t.match(inDays.buckets, [
      { from: startsAt, to: new Date(startMs + hours * HOUR).toISOString() },
    ])
    t.equal(inDays.buckets.length, 1)
    t.equal(inDays.buckets[0]?.coverage.toFixed(6), (4 / hours).toFixed(6))
    t.strictSame(rounded(sumOf(inDays.buckets)), rounded(heldFor(4, rates)))
  }
})

t.test('totals of an invented road and of a measured one are never mixed', async (t) => {
  const config = { DATA_DIR: newFolder(t) }
  const range = { from: timeOf(0), to: timeOf(1), interval: '1h' }
  const sources = []
  for (const [providers, startHours] of [
    [[steady()], 0],
    [[scripted('simulated', () => answerOf(MILL_ROAD, 20))], 0.5],
    [[steady()], 1],
  ] as const) {
    const nowMs = WEDNESDAY_8H + startHours * HOUR
    const app = await buildApp(t, { corridors: [MILL_ROAD], providers, config, nowMs })
    await poll(app, 5)
    const { source, buckets } = await historyOf(app, range)
    sources.push({ source, coverage: buckets[0]?.coverage.toFixed(3) })
    const { today } = await snapshotOf(app)
    const day = await historyOf(app, { from: '2026-11-18', interval: '1d' })
    t.strictSame(rounded(sumOf([today])), rounded(sumOf(day.buckets)), 'nor in the snapshot')
    await app.server.close()
  }
  t.strictSame(sources, [
    { source: 'live', coverage: (25 / 60).toFixed(3) },
    { source: 'simulated', coverage: (25 / 60).toFixed(3) },
    // The last answer before the stop holds for ten minutes.
    { source: 'live', coverage: (35 / 60).toFixed(3) },
  ])
})

t.test('the totals of today leave out what a provider of another kind said', async (t) => {
  const toMs = WEDNESDAY_8H + POLL_MS
  const observedBy = (provider: 'here' | 'simulated', atMs: number, speedKmh: number) => ({
    corridor: MILL_ROAD,
    snapshot: {
      id: `${atMs}`,
      provider,
      observedAtMs: atMs,
      fetchedAtMs: atMs,
      sections: sectionsOf(MILL_ROAD).map(({ id }) => seen(id, speedKmh)),
      refused: [],
      warnings: [],
    },
  })
  const first = observedBy('here', WEDNESDAY_8H, 30)
  const invented = observedBy('simulated', WEDNESDAY_8H + 60_000, 10)
  const last = observedBy('here', toMs, 30)
  const choice = { model: 'physical', reference: { kind: 'freeFlow' } } as const
  const today = (...recent: (typeof first)[]) => todayView(MILL_ROAD, last.snapshot, recent, choice)
  const own = today(first, last)
  t.ok((own.delay?.central ?? 0) > 0)
  t.strictSame(today(first, invented, last), own)
})

t.test('without a format the Accept header decides', async (t) => {
  const typeOf = async (accept: string, query = ''): Promise<string> => {
    const { headers } = await app.server.inject({ url: `${HISTORY}${query}`, headers: { accept } })
    return String(headers['content-type'])
  }
  t.match(await typeOf('text/csv'), /^text\/csv/)
  t.match(await typeOf('text/csv, application/json;q=0.5'), /^text\/csv/)
  t.match(await typeOf('application/json'), /^application\/json/)
  t.match(await typeOf('*/*'), /^application\/json/)
  t.match(await typeOf('*/*', '?format=csv'), /^text\/csv/, 'what the query says stands')
})

t.test('whoever asks for the headers of a download alone does not make us read it', async (t) => {
  const query = `format=csv&interval=5m&from=${timeOf(-400)}&to=${timeOf(1)}`
  const { statusCode, headers, body } = await app.server.inject({
    method: 'HEAD',
    url: `${HISTORY}?${query}`,
  })
  t.equal(statusCode, 200)
  t.match(headers['content-disposition'], /^attachment; filename="mill-road-5m-/)
  t.equal(body, '')
})

t.test('a direction that is called otherwise now keeps its past', async (t) => {
  const config = { DATA_DIR: newFolder(t) }
  const first = await buildApp(t, { ...steadyRoad(), config })
  await poll(first, 3)
  await first.server.close()
  const [north] = MILL_ROAD.directions
  const renamed = {
    ...MILL_ROAD,
    directions: [{ ...north, direction: 'uphill' }, ...MILL_ROAD.directions.slice(1)] as const,
  }
  const second = await buildApp(t, {
    corridors: [renamed],
    providers: [steady()],
    config,
    nowMs: WEDNESDAY_8H + 4 * POLL_MS,
  })
  await poll(second, 1)
  const view = await historyOf(
    second,
    { from: timeOf(0), to: timeOf(0.4), interval: '5m', by: 'direction' },
    renamed,
  )
  t.strictSame(
    view.buckets.filter(({ direction }) => direction === 'uphill').map(({ coverage }) => coverage),
    [1, 1, 1, 1, 1],
  )
})
