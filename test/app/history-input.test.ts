import t from 'tap'
import { startOfDate } from '../../src/corridors/buckets.ts'
import { buildApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { faultsOf, HISTORY, historyOf, poll, steadyRoad } from './fixtures/memory.ts'

const DAY = 86_400_000
const timeOf = (atMs: number): string => new Date(atMs).toISOString()

/** A road on a Wednesday at 08:10 in Jerusalem, which the tests only ask. */
const app = await buildApp(t, steadyRoad())
await poll(app, 2)
const NOW = app.clock.now()

const ask = (query: string) => app.server.inject(`${HISTORY}?${query}`)
const rangeOf = async (query: Record<string, string>) => {
  const { from, to } = await historyOf(app, query)
  return [from, to]
}

t.test('every wrong input is refused with its name, in any form asked for', async (t) => {
  const tomorrow = '2026-11-19'
  for (const [query, pointer] of [
    ['from=2026-11-18T06:00:00Z&to=2026-11-18T05:00:00Z', '/query/from'], // reversed
    ['from=2026-11-17&to=2026-11-16', '/query/from'],
    ['from=2026-11-17&to=2026-11-17', '/query/from'], // nothing
    ['from=2026-11-18T06:00:00Z&to=2026-11-18T08:00:00%2B02:00', '/query/from'], // the same moment
    [`from=${timeOf(NOW)}`, '/query/from'], // without `to` it ends now
    [`from=${timeOf(NOW + 1)}`, '/query/from'], // future
    [`from=${timeOf(NOW + 1)}&to=${tomorrow}`, '/query/from'],
    ['from=2027-01-01&to=2027-01-02', '/query/from'],
    ['from=2026-11-17&to=2026-11-20', '/query/to'],
    ['from=2026-11-17&to=2026-11-18T22:00:00.001Z', '/query/to'], // beyond the end of today
    ['from=2026-11-17&to=9999-12-31', '/query/to'],
    ['to=2026-11-20', '/query/to'],
    ['from=2026-02-31', '/query/from'],
    ['from=2026-02-29', '/query/from'],
    ['from=2026-11-31T00:00:00Z', '/query/from'],
    ['from=yesterday', '/query/from'],
    ['from=', '/query/from'],
    ['to=', '/query/to'],
    ['from=2026-11-17T24:00:00Z', '/query/from'],
    ['from=2026-11-17T06:00:00', '/query/from'], // without a zone
    ['from=2026-11-18T06:00:00+02:00', '/query/from'], // the plus is a space in a query
    ['from=1763424000000', '/query/from'],
    ['from=2026-11-17&from=2026-11-16', '/query/from'], // twice
    ['to=2026-11-17&to=2026-11-18', '/query/to'],
    ['from=0000-01-01', '/query/from'],
    ['to=0000-01-01', '/query/to'],
    ['from=0099-12-31&interval=1d', '/query/from'],
    ['from=0100-01-01', '/query/from'],
    ['to=9999-12-31', '/query/to'],
    ['from=0001-01-01T00:00:00Z', '/query/from'],
    ['from=1969-12-31', '/query/from'],
    ['from=2025-11-18&interval=5m', '/query/interval'],
    ['from=1970-01-01&interval=1d', '/query/interval'],
    ['interval=2h', '/query/interval'],
    ['interval=', '/query/interval'],
    ['interval=1h&interval=1d', '/query/interval'],
    ['format=xml', '/query/format'],
    ['format=CSV', '/query/format'],
    ['model=best', '/query/model'],
    ['model=__proto__', '/query/model'],
    ['by=lane', '/query/by'],
    ['direction=eastbound', '/query/direction'],
    ['direction=', '/query/direction'],
    ['direction=northbound&direction=southbound', '/query/direction'],
    ['section=nowhere', '/query/section'],
    ['section=', '/query/section'],
    ['section=south-1&direction=northbound', '/query/section'], // of the other direction
    ['limit=0', '/query/limit'],
    ['limit=1001', '/query/limit'],
    ['limit=10000', '/query/limit'],
    ['limit=-1', '/query/limit'],
    ['limit=1.5', '/query/limit'],
    ['limit=ten', '/query/limit'],
    ['limit=', '/query/limit'],
    ['intervall=1h', '/query/intervall'],
    ['reference=phed', '/query/reference'], // totals are against free flow
  ] as const)
    for (const form of query.startsWith('format') ? [''] : ['', '&format=csv']) {
      const response = await ask(`${query}${form}`)
      t.equal(response.statusCode, 400, query)
      t.match(response.headers['content-type'], /^application\/problem\+json/)
      const { code, status, errors } = response.json()
      t.match({ code, status }, { code: 'invalid_input', status: 400 })
      t.strictSame(
        errors.map((fault: { pointer: string }) => fault.pointer),
        [pointer],
        query,
      )
    }
})

t.test('several wrong inputs are named at once', async (t) => {
  const { errors } = (await ask('from=never&interval=2h&limit=x')).json()
  t.match(errors, [
    { pointer: '/query/from', detail: /date such as 2026-11-21/ },
    { pointer: '/query/interval' },
    { pointer: '/query/limit' },
  ])
})

t.test('ten thousand buckets are the most, and the refusal counts them', async (t) => {
  const startOfHour = WEDNESDAY_8H
  const ago = (buckets: number): string => timeOf(startOfHour - buckets * 300_000)
  const to = timeOf(startOfHour)
  const most = await ask(`from=${ago(10_000)}&to=${to}&interval=5m&limit=1`)
  t.equal(most.statusCode, 200)
  const over = await ask(`from=${ago(10_001)}&to=${to}&interval=5m`)
  t.match(over.json(), { errors: [{ detail: /^gives 10001 buckets .* more than 10000$/ }] })
  // As long as the first range, but it touches a bucket more.
  const shifted = [10_000, 0].map((buckets) => timeOf(startOfHour - buckets * 300_000 - 60_000))
  t.equal((await ask(`from=${shifted[0]}&to=${shifted[1]}&interval=5m`)).statusCode, 400)
  const days = (await ask('from=1999-07-04&interval=1d&limit=1')).statusCode
  t.equal(days, 200, 'twenty-seven years of days')
})

t.test('an unknown corridor is not found', async (t) => {
  for (const name of ['geha', '__proto__', 'Mill-Road'])
    t.match((await app.server.inject(`/v1/traffic/${name}/history`)).json(), {
      status: 404,
      code: 'not_found',
    })
})

t.test('only reading is possible', async (t) => {
  const response = await app.server.inject({ method: 'DELETE', url: HISTORY })
  t.match(response.json(), { status: 405, code: 'method_not_allowed' })
  t.match(response.headers.allow, /GET/)
})

t.test('a client that wants neither JSON nor CSV is told what there is', async (t) => {
  const asking = async (accept: string, query = '') =>
    app.server.inject({ url: `${HISTORY}${query}`, headers: { accept } })
  const refused = await asking('text/html')
  t.match(refused.json(), {
    status: 406,
    code: 'not_acceptable',
    detail: /application\/json or text\/csv/,
  })
  t.equal((await asking('application/json')).statusCode, 200)
  t.equal((await asking('text/csv', '?format=csv')).statusCode, 200)
  t.equal((await asking('text/*', '?format=csv')).statusCode, 200)
})

t.test('without a range it is the last day until now, at an hour each', async (t) => {
  const view = await historyOf(app)
  t.equal(view.interval, '1h')
  t.strictSame([view.from, view.to], [timeOf(WEDNESDAY_8H - DAY), timeOf(WEDNESDAY_8H + DAY / 24)])
  t.equal(view.buckets.length, 25, 'the first and the last are touched')
  t.strictSame(
    await rangeOf({ to: '2026-11-17' }),
    ['2026-11-15T22:00:00.000Z', '2026-11-16T22:00:00.000Z'],
    'without a beginning, the day before its end',
  )
})

t.test('a date is its first moment in the time zone of the corridor', async (t) => {
  t.strictSame(await rangeOf({ from: '2026-11-17', to: '2026-11-18' }), [
    '2026-11-16T22:00:00.000Z',
    '2026-11-17T22:00:00.000Z',
  ])
  t.strictSame(
    await rangeOf({ from: '2026-08-01', to: '2026-08-02' }),
    ['2026-07-31T21:00:00.000Z', '2026-08-01T21:00:00.000Z'],
    'in summer an hour earlier',
  )
  t.equal(
    (await rangeOf({ from: '2026-03-28', to: '2026-03-29' }))[0],
    new Date(startOfDate(2026, 3, 28, 'Asia/Jerusalem')).toISOString(),
  )
})

t.test('the oldest day that can be asked for is that of the epoch', async (t) => {
  const view = await historyOf(app, { from: '1970-01-01', to: '1970-01-02' })
  t.equal(view.from, '1969-12-31T22:00:00.000Z')
  t.equal(view.buckets.length, 24)
  t.ok(view.buckets.every(({ coverage, delay }) => coverage === 0 && delay === null))
})

t.test('a time may have any offset and a fraction of a second', async (t) => {
  const expected = ['2026-11-18T04:00:00.000Z', '2026-11-18T05:00:00.000Z']
  for (const [from, to] of [
    ['2026-11-18T04:00:00Z', '2026-11-18T05:00:00Z'],
    ['2026-11-18T06:00:00+02:00', '2026-11-18T07:00:00+02:00'],
    ['2026-11-17T23:00:00-05:00', '2026-11-18T00:00:00-05:00'],
    ['2026-11-18T09:30:00+05:30', '2026-11-18T05:00:00.000Z'],
    ['2026-11-18T04:59:59.999Z', '2026-11-18T05:00:00Z'],
    ['2026-11-18T04:00:00Z', '2026-11-18T04:00:00.001Z'],
  ] as const)
    t.strictSame(await rangeOf({ from, to }), expected, `${from} ${to}`)
})

t.test('whatever a range touches is told in whole buckets', async (t) => {
  const range = { from: '2026-11-17T04:59:00Z', to: '2026-11-17T05:00:00.001Z' }
  for (const [interval, from, to] of [
    ['5m', '2026-11-17T04:55:00.000Z', '2026-11-17T05:05:00.000Z'],
    ['15m', '2026-11-17T04:45:00.000Z', '2026-11-17T05:15:00.000Z'],
    ['1h', '2026-11-17T04:00:00.000Z', '2026-11-17T06:00:00.000Z'],
    ['1d', '2026-11-16T22:00:00.000Z', '2026-11-17T22:00:00.000Z'],
  ] as const)
    t.strictSame(await rangeOf({ ...range, interval }), [from, to], interval)
})

t.test('a range may name the end of today, which ends it now', async (t) => {
  const now = timeOf(NOW)
  const inProgress = timeOf(WEDNESDAY_8H + DAY / 24)
  for (const to of ['2026-11-19', '2026-11-18T22:00:00Z', inProgress, timeOf(NOW + 1), now])
    t.strictSame(
      await rangeOf({ from: '2026-11-18T05:00:00Z', to }),
      ['2026-11-18T05:00:00.000Z', inProgress],
      to,
    )
  t.strictSame(
    await rangeOf({ from: now, to: '2026-11-19', interval: '5m' }),
    [now, timeOf(NOW + 300_000)],
    'from now on there is the bucket in progress',
  )
})

t.test('nothing that was asked has broken anything', async (t) => {
  t.strictSame(
    app.lines.filter(({ level }) => Number(level) >= 40),
    [],
    'no warning and no error in the log',
  )
  t.strictSame(await faultsOf(app), [])
})
