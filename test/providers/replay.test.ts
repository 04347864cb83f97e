import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { indexBins } from '../../src/corridors/bins.ts'
import { type Corridor, corridorSchema, sectionsOf } from '../../src/corridors/corridor.ts'
import { corridorImpact, settingsOf } from '../../src/corridors/corridor-impact.ts'
import type { LatLon } from '../../src/corridors/geo.ts'
import { matchPieces } from '../../src/corridors/matching.ts'
import { MODELS } from '../../src/impact/models.ts'
import { parseHere } from '../../src/providers/here/parse.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { readBody } from '../../src/providers/replay/folder.ts'
import { createReplay } from '../../src/providers/replay/provider.ts'
import { createSimulated } from '../../src/providers/simulated/provider.ts'
import { parseTomTom } from '../../src/providers/tomtom/parse.ts'
import { contextAt } from '../helpers/providers.ts'
import { failureOf } from './fixtures/failure-of.ts'
import { hereBody, hereFlow, NORTH, STRAIGHT, STRAIGHT_FILE, tomtomBody } from './fixtures/roads.ts'

const ask = (provider: Provider, corridor: Corridor = STRAIGHT, atMs = 0) =>
  provider.refresh(corridor, contextAt(atMs))

/** A body of HERE's with one piece at a speed in whole m/s. */
const body = (speed: number): string => hereBody([hereFlow(NORTH, speed)])

const replay = (dir: string, maxBytes = 10_000): Provider =>
  createReplay({ dir, parse: parseHere, maxBytes })

/** Speeds of one refresh in whole m/s, in the order of the pieces. */
const speeds = async (provider: Provider, corridor?: Corridor): Promise<number[]> =>
  (await ask(provider, corridor)).pieces.map(({ speedKmh }) => Math.round(speedKmh / 3.6))

t.test('a folder of bodies is one refresh, again and again', async (t) => {
  const provider = replay(t.testdir({ 'b.json': body(20), 'a.json': body(10), 'c.json': body(30) }))
  t.same(await speeds(provider), [10, 20, 30], 'in the order of their names')
  t.equal(provider.callsFor(STRAIGHT), 0, 'it calls nobody')
  t.same(await speeds(provider), [10, 20, 30])
})

t.test('folders are a sequence in the order of their names that starts again', async (t) => {
  const provider = replay(
    t.testdir({
      '2026-11-21T10-05-00.000Z': { 'straight.json': body(20) },
      '2026-11-21T10-10-00.000Z': { 'one.json': body(30), 'two.json': body(31) },
      '2026-11-21T10-00-00.000Z': { 'straight.json': body(10) },
    }),
  )
  for (const expected of [[10], [20], [30, 31], [10], [20]])
    t.same(await speeds(provider), expected)
})

t.test('every corridor goes through the sequence at its own pace', async (t) => {
  const provider = replay(t.testdir({ a: { 'x.json': body(10) }, b: { 'x.json': body(20) } }))
  t.same(await speeds(provider), [10])
  t.same(await speeds(provider, AYALON), [10])
  t.same(await speeds(provider), [20])
  t.same(await speeds(provider), [10])
  t.same(await speeds(provider, AYALON), [20])
})

t.test('bodies are replayed as if answered now, whatever time they state', async (t) => {
  t.equal(parseHere(body(10)).observedAtMs, Date.UTC(2026, 10, 21, 9, 58))
  const { observedAtMs } = await ask(replay(t.testdir({ 'a.json': body(10) })))
  t.equal(observedAtMs, null)
})

t.test('files and folders that begin with a dot are ignored', async (t) => {
  const flat = replay(t.testdir({ '.DS_Store': '\0', '.git': { HEAD: 'ref' }, 'a.json': body(10) }))
  t.same((await ask(flat)).refused, [])
  t.same(await speeds(flat), [10])
  const nested = replay(t.testdir({ '.old': { 'x.json': body(99) }, a: { 'x.json': body(20) } }))
  t.same(await speeds(nested), [20])
  t.same(await speeds(nested), [20])
})

t.test('links to folders are folders, and a body that cannot be read is a failure', async (t) => {
  const dir = t.testdir({
    real: { a: { '1.json': body(10) } },
    replay: { a: t.fixture('symlink', '../real/a') },
    broken: { '1.json': t.fixture('symlink', './gone') },
  })
  t.strictSame(await speeds(replay(join(dir, 'replay'))), [10])
  t.equal((await failureOf(() => ask(replay(join(dir, 'broken'))))).outcome, 'unreachable')
  t.equal((await failureOf(() => readBody(dir, 10_000))).outcome, 'unreachable')
})

t.test('one bad body among good ones is counted', async (t) => {
  const dir = t.testdir({
    'a.json': body(10),
    'b.json': '<h1>Maintenance</h1>',
    'c.json': body(20),
    'd.json': t.fixture('symlink', 'nowhere.json'),
  })
  const provider = replay(dir)
  const { refused } = await ask(provider)
  t.same(
    refused.toSorted((a, b) => a.reason.localeCompare(b.reason)),
    [
      { reason: 'badAnswer', pieces: 1 },
      { reason: 'unreachable', pieces: 1 },
    ],
  )
  t.same(await speeds(provider), [10, 20])
})

t.test('a refresh of bad bodies alone fails, and the next one is played after it', async (t) => {
  const provider = replay(
    t.testdir({ a: { 'x.json': '' }, b: { 'x.json': body(20), 'y.json': body(21) } }),
  )
  const { outcome, message } = await failureOf(() => ask(provider))
  t.equal(outcome, 'badAnswer')
  t.match(message, 'empty')
  t.same(await speeds(provider), [20, 21])
})

t.test('a body over the limit is refused; one at the limit is read', async (t) => {
  const bytes = body(10).length
  const dir = t.testdir({ 'a.json': body(10), 'b.json': `${body(20)} ` })
  const { pieces, refused } = await ask(replay(dir, bytes))
  t.equal(pieces.length, 1)
  t.same(refused, [{ reason: 'badAnswer', pieces: 1 }])
  const { outcome, message } = await failureOf(() => ask(replay(dir, bytes - 1)))
  t.equal(outcome, 'badAnswer')
  t.match(message, `larger than ${bytes - 1} bytes`)
})

t.test(
  'a folder that is missing or no folder is unreachable, an empty one badAnswer',
  async (t) => {
    const dir = t.testdir({ file: 'x', empty: {}, hollow: { inner: {} } })
    for (const [name, expected] of [
      ['missing', 'unreachable'],
      ['file', 'unreachable'],
      ['empty', 'badAnswer'],
      ['hollow', 'badAnswer'],
    ] as const) {
      const { outcome, message } = await failureOf(() => ask(replay(join(dir, name))))
      t.equal(outcome, expected, name)
      t.notMatch(message, dir, 'it does not name the path')
    }
  },
)

/**
 * What three answers at free flow must come to: two are the same northbound line from La Guardia
 * to Glilot, the third is another road.
 */
async function checkProbes(t: Test, dir: string): Promise<void> {
  const provider = createReplay({ dir, parse: parseTomTom, maxBytes: 1_000_000 })
  const answer = await ask(provider, AYALON)
  t.equal(answer.pieces.length, 3)
  t.same(answer.refused, [])
  const { sections, refused } = matchPieces(indexBins(AYALON), answer.pieces)
  t.same(
    refused.toSorted((a, b) => a.reason.localeCompare(b.reason)),
    [
      { reason: 'duplicate', pieces: 1 },
      { reason: 'wrongRoad', pieces: 1 },
    ],
  )
  const result = corridorImpact(
    AYALON,
    { observedAtMs: 0, sections },
    MODELS.physical,
    settingsOf(AYALON, { kind: 'freeFlow' }),
  )
  const measured = [
    'northbound-la-guardia-arlozorov',
    'northbound-arlozorov-rokach',
    'northbound-rokach-glilot',
  ]
  t.equal(sections.length, 8)
  for (const { section, observation, impact, rates } of result.directions.flatMap(
    (direction) => direction.sections,
  )) {
    if (measured.includes(section.id)) {
      t.equal(observation.status, 'ok', section.id)
      const off = Math.abs((observation.speedKmh ?? 0) - 95)
      t.ok(off <= 0.5, `${section.id} is ${off} km/h off 95`)
      t.equal(impact?.delaySecondsPerVehicle, 0)
      t.same(rates?.delay, { low: 0, central: 0, high: 0 })
    } else {
      t.match(observation, {
        id: section.id,
        status: 'insufficientCoverage',
        speedKmh: null,
        freeFlowKmh: null,
        confidence: null,
      })
      t.equal(impact, null)
      t.equal(rates, null)
    }
  }
  t.match(
    result.directions.map(({ direction, status }) => ({ direction, status })),
    [
      { direction: 'northbound', status: 'partial' },
      { direction: 'southbound', status: 'insufficientCoverage' },
    ],
  )
}

t.test('three probes of a free road: one line counted once, no delay, no number', async (t) => {
  const [holon, ...rest] = AYALON.directions[0].sections
  const shift = (points: readonly LatLon[], degreesEast: number): LatLon[] =>
    points.map(([lat, lon]) => [lat, lon + degreesEast])
  // 0.00004 degrees of longitude are 4 m here, 0.003 are 283 m.
  const line = shift(
    rest.flatMap(({ points }) => points),
    0.00004,
  )
  const otherRoad = shift(holon.points, 0.003)
  const dir = t.testdir({
    'arlozorov.json': tomtomBody(line, 95),
    'ha-shalom.json': tomtomBody(line, 95),
    'la-guardia.json': tomtomBody(otherRoad, 67),
  })
  await checkProbes(t, dir)
})

const CAPTURES = join(import.meta.dirname, '../../../shared/captures/tomtom')

t.test(
  "TomTom's recorded answers for the Ayalon: the same",
  { skip: existsSync(CAPTURES) ? false : 'the recorded answers are not beside the project' },
  (t) => checkProbes(t, CAPTURES),
)

/** 2026-11-22 was a Sunday, a working day; Tel Aviv is two hours ahead of UTC. */
const sunday = (hour: number): number => Date.UTC(2026, 10, 22) + (hour - 2) * 3_600_000
const monday = (hour: number): number => sunday(hour + 24)
/** The day before, a day of rest. */
const saturday = (hour: number): number => sunday(hour) - 24 * 3_600_000

/** Seconds over those of free flow to drive a direction of the Ayalon. */
async function lostSeconds(direction: 0 | 1, atMs: number): Promise<number> {
  const { pieces } = await ask(createSimulated(), AYALON, atMs)
  return sectionsOf(AYALON).reduce((sum, { id, lengthM }, place) => {
    const ofDirection = AYALON.directions[direction]?.sections.some((section) => section.id === id)
    const { speedKmh = 0, freeFlowKmh = 0 } = pieces[place] ?? {}
    return ofDirection ? sum + 3.6 * lengthM * (1 / speedKmh - 1 / freeFlowKmh) : sum
  }, 0)
}

t.test('the simulation is the same every time and covers every section', async (t) => {
  const provider = createSimulated()
  t.equal(provider.name, 'simulated')
  const atMs = sunday(8)
  const answer = await ask(provider, AYALON, atMs)
  t.equal(answer.observedAtMs, atMs)
  t.same(answer.refused, [])
  t.strictSame(await ask(createSimulated(), AYALON, atMs), answer)
  t.notSame(await ask(provider, AYALON, sunday(12)), answer, 'the time of day matters')
  const { sections, refused } = matchPieces(indexBins(AYALON), answer.pieces)
  t.same(refused, [])
  t.ok(sections.every(({ status, coverage }) => status === 'ok' && coverage === 1))
})

t.test(
  'it jams in the morning in the first direction and in the evening in the other',
  async (t) => {
    const worstHour = async (direction: 0 | 1): Promise<number> => {
      const hours = Array.from({ length: 24 }, (_, hour) => hour)
      const lost = await Promise.all(
        hours.map((hour) => lostSeconds(direction, sunday(hour + 0.5))),
      )
      return lost.indexOf(Math.max(...lost))
    }
    const [north, south] = [await worstHour(0), await worstHour(1)]
    t.ok(north >= 6 && north <= 9, `northbound at ${north} h`)
    t.ok(south >= 15 && south <= 19, `southbound at ${south} h`)
    const [morning, evening] = [sunday(8), sunday(17.25)]
    t.ok((await lostSeconds(0, morning)) > 2 * (await lostSeconds(1, morning)))
    t.ok((await lostSeconds(1, evening)) > 2 * (await lostSeconds(0, evening)))
  },
)

t.test('at night it flows freely', async (t) => {
  for (const { speedKmh, freeFlowKmh } of (await ask(createSimulated(), AYALON, sunday(3)))
    .pieces) {
    t.equal(freeFlowKmh, 95, 'a little over the limit of 90')
    t.ok(speedKmh <= freeFlowKmh && speedKmh > 0.99 * freeFlowKmh, `${speedKmh} km/h`)
  }
})

t.test('a day of rest is lighter than a working day', async (t) => {
  for (const direction of [0, 1] as const)
    for (const hour of [0, 4, 8, 12, 17, 20])
      t.ok(
        (await lostSeconds(direction, saturday(hour))) <
          (await lostSeconds(direction, sunday(hour))),
        `direction ${direction} at ${hour} h`,
      )
})

/** The same road with so many vehicles that it jams all day. */
const CROWDED = corridorSchema.parse({
  ...STRAIGHT_FILE,
  demand: {
    ...STRAIGHT_FILE.demand,
    vehiclesPerDay: { ...STRAIGHT_FILE.demand.vehiclesPerDay, amount: 1_000_000 },
  },
})

t.test("its jams are speeds at which the model's own flow goes through", async (t) => {
  for (const corridor of [AYALON, CROWDED]) {
    let jammed = 0
    for (let hour = 0; hour < 24; hour += 0.25) {
      const { pieces } = await ask(createSimulated(), corridor, monday(hour))
      for (const { speedKmh, freeFlowKmh } of pieces) {
        const x = speedKmh / (0.75 * freeFlowKmh)
        if (x >= 1) continue
        jammed += 1
        // Share of capacity, before the model limits it to 0.82.
        const share = 0.46 + 0.44 * x
        t.ok(share > 0.46 && share <= 0.82 + 1e-9, `${speedKmh} km/h gives ${share}`)
      }
    }
    t.ok(jammed > 10, `${corridor.id}: ${jammed} jams were seen`)
  }
})
