import t, { type Test } from 'tap'
import { indexBins } from '../../src/corridors/bins.ts'
import type { LatLon } from '../../src/corridors/geo.ts'
import { matchPieces } from '../../src/corridors/matching.ts'
import { joinAnswers, orFailure } from '../../src/providers/answers.ts'
import { parseHere } from '../../src/providers/here/parse.ts'
import type { BodyParser } from '../../src/providers/provider.ts'
import { parseTomTom } from '../../src/providers/tomtom/parse.ts'
import { failureOf } from './fixtures/failure-of.ts'
import {
  type HereResult,
  hereBody,
  hereFlow,
  NORTH,
  STRAIGHT,
  TOMTOM_TOO_FAR,
  tomtomBody,
} from './fixtures/roads.ts'

function near(t: Test, actual: number | undefined, expected: number, tolerance = 1e-6): void {
  const difference = Math.abs((actual ?? Number.NaN) - expected)
  t.ok(difference <= tolerance, `${actual} is ${expected} ± ${tolerance}`)
}

/** Parses HERE results with this `currentFlow` on the straight road. */
const parseFlows = (...flows: readonly HereResult['flow'][]) =>
  parseHere(hereBody(flows.map((flow) => ({ links: [NORTH], flow }))))

t.test('HERE: speeds in m/s become km/h', async (t) => {
  const { pieces, refused } = parseFlows({ speed: 25, freeFlow: 27.5, confidence: 0.9 })
  t.equal(pieces.length, 1)
  near(t, pieces[0]?.speedKmh, 90)
  near(t, pieces[0]?.freeFlowKmh, 99)
  t.equal(pieces[0]?.confidence, 0.9)
  t.equal(pieces[0]?.closed, false)
  t.same(refused, [])
})

t.test('HERE: the speed as driven stands before the one capped by the limit', async (t) => {
  const { pieces } = parseFlows({ speed: 25, speedUncapped: 26.5, freeFlow: 27, confidence: 0.9 })
  near(t, pieces[0]?.speedKmh, 95.4)
})

t.test('HERE: the links of a result are one polyline, latitude first', async (t) => {
  const links: LatLon[][] = [
    [
      [10, 20],
      [10.01, 20.001],
    ],
    [
      [10.01, 20.001],
      [10.02, 20.003],
    ],
  ]
  const flow = { speed: 20, freeFlow: 25, confidence: 0.9 }
  t.same(parseHere(hereBody([{ links, flow }])).pieces[0]?.points, links.flat())
})

t.test('HERE: sub-segments cut the polyline by length, each at its own speed', async (t) => {
  const points: LatLon[] = [
    [10, 20],
    [10.004, 20],
    [10.01, 20],
  ]
  const flow = {
    speed: 15,
    speedUncapped: 15,
    freeFlow: 25,
    confidence: 0.9,
    // HERE's lengths sum to 1,000 m, the polyline is 1,112 m long: the cut is at 30 % of it.
    subSegments: [
      { length: 300, speed: 10, speedUncapped: 10, freeFlow: 20, confidence: 0.8 },
      { length: 700, speed: 20 },
    ],
  }
  const { pieces } = parseHere(hereBody([{ links: [points], flow }]))
  t.equal(pieces.length, 2)
  const [first, second] = pieces
  near(t, first?.speedKmh, 36)
  near(t, first?.freeFlowKmh, 72)
  t.equal(first?.confidence, 0.8)
  t.equal(first?.points.length, 2, 'the first ends before the middle vertex')
  t.same(first?.points[0], points[0])
  near(t, first?.points[1]?.[0], 10.003)
  near(t, second?.speedKmh, 72)
  near(t, second?.freeFlowKmh, 90)
  t.equal(second?.confidence, 0.9, 'it inherits what it does not say itself')
  t.equal(second?.points.length, 3, 'the second keeps the vertex')
  near(t, second?.points[0]?.[0], 10.003)
  t.same(second?.points[1], points[1])
  near(t, second?.points[2]?.[0], 10.01)
})

t.test('HERE: a stretch without a speed does not take that of the whole', async (t) => {
  const { pieces } = parseFlows({
    speed: 20,
    freeFlow: 25,
    confidence: 0.9,
    subSegments: [{ length: 1000, speed: 10 }, { length: 1000 }],
  })
  const { sections, refused } = matchPieces(indexBins(STRAIGHT), pieces)
  const [first, second] = sections
  near(t, first?.speedKmh ?? undefined, 36)
  t.match(second, { status: 'insufficientCoverage', speedKmh: null })
  t.same(refused, [{ reason: 'implausible', pieces: 1 }])
})

t.test('HERE: an empty list of sub-segments is no list', async (t) => {
  const { pieces } = parseFlows({ speed: 10, freeFlow: 25, confidence: 0.9, subSegments: [] })
  t.same(pieces[0]?.points, NORTH)
})

t.test('HERE: sub-segments without a length are of another shape', async (t) => {
  for (const length of [0, -600]) {
    const flow = { freeFlow: 25, confidence: 0.9, subSegments: [{ length, speed: 10 }] }
    t.match((await failureOf(() => parseFlows(flow))).message, /subSegments\.0\.length$/)
  }
})

t.test('HERE: only confidence above 0.7 is real-time data', async (t) => {
  const flow = { speed: 20, freeFlow: 25 }
  const { pieces, refused } = parseFlows(
    { ...flow, confidence: 0.7 },
    { ...flow, confidence: 0.71 },
    { ...flow, confidence: 0.5 },
    flow,
  )
  t.same(
    pieces.map(({ confidence }) => confidence),
    [0.71],
  )
  t.same(refused, [{ reason: 'lowConfidence', pieces: 3 }], 'the one without any is refused too')
})

t.test('HERE: a guessed sub-segment is refused alone', async (t) => {
  const { pieces, refused } = parseFlows({
    speed: 20,
    freeFlow: 25,
    confidence: 0.9,
    subSegments: [
      { length: 500, speed: 10, confidence: 0.6 },
      { length: 500, speed: 20 },
    ],
  })
  t.equal(pieces.length, 1)
  near(t, pieces[0]?.speedKmh, 72)
  t.same(refused, [{ reason: 'lowConfidence', pieces: 1 }])
})

t.test('HERE: a road is closed by its traversability or by jam factor 10', async (t) => {
  const { pieces, refused } = parseFlows(
    { traversability: 'closed' },
    { jamFactor: 10, confidence: 0.95 },
    { jamFactor: 9.9, speed: 1, freeFlow: 25, confidence: 0.9 },
    { traversability: 'closed', confidence: 0.6 },
  )
  t.same(
    pieces.map(({ closed, confidence }) => ({ closed, confidence })),
    [
      { closed: true, confidence: 1 },
      { closed: true, confidence: 0.95 },
      { closed: false, confidence: 0.9 },
    ],
    'a closure needs neither speed nor confidence',
  )
  t.same(refused, [{ reason: 'lowConfidence', pieces: 1 }], 'a guessed closure is a guess')
})

t.test(
  'HERE: one sub-segment may be closed, and a closed road is closed in every one',
  async (t) => {
    const { pieces } = parseFlows(
      {
        speed: 20,
        freeFlow: 25,
        confidence: 0.9,
        subSegments: [
          { length: 500, jamFactor: 10 },
          { length: 500, speed: 20 },
        ],
      },
      { traversability: 'closed', confidence: 0.9, subSegments: [{ length: 1 }, { length: 1 }] },
    )
    t.same(
      pieces.map(({ closed }) => closed),
      [true, false, true, true],
    )
  },
)

t.test('HERE: sourceUpdated is the time of the data', async (t) => {
  const stated = (sourceUpdated?: string) => parseHere(hereBody([], { sourceUpdated })).observedAtMs
  t.equal(stated('2026-11-21T09:58:00Z'), Date.UTC(2026, 10, 21, 9, 58))
  t.equal(stated('2026-11-21T11:58:00.500+02:00'), Date.UTC(2026, 10, 21, 9, 58, 0, 500))
  t.equal(stated(undefined), null)
})

t.test('HERE: a closure of the whole holds for its parts', async (t) => {
  const subSegments = [{ length: 100 }, { length: 200, speed: 10, jamFactor: 2 }]
  const flow = { freeFlow: 25, confidence: 0.9, jamFactor: 10, subSegments }
  t.strictSame(
    parseFlows(flow).pieces.map(({ closed }) => closed),
    [true, false],
    'where the part says nothing else',
  )
})

t.test('HERE: a reversible lane that runs the other way has no speed here', async (t) => {
  const traversability = 'reversibleNotRoutable'
  const { pieces } = parseFlows({ speed: 20, freeFlow: 25, confidence: 0.9, traversability })
  t.strictSame(matchPieces(indexBins(STRAIGHT), pieces).refused, [
    { reason: 'implausible', pieces: 1 },
  ])
})

t.test('HERE: a result of another shape is refused by itself', async (t) => {
  const good = { links: [NORTH], flow: { speed: 25, freeFlow: 27, confidence: 0.9 } }
  const { results } = JSON.parse(hereBody([good]))
  const bad = [
    null,
    {},
    { ...results[0], currentFlow: { speed: 'fast' } },
    { ...results[0], location: { shape: { links: [] } } },
    { ...results[0], currentFlow: { subSegments: [{ length: -600, speed: 10 }] } },
  ]
  const answer = parseHere(JSON.stringify({ results: [...bad, ...results] }))
  t.equal(answer.pieces.length, 1)
  t.strictSame(answer.refused, [{ reason: 'badAnswer', pieces: bad.length }])
  const failure = await failureOf(() => parseHere(JSON.stringify({ results: bad })))
  t.equal(failure.outcome, 'badAnswer')
})

t.test('a confidence beyond certainty is implausible', async (t) => {
  const { pieces } = parseFlows({ speed: 25, freeFlow: 27, confidence: 5 })
  const match = matchPieces(indexBins(STRAIGHT), pieces)
  t.strictSame(match.refused, [{ reason: 'implausible', pieces: 1 }])
})

t.test('HERE: ten thousand sub-segments are cut in one walk along the line', async (t) => {
  const points = Array.from({ length: 10_000 }, (_, index): LatLon => [10 + index * 1e-6, 20])
  const part = { length: 1, speed: 10, freeFlow: 25, confidence: 0.9 }
  const subSegments = points.slice(1).map(() => part)
  const flow = { ...part, subSegments }
  t.equal(parseHere(hereBody([{ links: [points], flow }])).pieces.length, 9999)
})

t.test('HERE: no results are no pieces', async (t) => {
  const { pieces, refused } = parseHere(hereBody([]))
  t.same(pieces, [])
  t.same(refused, [])
})

/** 0.1 degrees of latitude: 11,119.5 m. */
const LONG: readonly LatLon[] = [
  [10, 20],
  [10.1, 20],
]

t.test('TomTom: the speed is length over travel time, not the whole number', async (t) => {
  const points: LatLon[] = [
    [10, 20],
    [10.01, 20],
  ]
  const { pieces, observedAtMs, refused } = parseTomTom(
    tomtomBody(points, 14, {
      currentSpeed: 14,
      currentTravelTime: 281,
      freeFlowSpeed: 100,
      freeFlowTravelTime: 40,
      confidence: 0.97,
    }),
  )
  t.equal(pieces.length, 1)
  // 1,111.9508 m in 281 s and in 40 s.
  near(t, pieces[0]?.speedKmh, 14.24564, 1e-4)
  near(t, pieces[0]?.freeFlowKmh, 100.07557, 1e-4)
  t.equal(pieces[0]?.confidence, 0.97)
  t.equal(pieces[0]?.closed, false)
  t.same(pieces[0]?.points, points)
  t.equal(observedAtMs, null, 'it tells no time')
  t.same(refused, [])
})

t.test('TomTom: confidence of 0.5 is enough, less is refused', async (t) => {
  const parse = (confidence: number) => parseTomTom(tomtomBody(LONG, 100, { confidence }))
  t.equal(parse(0.5).pieces.length, 1)
  const { pieces, refused } = parse(0.49)
  t.same(pieces, [])
  t.same(refused, [{ reason: 'lowConfidence', pieces: 1 }])
})

t.test('TomTom: a speed that is not that of the geometry is refused', async (t) => {
  // 11,119.5 m in 400 s are 100.08 km/h. Allowed are 1 km/h, and the rounding: 0.5 km/h and 0.5 s,
  // which is another 0.125 km/h at 100 km/h.
  const times = { currentTravelTime: 400, freeFlowTravelTime: 400 }
  const parse = (currentSpeed: number, freeFlowSpeed: number) =>
    parseTomTom(tomtomBody(LONG, 100, { ...times, currentSpeed, freeFlowSpeed }))
  t.equal(parse(99, 101).pieces.length, 1)
  const implausible = [{ reason: 'implausible', pieces: 1 }]
  for (const [current, freeFlow] of [
    [102, 100],
    [98, 100],
    [100, 102],
    [100, 98],
    [50, 50],
  ] as const) {
    const { pieces, refused } = parse(current, freeFlow)
    t.same(pieces, [], `${current} and ${freeFlow} km/h`)
    t.same(refused, implausible)
  }
})

t.test('TomTom: a closed road needs no speed', async (t) => {
  const { pieces, refused } = parseTomTom(
    tomtomBody(LONG, 100, { roadClosure: true, currentSpeed: 0, currentTravelTime: 0 }),
  )
  t.equal(pieces[0]?.closed, true)
  t.same(refused, [])
  const { sections } = matchPieces(indexBins(STRAIGHT), pieces)
  t.match(sections[0], { id: 'north-1', status: 'closed', speedKmh: null })
})

t.test(
  'TomTom: an open road without a travel time, or without a line, has no number',
  async (t) => {
    for (const replaced of [
      { currentTravelTime: 0 },
      { currentSpeed: 0, currentTravelTime: 0 },
      { freeFlowTravelTime: -400 },
      { coordinates: { coordinate: [] } },
      { coordinates: { coordinate: [{ latitude: 10, longitude: 20 }] } },
    ]) {
      const { pieces } = parseTomTom(tomtomBody(LONG, 100, replaced))
      const { sections } = matchPieces(indexBins(STRAIGHT), pieces)
      t.ok(
        sections.every(({ status }) => status === 'insufficientCoverage'),
        JSON.stringify(replaced),
      )
    }
  },
)

t.test('TomTom: its words that no road is near are noCoverage, other errors are not', async (t) => {
  const { outcome } = await failureOf(() => parseTomTom(TOMTOM_TOO_FAR))
  t.equal(outcome, 'noCoverage')
  for (const body of [
    '{"error":"Bad request","httpStatusCode":400}',
    '{"error":"Point too far from nearest existing segment.","httpStatusCode":500}',
  ])
    t.equal((await failureOf(() => parseTomTom(body))).outcome, 'badAnswer', body)
})

t.test('a body of another shape is badAnswer, and the reason does not repeat it', async (t) => {
  const here = (replaced: object, result: HereResult = hereFlow(NORTH, 20)): string =>
    hereBody([result], replaced)
  const flow = (replaced: HereResult['flow']): HereResult => ({ links: [NORTH], flow: replaced })
  const bodies: readonly (readonly [BodyParser, string, RegExp])[] = [
    ...[parseHere, parseTomTom].flatMap((parse) => [
      [parse, '', /empty/] as const,
      [parse, ' \r\n\t', /empty/] as const,
      [parse, '\n<h1>Developer Inactive canary</h1>', /HTML/] as const,
      [parse, '<?xml version="1.0"?><error>canary</error>', /XML/] as const,
      [parse, 'canary', /not JSON/] as const,
      [parse, 'null', /wrong shape at the body/] as const,
      [parse, '["canary"]', /wrong shape at the body/] as const,
      [parse, '{"canary":"canary"}', /wrong shape at/] as const,
    ]),
    [parseHere, hereBody([hereFlow(NORTH, 20)]).slice(0, -20), /cut short/],
    [parseHere, '{"results":{"canary":1}}', /at results$/],
    [parseHere, here({ sourceUpdated: 'canary' }), /at sourceUpdated$/],
    [parseHere, here({}, hereFlow([[91, 20]], 20)), /points\.0\.lat$/],
    [parseHere, here({}, hereFlow([[10, -181]], 20)), /points\.0\.lng$/],
    [parseHere, here({}, flow({ speed: 'canary' })), /currentFlow\.speed$/],
    [parseHere, here({}, flow({ subSegments: [{}] })), /subSegments\.0\.length$/],
    [parseHere, '{"results":[{"currentFlow":{}}]}', /at location$/],
    [parseTomTom, tomtomBody(LONG, 100).slice(0, -20), /cut short/],
    [parseTomTom, tomtomBody(LONG, 100, { roadClosure: 'canary' }), /\.roadClosure$/],
    [parseTomTom, tomtomBody(LONG, 100, { confidence: undefined }), /\.confidence$/],
    [parseTomTom, tomtomBody([[-91, 20]], 100), /coordinate\.0\.latitude$/],
    [parseTomTom, tomtomBody([[10, 181]], 100), /coordinate\.0\.longitude$/],
    // JSON can write numbers that are too large to be one.
    [
      parseTomTom,
      tomtomBody(LONG, 100).replace('"confidence":1', '"confidence":1e999'),
      /fidence$/,
    ],
  ]
  for (const [parse, body, reason] of bodies) {
    const { outcome, message } = await failureOf(() => parse(body))
    t.equal(outcome, 'badAnswer', body.slice(0, 60))
    t.match(message, reason)
    t.notMatch(message, /canary/)
  }
})

t.test('only a provider’s failure is handed back as a value', async (t) => {
  await t.rejects(
    orFailure(() => {
      throw new TypeError('a bug')
    }),
    TypeError,
  )
})

t.test('several bodies make one answer, as old as the oldest', async (t) => {
  const at = (observedAtMs: number | null, pieces: number) => ({
    ...parseHere(hereBody(Array.from({ length: pieces }, () => hereFlow(NORTH, 20)))),
    observedAtMs,
    refused: [{ reason: 'lowConfidence', pieces } as const],
  })
  const joined = joinAnswers([at(2000, 1), at(null, 2), at(1000, 3)])
  t.equal(joined.pieces.length, 6)
  t.equal(joined.observedAtMs, 1000)
  t.same(joined.refused, [{ reason: 'lowConfidence', pieces: 6 }])
  t.equal((await failureOf(() => joinAnswers([]))).outcome, 'badAnswer', 'none are no answer')
})
