import fc from 'fast-check'
import t from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { indexBins } from '../../src/corridors/bins.ts'
import {
  angleBetween,
  bearingDegrees,
  cutAlong,
  distanceM,
  distanceToSegmentM,
  type LatLon,
  lastOf,
  pairs,
  pointAlong,
  polylineLengthM,
  projectionAround,
} from '../../src/corridors/geo.ts'
import { matchPieces } from '../../src/corridors/matching.ts'
import { type RefusalReason, type RoadPiece, tally } from '../../src/corridors/road-piece.ts'
import { observeSection, unobserved } from '../../src/corridors/section-observation.ts'
import { holds } from '../impact/fixtures/holds.ts'
import {
  along,
  at,
  MILL_ROAD,
  oneWay,
  piece,
  SOUTHBOUND_M,
  section,
} from './fixtures/straight-road.ts'

const none = 'insufficientCoverage'
const road = indexBins(MILL_ROAD)
/** The first kilometre of the road, northbound only. */
const kilometre = indexBins(oneWay([section('a', 0, 1000)]))

/** What the pieces say of the single kilometre. */
const seenOn = (...pieces: RoadPiece[]) => {
  const { sections, refused } = matchPieces(kilometre, pieces)
  const [first = unobserved('none')] = sections
  return { ...first, refused: refused.map(({ reason }) => reason) }
}
/** The same without speeds. */
const verdictOn = (...pieces: RoadPiece[]) => {
  const { status, coverage, refused } = seenOn(...pieces)
  return { status, coverage, refused }
}
const full = { status: 'ok', coverage: 1, refused: [] }
const unused = (reason: RefusalReason) => ({ status: none, coverage: 0, refused: [reason] })
/** Status of each section of the road. */
const statuses = (...pieces: RoadPiece[]) =>
  Object.fromEntries(matchPieces(road, pieces).sections.map(({ id, status }) => [id, status]))

const unmatched = { 'north-1': none, 'north-2': none, 'south-2': none, 'south-1': none }

t.test('a section takes the speed of the piece that runs along it', async (t) => {
  const { sections, refused } = matchPieces(road, [along(0, 1000, { confidence: 0.9 })])
  const [first, ...others] = sections
  t.match(first, { id: 'north-1', status: 'ok', coverage: 1 })
  t.equal(first?.speedKmh?.toFixed(9), '50.000000000')
  t.equal(first?.freeFlowKmh?.toFixed(9), '100.000000000')
  t.equal(first?.confidence?.toFixed(9), '0.900000000')
  for (const other of others)
    t.match(other, { status: none, speedKmh: null, freeFlowKmh: null, confidence: null })
  t.strictSame(refused, [])
  t.strictSame(
    matchPieces(road, []).sections,
    ['north-1', 'north-2', 'south-2', 'south-1'].map(unobserved),
    'and without a piece nothing is known',
  )
})

t.test('each carriageway takes the piece that runs its way', async (t) => {
  const southbound = along(4000, 0, { speedKmh: 80 }, SOUTHBOUND_M)
  const { sections } = matchPieces(road, [southbound, along(0, 4000, { speedKmh: 20 })])
  t.strictSame(
    sections.map(({ id, speedKmh }) => [id, Math.round(speedKmh ?? 0)]),
    [
      ['north-1', 20],
      ['north-2', 20],
      ['south-2', 80],
      ['south-1', 80],
    ],
  )
})

t.test('a piece farther than 20 m from the road is of another road', async (t) => {
  for (const eastM of [-19.9, 19.9])
    t.strictSame(verdictOn(along(0, 1000, {}, eastM)), full, `${eastM} m`)
  for (const eastM of [-20.1, 20.1, 500])
    t.strictSame(verdictOn(along(0, 1000, {}, eastM)), unused('wrongRoad'), `${eastM} m`)
  const hairpin = piece([at(0), at(1000), at(1000, 15), at(0, 15)])
  t.strictSame(verdictOn(hairpin), full, 'it may turn back beside it')
  t.strictSame(verdictOn(piece([at(500), at(500)])), unused('wrongRoad'), 'a piece of no length')
})

t.test('a piece that runs more than 35 degrees off is of another road', async (t) => {
  const crossing = (degrees: number): RoadPiece => {
    const [north, east] = [Math.cos, Math.sin].map((f) => 4 * f((degrees * Math.PI) / 180))
    const half = [north ?? 0, east ?? 0] as const
    return piece([at(505 - half[0], -half[1]), at(505 + half[0], half[1])])
  }
  for (const degrees of [-34.9, 0, 34.9]) {
    const { coverage, refused } = seenOn(crossing(degrees))
    t.ok(coverage > 0, `${degrees} degrees`)
    t.strictSame(refused, [])
  }
  for (const degrees of [-144.9, -90, -35.1, 35.1, 90, 144.9])
    t.strictSame(verdictOn(crossing(degrees)), unused('wrongRoad'), `${degrees} degrees`)
  for (const degrees of [-145.1, 180, 145.1])
    t.strictSame(verdictOn(crossing(degrees)), unused('oppositeCarriageway'), `${degrees} degrees`)
})

/** Pieces through points that lie on the road within 15 m, at least 50 m apart: at most 31° off. */
const wavering: fc.Arbitrary<LatLon[]> = fc
  .array(
    fc.tuple(fc.integer({ min: 50, max: 900 }), fc.double({ min: -15, max: 15, noNaN: true })),
    { minLength: 2, maxLength: 8 },
  )
  .map((steps) => {
    let northM = 0
    return steps.map(([stepM, eastM]) => {
      northM += stepM
      return at(northM, eastM)
    })
  })
  .filter((points) => points.slice(0, 2).every(([lat]) => lat < at(3900)[0]))

t.test('reversing a piece rejects it as of the opposite carriageway', async (t) => {
  const speeds = fc.integer({ min: 1, max: 200 })
  holds(
    t,
    'whatever its course',
    fc.property(wavering, speeds, (points, speedKmh) => {
      const used = matchPieces(road, [piece(points, { speedKmh })])
      const back = matchPieces(road, [piece(points.toReversed(), { speedKmh })])
      return (
        used.refused.length === 0 &&
        used.sections.some(({ coverage }) => coverage > 0) &&
        back.sections.every(({ coverage }) => coverage === 0) &&
        JSON.stringify(back.refused) === '[{"reason":"oppositeCarriageway","pieces":1}]'
      )
    }),
  )
})

t.test('the same piece from several probes counts once', async (t) => {
  holds(
    t,
    'and its repetitions are counted as duplicates',
    fc.property(wavering, fc.integer({ min: 1, max: 4 }), (points, more) => {
      const once = matchPieces(road, [piece(points)])
      // Another probe may read another speed of it: the first report stands.
      const again = Array.from({ length: more }, () => piece(points, { speedKmh: 99 }))
      const often = matchPieces(road, [piece(points), ...again])
      return (
        JSON.stringify(often.sections) === JSON.stringify(once.sections) &&
        JSON.stringify(often.refused) === `[{"reason":"duplicate","pieces":${more}}]`
      )
    }),
  )
})

t.test('of two pieces the nearer one gives the speed, in whatever order', async (t) => {
  const near = along(0, 1000, { speedKmh: 30 }, 2)
  const far = along(0, 1000, { speedKmh: 90 }, -12)
  for (const pieces of [
    [near, far],
    [far, near],
  ]) {
    const { speedKmh, refused } = seenOn(...pieces)
    t.equal(speedKmh?.toFixed(9), '30.000000000')
    t.strictSame(refused, [], 'the other was of this road too')
  }
})

t.test('a piece with a speed or a confidence that cannot be is refused', async (t) => {
  for (const value of [0, -1, Number.NaN, 200.1, Number.POSITIVE_INFINITY])
    for (const change of [{ speedKmh: value }, { freeFlowKmh: value }])
      t.strictSame(
        verdictOn(along(0, 1000, change)),
        unused('implausible'),
        `${Object.keys(change)} ${value}`,
      )
  for (const confidence of [-0.1, 1.1, Number.NaN])
    t.strictSame(
      verdictOn(along(0, 1000, { confidence })),
      unused('implausible'),
      `confidence ${confidence}`,
    )
  for (const points of [[at(500)], []])
    t.strictSame(verdictOn(piece(points)), unused('implausible'), `${points.length} points`)
  t.strictSame(verdictOn(along(0, 1000, { speedKmh: 200, freeFlowKmh: 200 })), full)
  t.strictSame(verdictOn(along(0, 1000, { freeFlowKmh: 1e-310 })), unused('implausible'))
  t.strictSame(verdictOn(along(0, 1000, { speedKmh: 1e-310 })), full, 'standing traffic')
  const broken = along(0, 1000, { speedKmh: 0 })
  t.strictSame(
    verdictOn(broken, along(0, 1000)),
    { ...full, refused: ['implausible'] },
    'a bad report does not stand in the way of a good one of the same piece',
  )
})

t.test('refusals are counted by reason, the most frequent first', async (t) => {
  const elsewhere = along(0, 1000, {}, 300)
  const broken = along(0, 1000, { speedKmh: 0 })
  const { refused } = matchPieces(road, [
    elsewhere,
    ...[1, 2, 3].map(() => broken),
    along(0, 1000),
    along(0, 1000),
    along(1000, 0),
    along(900, 0),
  ])
  t.strictSame(refused, [
    { reason: 'implausible', pieces: 3 },
    { reason: 'oppositeCarriageway', pieces: 2 },
    { reason: 'wrongRoad', pieces: 1 },
    { reason: 'duplicate', pieces: 1 },
  ])
  t.strictSame(tally([]), [])
})

t.test('a piece far longer than the road covers what lies on it', async (t) => {
  const long = along(-300_000, 300_000)
  t.strictSame(statuses(long), { ...unmatched, 'north-1': 'ok', 'north-2': 'ok' })
  const crossing = piece([at(-200_000, -200_000), at(200_000, 200_000)])
  t.strictSame(statuses(crossing), unmatched)
  t.strictSame(statuses(along(-4000, 5000)), { ...unmatched, 'north-1': 'ok', 'north-2': 'ok' })
})

t.test('80 % of a section must be matched, and less yields no number', async (t) => {
  // Of the hundred bins of 10 m, those whose middle lies within 20 m of the piece.
  const enough = { status: 'ok', coverage: 0.8, refused: [] }
  const lacking = { status: none, coverage: 0.79, refused: [] }
  t.strictSame(verdictOn(along(0, 780)), enough)
  t.strictSame(verdictOn(along(0, 770)), lacking)
  t.equal(seenOn(along(0, 770)).speedKmh, null)
  t.strictSame(verdictOn(along(0, 300), along(360, 800)), enough, 'in two parts')
  t.strictSame(verdictOn(along(0, 290), along(360, 800)), lacking)

  const [slow, fast] = [along(0, 1), along(1, 2, { speedKmh: 100 })]
  const bins = (...parts: (readonly [number, RoadPiece | null])[]) =>
    observeSection(
      'a',
      parts.flatMap(([count, part]) => Array.from({ length: count }, () => part)),
    )
  t.match(bins([40, slow], [20, null], [40, fast]), { status: 'ok', coverage: 0.8 })
  t.match(bins([39, slow], [21, null], [40, fast]), { status: none, coverage: 0.79 })
  t.match(bins([799, slow], [201, null]), { status: none, coverage: 0.799 })
})

t.test("a section's speed is its length over the time it takes", async (t) => {
  // 500 m at 30 km/h take 60 s, 500 m at 60 take 30 s: 1 km in 90 s is 40 km/h.
  const slow = along(0, 500, { speedKmh: 30, freeFlowKmh: 100, confidence: 0.8 })
  const fast = along(500, 1000, { speedKmh: 60, freeFlowKmh: 50, confidence: 1 })
  const { speedKmh, freeFlowKmh, confidence } = seenOn(slow, fast)
  t.equal(speedKmh?.toFixed(9), '40.000000000')
  t.equal(freeFlowKmh?.toFixed(3), '66.667', '500 m in 18 s and 500 m in 36 s')
  t.equal(confidence?.toFixed(9), '0.900000000')
  const standing = seenOn(along(0, 1000, { speedKmh: 0.5 }))
  t.equal(standing.speedKmh?.toFixed(9), '4.000000000', 'standing traffic counts as 4 km/h')
})

t.test('a section of which half or more is closed is closed', async (t) => {
  const closed = { closed: true, speedKmh: 0, freeFlowKmh: Number.NaN }
  const shut = { status: 'closed', speedKmh: null, freeFlowKmh: null, confidence: null }
  t.match(seenOn(along(0, 1000, closed)), { ...shut, coverage: 1 })
  t.strictSame(seenOn(along(0, 1000, closed)).refused, [])
  const [barrier, open] = [along(0, 1, closed), along(1, 2)]
  const bins = (closedBins: number, openBins: number) =>
    observeSection('a', [
      ...Array.from({ length: closedBins }, () => barrier),
      ...Array.from({ length: openBins }, () => open),
      ...Array.from({ length: 100 - closedBins - openBins }, () => null),
    ])
  t.match(bins(50, 50), shut)
  t.match(bins(50, 0), shut, 'whatever the rest')
  t.match(bins(49, 51), { status: none, speedKmh: null }, 'less is missing speed')
  t.match(bins(21, 79), { status: none, speedKmh: null })
  const smaller = bins(20, 80)
  t.equal(smaller.status, 'ok')
  t.equal(smaller.coverage, 0.8)
  t.equal(bins(30, 70).coverage, 0.7, 'what is closed is not covered by a speed')
  t.equal(smaller.speedKmh?.toFixed(9), '50.000000000', 'the speed of what is open')
})

t.test('the two carriageways of the Ayalon are told apart on all their length', async (t) => {
  const index = indexBins(AYALON)
  for (const { direction, sections } of AYALON.directions) {
    const driven = sections.map(({ points }) => piece(points))
    const match = matchPieces(index, driven)
    t.strictSame(match.refused, [], direction)
    t.strictSame(
      match.sections.map(({ id, coverage }) => [id, coverage]),
      index.sections.map(({ id }) => [id, id.startsWith(direction) ? 1 : 0]),
    )
    const back = matchPieces(
      index,
      sections.map(({ points }) => piece(points.toReversed())),
    )
    t.strictSame(back.refused, [{ reason: 'oppositeCarriageway', pieces: sections.length }])
    t.ok(back.sections.every(({ coverage }) => coverage === 0))
  }
})

t.test('distances and bearings are those of the globe', async (t) => {
  // A degree of a meridian on a sphere of 6,371,008.8 m.
  t.equal(distanceM([0, 0], [1, 0]).toFixed(0), '111195')
  // Two places at 60° north, a degree apart: cos a = sin² 60° + cos² 60° · cos 1°.
  const arc = Math.acos(0.75 + 0.25 * Math.cos(Math.PI / 180))
  t.equal(distanceM([60, 10], [60, 11]).toFixed(2), (arc * 6_371_008.8).toFixed(2))
  t.equal(distanceM([0, 0], [0, 180]).toFixed(0), (Math.PI * 6_371_008.8).toFixed(0))
  const origin = { x: 0, y: 0 }
  for (const [x, y, bearing] of [
    [0, 1, 0],
    [1, 1, 45],
    [1, 0, 90],
    [0, -1, 180],
    [-1, 0, 270],
  ] as const)
    t.equal(bearingDegrees(origin, { x, y }), bearing)
  t.equal(angleBetween(350, 10), 20)
  t.equal(angleBetween(10, 350), 20)
  t.equal(angleBetween(0, 180), 180)
  t.equal(angleBetween(90, 45), 45)
  const [from, to] = [origin, { x: 100, y: 0 }]
  t.equal(distanceToSegmentM({ x: 50, y: 7 }, from, to), 7)
  t.equal(distanceToSegmentM({ x: -3, y: 4 }, from, to), 5, 'before its start')
  t.equal(distanceToSegmentM({ x: 103, y: -4 }, from, to), 5, 'beyond its end')
})

const step = fc.double({ min: -0.002, max: 0.002, noNaN: true })
/** Polylines of up to ten steps of at most some 300 m, anywhere that people drive. */
const polylines: fc.Arbitrary<[LatLon, ...LatLon[]]> = fc
  .tuple(
    fc.double({ min: -60, max: 60, noNaN: true }),
    fc.double({ min: -170, max: 170, noNaN: true }),
    fc.array(fc.tuple(step, step), { minLength: 1, maxLength: 10 }),
  )
  .map(([lat, lon, steps]): [LatLon, ...LatLon[]] => {
    let last: LatLon = [lat, lon]
    const rest = steps.map(([dLat, dLon]) => {
      last = [last[0] + dLat, last[1] + dLon]
      return last
    })
    return [[lat, lon], ...rest]
  })
  .filter((points) => polylineLengthM(points) > 1)
const shares = fc.double({ min: 0, max: 1, noNaN: true })

t.test('a line that is cut stays one line, and its stretches are as long as asked', async (t) => {
  holds(
    t,
    'wherever it is cut',
    fc.property(polylines, fc.array(shares, { maxLength: 5 }), (points, cuts) => {
      const lengthM = polylineLengthM(points)
      const cutsM = cuts.map((share) => share * lengthM).toSorted((a, b) => a - b)
      const stretches = cutAlong(points, cutsM)
      const expectedM = pairs([0, ...cutsM, lengthM]).map(([fromM, toM]) => toM - fromM)
      return (
        stretches.length === cutsM.length + 1 &&
        stretches.every(
          (stretch, place) =>
            Math.abs(polylineLengthM(stretch) - (expectedM[place] ?? Number.NaN)) < 0.1,
        ) &&
        pairs(stretches).every(([one, next]) => distanceM(lastOf(one), next[0]) === 0) &&
        distanceM(lastOf(stretches).at(-1) ?? points[0], lastOf(points)) < 0.001
      )
    }),
  )
  const bend = [at(0), at(100), at(100, 100)] as const
  t.strictSame(cutAlong(bend, []), [bend], 'no cut, one stretch')
  const [, middle = []] = cutAlong(bend, [50, 150])
  t.equal(middle.length, 3, 'the bend is kept')
  t.equal(polylineLengthM(middle).toFixed(1), '100.0')
  t.equal(cutAlong([at(0), at(0), at(100)], [50]).length, 2, 'a point that stands twice')
})

t.test('a place along a line lies as far from its start as asked', async (t) => {
  holds(
    t,
    'measured along it',
    fc.property(polylines, shares, (points, share) => {
      const alongM = share * polylineLengthM(points)
      const place = pointAlong(points, alongM)
      const [before = points] = cutAlong(points, [alongM])
      return distanceM(lastOf(before), place) < 0.001
    }),
  )
  const bend = [at(0), at(100), at(100, 100)] as const
  for (const [alongM, place] of [
    [0, at(0)],
    [30, at(30)],
    [100, at(100)],
    [130, at(100, 30)],
  ] as const)
    t.equal(distanceM(pointAlong(bend, alongM), place).toFixed(2), '0.00', `${alongM} m`)
})

t.test('the flat map keeps lengths', async (t) => {
  holds(
    t,
    'to a thousandth over a few kilometres',
    fc.property(polylines, (points) => {
      const project = projectionAround(points[0])
      const flatM = pairs(points.map(project)).reduce(
        (sum, [a, b]) => sum + Math.hypot(b.x - a.x, b.y - a.y),
        0,
      )
      const globeM = polylineLengthM(points)
      return Math.abs(flatM - globeM) <= 0.001 * globeM + 1e-6
    }),
  )
  t.strictSame(pairs([]), [])
  t.strictSame(pairs([1, 2, 3]), [
    [1, 2],
    [2, 3],
  ])
})
