import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { checkCorridor } from '../../src/commands/check-corridor.ts'
import { parseDetectorDay } from '../../src/commands/detector-day.ts'
import { validate } from '../../src/commands/validate.ts'
import { compareDelay } from '../../src/commands/validation.ts'
import { ConfigError } from '../../src/config/faults.ts'
import type { LatLon } from '../../src/corridors/geo.ts'
import { windowsAt } from '../../src/providers/upstream/quota-windows.ts'
import { Connection } from '../../src/storage/connection.ts'
import { DatabaseStore } from '../../src/storage/shared/database-store.ts'
import { newFolder } from '../helpers/databases.ts'
import { closedPort } from '../helpers/ports.ts'
import { standIn } from '../helpers/stand-in.ts'
import {
  hereBody,
  hereFlow,
  NORTH,
  REVERSED_FILE,
  SOUTH,
  STRAIGHT_FILE,
  tomtomBody,
} from '../providers/fixtures/roads.ts'

/** Runs check-corridor; its exit code and what it printed. */
async function check(args: readonly string[], environment: Record<string, string> = {}) {
  const lines: string[] = []
  const code = await checkCorridor(args, environment, (line) => lines.push(line))
  return { code, lines }
}

const straightFile = (t: Test): string =>
  join(t.testdir({ 'straight.json': JSON.stringify(STRAIGHT_FILE) }), 'straight.json')

t.test('check-corridor takes one file', async (t) => {
  for (const args of [[], ['a.json', 'b.json']]) {
    const { code, lines } = await check(args)
    t.equal(code, 64)
    t.match(lines.join('\n'), /^usage: .*check-corridor/)
  }
})

t.test('check-corridor prints every fault of a file, and nothing else', async (t) => {
  const { name: _, currency: __, ...less } = STRAIGHT_FILE
  const dir = t.testdir({
    'less.json': JSON.stringify(less),
    'reversed.json': JSON.stringify(REVERSED_FILE),
    'text.json': 'north to south',
  })
  const path = (name: string) => join(dir, name)
  for (const [name, expected] of [
    ['reversed.json', [/: section "north-1" is reversed$/]],
    ['text.json', [/: is not JSON$/]],
    ['missing.json', [/: cannot be read$/]],
    ['less.json', [/: name: ./, /: currency: ./]],
  ] as const) {
    const { code, lines } = await check([path(name)])
    t.equal(code, 65, name)
    t.equal(lines.length, expected.length)
    for (const fault of expected)
      t.ok(
        lines.some((line) => fault.test(line)),
        String(fault),
      )
    t.ok(lines.every((line) => line.startsWith(`${path(name)}: `)))
  }
})

t.test(
  'check-corridor prints length and bearing, and says when coverage is not known',
  async (t) => {
    const file = straightFile(t)
    const { code, lines } = await check([file])
    t.equal(code, 0)
    t.equal(lines.length, 5)
    t.match(lines[0], /^Straight road \(straight\): 3 sections/)
    t.match(lines[1], /^ +north-1 +1112 m +0°$/)
    t.match(lines[2], /^ +north-2 +1112 m +0°$/)
    t.match(lines[3], /^ +south-1 +2224 m +180°$/)
    t.match(lines[4], /[Nn]o provider .*coverage is not known/)
  },
)

t.test('check-corridor prints how much of each section a provider covers', async (t) => {
  // The whole of north-1 and half of north-2; 20 m of reach are another 2 % of it.
  const half: LatLon[] = [
    [10, 20],
    [10.015, 20],
  ]
  const dir = t.testdir({
    'straight.json': JSON.stringify(STRAIGHT_FILE),
    bodies: { 'a.json': hereBody([hereFlow(half, 20)]) },
  })
  const { code, lines } = await check([join(dir, 'straight.json')], {
    TRAFFIC_PROVIDERS: 'replay',
    REPLAY_DIR: join(dir, 'bodies'),
    REPLAY_FORMAT: 'here',
  })
  t.equal(code, 0)
  t.equal(lines.length, 4)
  t.match(lines[1], /north-1 .* 0° +100 % covered, ok$/)
  t.match(lines[2], /north-2 .* 0° +5[0-3] % covered, insufficientCoverage$/)
  t.match(lines[3], /south-1 .* 180° +0 % covered, insufficientCoverage$/)
})

t.test('check-corridor asks the preferred provider once, recording or not', async (t) => {
  const file = straightFile(t)
  const here = await standIn(t, { body: hereBody([hereFlow(NORTH, 20), hereFlow(SOUTH, 20)]) })
  const { code, lines } = await check([file], {
    HERE_API_KEY: 'canary',
    HERE_BASE_URL: here.baseUrl.href,
    DATA_DIR: newFolder(t),
    // A file: the recording fails, which is no matter of the corridor's.
    RECORD_DIR: file,
  })
  t.equal(code, 0)
  t.equal(here.requests.length, 1)
  t.equal(here.requests[0]?.url.searchParams.get('apiKey'), 'canary')
  t.equal(lines.filter((line) => line.endsWith('100 % covered, ok')).length, 3)
  t.notMatch(lines.join('\n'), /canary/)
})

t.test('check-corridor says why a provider gave no answer, after the table', async (t) => {
  const file = straightFile(t)
  const here = await standIn(t, { status: 403, body: 'canary' })
  const { code, lines } = await check([file], {
    HERE_API_KEY: 'canary',
    HERE_BASE_URL: here.baseUrl.href,
    DATA_DIR: newFolder(t),
  })
  t.equal(code, 69)
  t.equal(here.requests.length, 1)
  t.equal(lines.length, 5)
  t.match(lines[3], /^ +south-1 +2224 m +180°$/, 'no coverage is made up')
  t.match(lines[4], /no usable answer.*403.*unauthorized/)
  t.notMatch(lines.join('\n'), /canary/)
})

t.test('check-corridor spends the budget of the service, and says when it is spent', async (t) => {
  const file = straightFile(t)
  const here = await standIn(t, { body: hereBody([hereFlow(NORTH, 20), hereFlow(SOUTH, 20)]) })
  const environment = {
    HERE_API_KEY: 'canary',
    HERE_BASE_URL: here.baseUrl.href,
    HERE_QUOTA_PER_MONTH: '2',
    DATA_DIR: newFolder(t),
  }
  const service = new Connection({ dataDir: environment.DATA_DIR }, pino({ level: 'silent' }))
  t.teardown(() => service.close())
  const windows = windowsAt(Date.now(), { hour: null, day: null, month: 2 })
  await new DatabaseStore(service).countCall('here', windows)
  t.equal((await check([file], environment)).code, 0)
  const { code, lines } = await check([file], environment)
  t.equal(code, 69)
  t.match(
    lines[4],
    /no usable answer: the budget of 2 calls for this month is spent until .*quotaSpent/,
  )
  t.equal(here.requests.length, 1)
  t.match(lines[3], /^ +south-1 +2224 m +180°$/, 'the file itself is told of all the same')
})

t.test('check-corridor shows what was answered before the budget ended', async (t) => {
  const tomtom = await standIn(t, { body: tomtomBody(NORTH, 60) })
  const { code, lines } = await check([straightFile(t)], {
    TOMTOM_API_KEY: 'canary',
    TOMTOM_BASE_URL: tomtom.baseUrl.href,
    TOMTOM_QUOTA_PER_MONTH: '1',
    DATA_DIR: newFolder(t),
  })
  t.equal(code, 0)
  t.equal(tomtom.requests.length, 1)
  t.match(lines[1], /100 % covered, ok$/)
  t.match(lines[3], / 0 % covered, insufficientCoverage$/)
})

t.test('check-corridor asks nobody while its call cannot be counted', async (t) => {
  const file = straightFile(t)
  const here = await standIn(t, { body: hereBody([hereFlow(NORTH, 20)]) })
  for (const where of [
    // A file: no database can be made in it.
    { DATA_DIR: file },
    { DATA_DIR: newFolder(t), REDIS_URL: `redis://user:canary@127.0.0.1:${await closedPort()}` },
  ]) {
    const { code, lines } = await check([file], {
      HERE_API_KEY: 'canary',
      HERE_BASE_URL: here.baseUrl.href,
      ...where,
    })
    t.equal(code, 69)
    t.match(lines[4], /no usable answer: the budget cannot be counted: .*\(quotaSpent\)/)
    t.notMatch(lines.join('\n'), /canary/)
  }
  t.equal(here.requests.length, 0)
})

t.test('check-corridor does not go on with a wrong environment', async (t) => {
  const file = straightFile(t)
  await t.rejects(check([file], { PORT: 'http' }), ConfigError)
})

const HEADER = 'time,station,seq,length_km,lanes_eff,vff_kmh,speed_kmh,flow_vph'
const csv = (...rows: readonly string[]): string => `${[HEADER, ...rows].join('\n')}\n`

/** The rows of one hour, every five minutes, all alike: `rest` is all after the station. */
const hourOf = (hour: string, rest: string, station = 'A'): string[] =>
  Array.from(
    { length: 12 },
    (_, slot) => `${hour}:${String(slot * 5).padStart(2, '0')},${station},${rest}`,
  )

/**
 * An hour's jam: 2 km, 4 lanes, free flow 100 km/h, 37.5 km/h. That is half of 0.75 · 100, where
 * the model's share of capacity is 0.46 + 0.44 / 2 = 0.68 and its flow 4 · 1,900 · 0.68 = 5,168.
 */
const jam = (flowVehH: number, station?: string): string[] =>
  hourOf('23', `1,2,4,100,37.5,${flowVehH}`, station)

/** Runs validate; its exit code and what it printed. */
function run(args: readonly string[]) {
  const lines: string[] = []
  const code = validate(args, (line) => lines.push(line))
  return { code, lines }
}

/** The numbers of one line of the table, the name taken off. */
const numbersOf = (line = '', name: string): number[] =>
  (line.startsWith(name) ? line.slice(name.length) : '').match(/[+-]?\d+(\.\d+)?/g)?.map(Number) ??
  []

t.test('validate prints measured and estimated delay at three references', async (t) => {
  const dir = t.testdir({ 'day.csv': csv(...jam(5200)) })
  const { code, lines } = run([join(dir, 'day.csv')])
  t.equal(code, 0)
  t.equal(lines.length, 5)
  t.match(lines[0], /day\.csv: 12 rows$/)
  // Vehicle-hours: 1 h · flow · 2 km · (1/37.5 − 1/reference). Measured flow 5,200; estimated 5,168;
  // low 3.5 · 1,500 · 0.68 = 3,570; high 4.5 · 2,200 · 0.68 = 6,732. Error 5,168 ÷ 5,200 − 1.
  t.strictSame(numbersOf(lines[2], 'free flow'), [173, 172, 119, 224, -0.6])
  t.strictSame(numbersOf(lines[3], '85 % of free flow'), [155, 154, 106, 201, -0.6])
  t.strictSame(numbersOf(lines[4], '90 km/h'), [162, 161, 111, 209, -0.6])
})

t.test('validate: the error at 85 % of free flow decides, 12 % either way', async (t) => {
  // 5,168 ÷ 4,640 is 11.4 % more, ÷ 4,590 12.6 % more; ÷ 5,850 11.7 % less, ÷ 5,900 12.4 % less.
  for (const [flow, expected, printed] of [
    [4640, 0, '+11.4 %'],
    [4590, 1, '+12.6 %'],
    [5850, 0, '-11.7 %'],
    [5900, 1, '-12.4 %'],
  ] as const) {
    const dir = t.testdir({ 'day.csv': csv(...jam(flow)) })
    const { code, lines } = run([join(dir, 'day.csv')])
    t.equal(code, expected, `${flow} veh/h`)
    t.ok(lines[3]?.endsWith(printed), lines[3] ?? 'there is no such line')
  }
})

t.test('validate: the errors at the other references do not decide', async (t) => {
  // Three hours at 90 of 100 km/h are late at free flow alone, by 35 of 208 veh-h; the profile
  // gives them 11 % of the vehicles, and the error there is −15 %.
  const late = ['20', '21', '22'].flatMap((hour) => hourOf(hour, '1,2,4,100,90,5200'))
  const dir = t.testdir({ 'day.csv': csv(...late, ...jam(5200)) })
  const { code, lines } = run([join(dir, 'day.csv')])
  t.strictSame(numbersOf(lines[2], 'free flow').at(-1), -14.7)
  t.strictSame(numbersOf(lines[3], '85 % of free flow').at(-1), -0.6)
  t.equal(code, 0)
})

t.test('validate takes several files, gzipped or not, and fails if one does', async (t) => {
  const dir = t.testdir({
    'good.csv.gz': gzipSync(csv(...jam(5200))),
    'bad.csv': csv(...jam(9000)),
  })
  const [good, bad] = [join(dir, 'good.csv.gz'), join(dir, 'bad.csv')]
  t.equal(run([good]).code, 0)
  t.equal(run([good, good]).lines.length, 10)
  t.equal(run([bad, good]).code, 1)
  t.equal(run([good, bad]).code, 1)
})

t.test('validate reads the measured day beside the project when no file is named', async (t) => {
  const before = process.cwd()
  t.teardown(() => process.chdir(before))
  const dir = t.testdir({
    project: {},
    shared: { data: { 'i5s-2026-04-02.csv.gz': gzipSync(csv(...jam(5200))) } },
  })
  process.chdir(join(dir, 'project'))
  const { code, lines } = run([])
  t.equal(code, 0)
  t.match(lines[0], /i5s-2026-04-02\.csv\.gz: 12 rows$/)
  process.chdir(dir)
  const missing = run([])
  t.equal(missing.code, 66)
  t.match(missing.lines[0], /i5s-2026-04-02\.csv\.gz: ./)
})

t.test('validate does not pass a day that proves nothing', async (t) => {
  const dir = t.testdir({ 'free.csv': csv('00:00,A,1,2,4,100,100,5200'), 'none.csv': csv() })
  t.equal(run([join(dir, 'free.csv')]).code, 1, 'no delay was measured')
  const none = run([join(dir, 'none.csv')])
  t.equal(none.code, 66)
  t.match(none.lines[0], /there are no rows/)
})

t.test('validate leaves out a row that measured no speed', async (t) => {
  const good = '00:00,A,1,2,4,100,37.5,5200'
  const gaps = ['00:05,A,1,2,4,100,,5200', '00:10,A,1,2,4,100,0,0']
  const dir = t.testdir({ 'a.csv': csv(good), 'b.csv': csv(good, ...gaps) })
  const [without, withGaps] = ['a.csv', 'b.csv'].map((name) =>
    run([join(dir, name)]).lines.slice(1),
  )
  t.strictSame(withGaps, without)
})

t.test('validate names a missing file, and the number of a broken line', async (t) => {
  const good = '00:00,A,1,2,4,100,37.5,5200'
  const broken = [
    ['00:05,A,1,2,4,100,37.5', 'a column is missing'],
    ['00:05,A,1,2,4,100,37.5,5200,1', 'there is one too many'],
    ['00:05,A,1,2,4,100,fast,5200', 'a speed is no number'],
    ['00:05,A,1,2,4,100,Infinity,5200', 'a speed is not finite'],
    ['noon,A,1,2,4,100,37.5,5200', 'the time is none'],
    ['00:x5,A,1,2,4,100,37.5,5200', 'the minute is none'],
    ['', 'the line is empty'],
    ['00:05,A,1,2,4,100,-5,5200', 'a speed is negative'],
    ['00:05,A,1,2,4,100,37.5,-1', 'a flow is negative'],
    ['25:05,A,1,2,4,100,37.5,5200', 'there is no such hour'],
    ['00:99,A,1,2,4,100,37.5,5200', 'there is no such minute'],
  ] as const
  for (const [line, why] of broken) {
    const dir = t.testdir({ 'day.csv': csv(good, line, good) })
    const { code, lines } = run([join(dir, 'day.csv')])
    t.not(code, 0, why)
    t.equal(lines.length, 1)
    t.match(lines[0], /day\.csv: line 3: /)
  }
  const dir = t.testdir({ 'day.csv': 'time,station\n', 'day.csv.gz': 'not gzip' })
  const header = run([join(dir, 'day.csv')])
  t.not(header.code, 0)
  t.match(header.lines[0], /day\.csv: line 1: .*columns/)
  t.not(run([join(dir, 'day.csv.gz')]).code, 0)
  const missing = run([join(dir, 'missing.csv')])
  t.equal(missing.code, 66)
  t.match(missing.lines, [/missing\.csv: ./])
})

t.test('a detector day is read as its columns say', async (t) => {
  const text = csv('13:35,B 7,2,0.8,3,104.6,97.25,4212').replaceAll('\n', '\r\n')
  t.strictSame(parseDetectorDay(text), [
    {
      atMs: (13 * 60 + 35) * 60_000,
      station: 'B 7',
      lengthKm: 0.8,
      lanes: 3,
      freeFlowKmh: 104.6,
      speedKmh: 97.25,
      flowVehH: 4212,
    },
  ])
})

const FREE_FLOW = { name: 'free flow', speedKmh: (row: { freeFlowKmh: number }) => row.freeFlowKmh }
const near = (t: Test, actual: number, expected: number): void =>
  void t.ok(Math.abs(actual - expected) < 1e-6 * Math.abs(expected), `${actual} is ${expected}`)

t.test('stations are separate and add up, in whatever order their rows stand', async (t) => {
  const rows = parseDetectorDay(csv(...jam(5200, 'A'), ...jam(2600, 'B')))
  const { measuredVehH, estimatedVehH } = compareDelay(rows, FREE_FLOW)
  // 1 h · 7,800 · 2 km · (1/37.5 − 1/100) h/km, and 5,168 at each station.
  near(t, measuredVehH, 260)
  near(t, estimatedVehH.central, 10_336 / 30)
  const shuffled = [...rows.filter((_, row) => row % 2), ...rows.filter((_, row) => row % 2 === 0)]
  near(t, compareDelay(shuffled, FREE_FLOW).measuredVehH, 260)
  near(t, compareDelay(shuffled, FREE_FLOW).estimatedVehH.central, 10_336 / 30)
})

t.test('outside jams the estimate is the hour of the profile, scaled to the day', async (t) => {
  // At 80 of 100 km/h the road is not congested: the flow is 2.04 % of the 1,000 vehicles of the day.
  const rows = parseDetectorDay(csv(...hourOf('23', '1,2,4,100,80,1000')))
  const { measuredVehH, estimatedVehH, errorPercent } = compareDelay(rows, FREE_FLOW)
  // 1 h · 1,000 · 2 km · (1/80 − 1/100) h/km.
  near(t, measuredVehH, 5)
  near(t, estimatedVehH.central, 5 * 0.0204)
  near(t, errorPercent, -97.96)
})

t.test('a row speaks for ten minutes at most, and a fast one takes no delay off', async (t) => {
  const rows = parseDetectorDay(
    csv('06:00,A,1,2,4,100,37.5,6000', '12:00,A,1,2,4,100,37.5,6000', '12:05,A,1,2,4,100,120,6000'),
  )
  // 10 min and 5 min at 6,000 · 2 km · (1/37.5 − 1/100) h/km = 200 veh-h/h.
  near(t, compareDelay(rows, FREE_FLOW).measuredVehH, 50)
})

const I5 = join(import.meta.dirname, '../../../shared/data/i5s-2026-04-02.csv.gz')

t.test(
  'a measured day of I-5: the truth is reproduced, the model is within 12 %',
  { skip: existsSync(I5) ? false : 'the measured day is not beside the project' },
  async (t) => {
    const { code, lines } = run([I5])
    t.equal(code, 0)
    t.match(lines[0], /: 6912 rows$/, '24 stations × 288')
    for (const [line, name, truth] of [
      [2, 'free flow', 5722],
      [3, '85 % of free flow', 3730],
      [4, '90 km/h', 3103],
    ] as const) {
      const [measured = Number.NaN] = numbersOf(lines[line], name)
      t.ok(Math.abs(measured - truth) <= 1, `${name}: ${measured} is ${truth} ± 1`)
    }
    const error = numbersOf(lines[3], '85 % of free flow').at(-1) ?? Number.NaN
    t.ok(Math.abs(error) <= 12, `${error} %`)
  },
)
