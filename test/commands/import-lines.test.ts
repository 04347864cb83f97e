import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { importFile } from '../../src/commands/import.ts'
import { importLine, LineFault } from '../../src/commands/import-line.ts'
import { ConfigError } from '../../src/config/faults.ts'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { newFolder } from '../helpers/databases.ts'
import { commandOn, dump, newInstallation } from '../helpers/history.ts'
import { DAY } from '../helpers/ticks.ts'

import {
  type Change,
  COLUMNS,
  csvOf,
  GOOD,
  HEADER,
  importInto,
  lineOf,
  NEXT,
  NO_AMOUNTS,
  NOW,
  SPAN,
} from './fixtures/downloads.ts'

const USAGE = "usage: npm run import -- FILE (the CSV of a corridor's history)"

const RETENTION = { RETENTION_DAYS: '2' }
const LATER = SPAN.toMs + 3 * DAY
const NO_BUCKET = 'from, to: are no bucket of'
const NOT_BETWEEN = 'is not between low and high'

/** What may be wrong with a line, and what is said of it. */
const BROKEN: readonly (readonly [string | Change, string])[] = [
  [lineOf().replace(/,[^,]*$/, ''), 'has 27 fields where 28 belong'],
  [`${lineOf()},`, 'has 29 fields where 28 belong'],
  [lineOf().slice(0, 60), 'has 5 fields where 28 belong'],
  ['history', 'has 1 fields where 28 belong'],
  [{ from: 'yesterday' }, 'from: must be a time such as 2026-11-21T05:00:00.000Z'],
  [{ to: '' }, 'to: must be a time such as 2026-11-21T05:00:00.000Z'],
  [{ from: '2026-10-25T10:00:00+02:00' }, 'from: must be a time such as 2026-11-21T05:00:00.000Z'],
  [{ from: '2026-02-30T08:00:00.000Z' }, 'from: must be a time such as 2026-11-21T05:00:00.000Z'],
  ...['NaN', 'Infinity', '', '0x10', ' 1', '1.', '--1', 'null', '1 000'].map(
    (amount) => [{ delay_veh_h_central: amount }, 'delay_veh_h_central: must be a number'] as const,
  ),
  [{ coverage: 'NaN' }, 'coverage: must be a number'],
  [{ coverage: '' }, 'coverage: must be a number'],
  [{ coverage: '1.001' }, 'coverage: Too big: expected number to be <=1'],
  [{ coverage: '-0.1' }, 'coverage: Too small: expected number to be >=0'],
  [{ from: '2026-10-25T08:05:00.000Z' }, `${NO_BUCKET} 1h of Asia/Jerusalem`],
  [{ to: '2026-10-25T10:00:00.000Z' }, `${NO_BUCKET} 1h of Asia/Jerusalem`],
  [{ from: '2026-10-25T09:00:00.000Z' }, `${NO_BUCKET} 1h of Asia/Jerusalem`],
  [{ interval: '1d' }, `${NO_BUCKET} 1d of Asia/Jerusalem`],
  [
    // 24 hours of the day that has 25.
    { interval: '1d', from: '2026-10-24T21:00:00.000Z', to: '2026-10-25T21:00:00.000Z' },
    `${NO_BUCKET} 1d of Asia/Jerusalem`,
  ],
  [{ interval: '2h' }, 'interval: must be one of 5m, 15m, 1h, 1d'],
  [{ corridor: 'thames' }, 'corridor: is not configured here'],
  [{ corridor: '' }, 'corridor: is not configured here'],
  [{ direction: 'upwards' }, 'direction, section: are not in this corridor'],
  [{ direction: 'southbound' }, 'direction, section: are not in this corridor'],
  [{ section: 'southbound' }, 'direction, section: are not in this corridor'],
  [{ section: '' }, 'section: is empty: only what was downloaded with by=section can be imported'],
  [{ source: 'rumour' }, 'source: must be one of live, simulated, replay'],
  [{ model: 'guess' }, 'model: must be one of physical, ayalon-1.0-freeze'],
  [{ model_version: '' }, 'model_version: is empty'],
  [{ currency: 'EUR' }, 'currency: is ILS here'],
  [{ delay_veh_h_low: '2.6' }, `delay_veh_h_central: ${NOT_BETWEEN}`],
  [{ delay_veh_h_high: '2.4' }, `delay_veh_h_central: ${NOT_BETWEEN}`],
  [{ excess_fuel_l_low: '0.1' }, `excess_fuel_l_central: ${NOT_BETWEEN}`],
  [{ excess_co2_kg_high: '-1' }, `excess_co2_kg_central: ${NOT_BETWEEN}`],
  [{ time_cost_central: '15' }, `time_cost_central: ${NOT_BETWEEN}`],
  [{ fuel_cost_central: '22' }, `fuel_cost_central: ${NOT_BETWEEN}`],
  [{ delay_veh_h_low: '-0.1' }, 'delay_veh_h_low: is below 0'],
  [
    { from: '2026-10-30T09:00:00.000Z', to: '2026-10-30T10:00:00.000Z' },
    'from: lies in the future',
  ],
  [
    { interval: '5m', to: '2026-10-25T08:05:00.000Z' },
    'interval: buckets of 5m are not kept for so long',
  ],
  [
    { interval: '15m', to: '2026-10-25T08:15:00.000Z' },
    'interval: buckets of 15m are not kept for so long',
  ],
  [
    { from: 'now', source: 'rumour', coverage: '2' },
    'from: must be a time such as 2026-11-21T05:00:00.000Z; source: must be one of live, simulated, replay; coverage: Too big: expected number to be <=1',
  ],
  [
    { time_cost_low: 'low', fuel_cost_high: 'high' },
    'time_cost_low: must be a number; fuel_cost_high: must be a number',
  ],
  [{ ...NO_AMOUNTS, interval: '2h' }, 'interval: must be one of 5m, 15m, 1h, 1d'],
  [
    { ...NO_AMOUNTS, section: '' },
    'section: is empty: only what was downloaded with by=section can be imported',
  ],
]

t.test('every broken line is named by its number, with what is wrong with it', async (t) => {
  const dir = newFolder(t)
  const put = importInto(t, { environment: { ...RETENTION, DATA_DIR: join(dir, 'data') } }, LATER)
  for (const [broken, fault] of BROKEN) {
    const line = typeof broken === 'string' ? broken : lineOf(broken)
    t.strictSame(
      await put(csvOf(lineOf(), line, lineOf())),
      { code: 65, lines: [`line 3: ${fault}`, 'nothing was imported; broken lines: 1'] },
      line,
    )
  }
  t.match((await put(csvOf(lineOf({ delay_veh_h_high: '1e999' })))).lines, [
    /^line 2: delay_veh_h_high: .*number/,
    'nothing was imported; broken lines: 1',
  ])
  t.notOk(existsSync(join(dir, 'data')), 'no database was opened')
})

t.test('of many broken lines twenty are named, and all are counted', async (t) => {
  const put = importInto(t, { environment: {} })
  const broken = Array.from({ length: 25 }, () => lineOf({ source: 'rumour' }))
  const { code, lines } = await put(csvOf(lineOf(), ...broken, lineOf()))
  t.equal(code, 65)
  t.equal(lines.length, 21)
  const numbers = lines.slice(0, 20).map((line) => Number(/^line (\d+): source/.exec(line)?.[1]))
  t.strictSame(
    numbers,
    Array.from({ length: 20 }, (_, index) => index + 3),
  )
  t.equal(lines[20], 'nothing was imported; broken lines: 25')
})

t.test('a download that was cut off is not imported', async (t) => {
  const put = importInto(t, { environment: {} })
  const whole = csvOf(lineOf(), lineOf())
  const cut = 'is cut off: no line break follows it'
  for (const [length, line, fault] of [
    // Even where the last field only lost a digit, or nothing at all.
    [-1, 3, cut],
    [-2, 3, cut],
    [-60, 3, cut],
    [HEADER.length, 1, cut],
    [10, 1, cut],
    [0, 1, 'is missing'],
  ] as const)
    t.strictSame(await put(whole.slice(0, length)), {
      code: 65,
      lines: [`line ${line}: ${fault}`, 'nothing was imported; broken lines: 1'],
    })
})

t.test('what is not a history download is refused by its first line', async (t) => {
  const put = importInto(t, { environment: {} })
  for (const header of [
    HEADER.toUpperCase(),
    HEADER.replaceAll(',', ';'),
    HEADER.replace('from,to', 'to,from'),
    `${HEADER},more`,
    `\uFEFF\uFEFF${HEADER}`,
    lineOf(),
    '',
  ])
    t.strictSame(
      await put(`${header}\n${lineOf()}\n`),
      {
        code: 65,
        lines: [
          'line 1: is not the header of a history download',
          'nothing was imported; broken lines: 1',
        ],
      },
      header,
    )
})

t.test('files of other systems and of spreadsheets are taken as they are', async (t) => {
  const usual = csvOf(lineOf(), lineOf({ section: NEXT }))
  const expected = await newInstallation(t)
  await importInto(t, expected)(usual)
  const wanted = await dump(expected.db.write)
  t.ok(wanted.some((line) => line.startsWith('totals')))
  for (const [name, content] of [
    ['carriage returns', usual.replaceAll('\n', '\r\n')],
    ['a byte-order mark', `\uFEFF${usual}`],
    ['both', `\uFEFF${usual.replaceAll('\n', '\r\n')}`],
    ['empty lines', usual.replaceAll('\n', '\n\n')],
  ] as const) {
    const b = await newInstallation(t)
    const { code, lines } = await importInto(t, b)(content)
    t.equal(code, 0, name)
    t.strictSame(lines, ['2 buckets imported, 0 were there already, 0 have no data'])
    t.strictSame(await dump(b.db.write), wanted, name)
  }
})

t.test('buckets without data are counted, however old, and leave nothing', async (t) => {
  const b = await newInstallation(t)
  const environment = { ...b.environment, ...RETENTION }
  const old = { ...NO_AMOUNTS, model_version: '', coverage: '0', interval: '5m' }
  const slots = ['05', '10'].map((minute, index) =>
    lineOf({
      ...old,
      from: `2026-10-25T08:0${index * 5}:00.000Z`,
      to: `2026-10-25T08:${minute}:00.000Z`,
    }),
  )
  const { code, lines } = await importInto(t, { environment }, LATER)(csvOf(...slots))
  t.equal(code, 0)
  t.strictSame(lines, ['0 buckets imported, 0 were there already, 2 have no data'])
  t.strictSame(await dump(b.db.write), [])
})

t.test('short buckets are taken from the first day that is kept whole', async (t) => {
  const b = await newInstallation(t)
  const nowMs = SPAN.toMs
  const environment = { ...b.environment, RETENTION_DAYS: '1' }
  const put = importInto(t, { environment }, nowMs)
  // A day ago it was 10:20 on the 25th; that day is no longer whole.
  const slotAt = (from: string, to: string): string =>
    csvOf(
      lineOf({
        interval: '5m',
        from: `2026-10-25T${from}:00.000Z`,
        to: `2026-10-25T${to}:00.000Z`,
      }),
    )
  t.equal((await put(slotAt('21:55', '22:00'))).code, 65)
  t.equal((await put(slotAt('22:00', '22:05'))).code, 0)
  t.equal((await put(csvOf(lineOf()))).code, 0, 'hours are kept for ever')
})

t.test('the bucket of the present is taken, the next is not', async (t) => {
  const b = await newInstallation(t)
  const put = importInto(t, b, Date.parse('2026-10-25T08:00:00Z'))
  t.equal((await put(csvOf(lineOf()))).code, 0)
  const early = importInto(t, b, Date.parse('2026-10-25T07:59:59.999Z'))
  t.equal((await early(csvOf(lineOf()))).code, 65)
})

t.test('bands may be out of order by the last digits of a sum', async (t) => {
  const b = await newInstallation(t)
  const nearly = { delay_veh_h_low: '2.5000000000001', delay_veh_h_high: '2.4999999999999' }
  t.equal((await importInto(t, b)(csvOf(lineOf(nearly)))).code, 0)
})

t.test('no line, however strange, is more than a fault of that line', async (t) => {
  const context = { corridors: [AYALON], nowMs: NOW, keptFromMs: () => 0 }
  const field = fc.oneof(
    { weight: 1, arbitrary: fc.string() },
    { weight: 1, arbitrary: fc.constantFrom('', '-1e308', '1e308', '0000-01-01T00:00:00Z') },
    { weight: 1, arbitrary: fc.constantFrom('9999-12-31T23:59:59.999Z', '-0', '__proto__') },
  )
  const line = fc
    .tuple(
      fc.array(field, { minLength: COLUMNS.length, maxLength: COLUMNS.length }),
      fc.array(fc.nat(COLUMNS.length - 1), { maxLength: 3 }),
    )
    .map(([fields, at]) =>
      COLUMNS.map((name, index) => (at.includes(index) ? fields[index] : GOOD[name])).join(','),
    )
  fc.assert(
    fc.property(line, (text) => {
      try {
        const totals = importLine(text, context)
        return totals === null || Object.values(totals.amounts).every(Number.isFinite)
      } catch (error) {
        return error instanceof LineFault
      }
    }),
    { numRuns: 2000 },
  )
  t.throws(
    () =>
      importLine(lineOf(), { ...context, corridors: [{ ...AYALON, timeZone: 'Nowhere/At-all' }] }),
    RangeError,
    'a mistake of the program is not blamed on the line',
  )
})

t.test('a mistake of the program is told as one, not as a fault of the file', async (t) => {
  const put = importInto(t, { environment: { DATA_DIR: newFolder(t) } }, Number.NaN)
  const slot = { interval: '5m', to: '2026-10-25T08:05:00.000Z' }
  await t.rejects(put(csvOf(lineOf(slot))), RangeError)
})

t.test('a file that cannot be read is told, and so is a wrong command line', async (t) => {
  const dir = newFolder(t)
  const run = commandOn(importFile, { DATA_DIR: join(dir, 'data') }, () => NOW)
  const missing = join(dir, 'missing.csv')
  t.strictSame(await run(missing), { code: 66, lines: [`${missing}: cannot be read`] })
  t.strictSame(await run(dir), { code: 66, lines: [`${dir}: cannot be read`] })
  t.strictSame(await run(), { code: 64, lines: [USAGE] })
  t.strictSame(await run(missing, missing), { code: 64, lines: [USAGE] })
  t.notOk(existsSync(join(dir, 'data')))
  await t.rejects(commandOn(importFile, { PORT: 'http' }, () => NOW)(missing), ConfigError)
})
