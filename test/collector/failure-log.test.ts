import t from 'tap'
import { FailureLog } from '../../src/collector/failure-log.ts'
import type { Attempt } from '../../src/storage/current-state.ts'
import { listenedLog } from '../helpers/log.ts'
import { HOUR, MINUTE } from '../helpers/ticks.ts'

const NOW = Date.parse('2026-11-18T06:00:00Z')

/** A log of failures, with what it said. */
function ready() {
  const { log, lines } = listenedLog()
  const failures = new FailureLog(log)
  const tell = (afterMs: number, change: Partial<Attempt> = {}, corridor = 'mill-road'): void =>
    failures.tell(corridor, {
      atMs: NOW + afterMs,
      provider: 'here',
      outcome: 'timeout',
      durationMs: 40,
      detail: 'no answer within 40 ms',
      ...change,
    })
  return { failures, tell, lines }
}

t.test('a failure is told with all that is known of it', async (t) => {
  const { tell, lines } = ready()
  tell(0)
  t.equal(lines.length, 1)
  t.match(lines[0], {
    level: 40,
    msg: 'refresh failed',
    corridor: 'mill-road',
    provider: 'here',
    outcome: 'timeout',
    durationMs: 40,
    detail: 'no answer within 40 ms',
  })
  t.notOk(lines[0] && 'timesSince' in lines[0], 'it is new')
})

t.test('one that goes on is told once an hour, with how often it came', async (t) => {
  const { tell, lines } = ready()
  for (let minute = 0; minute <= 180; minute += 5) tell(minute * MINUTE)
  t.strictSame(
    lines.map(({ atMs, timesSince }) => [(Number(atMs) - NOW) / HOUR, timesSince]),
    [
      [0, undefined],
      [1, 12],
      [2, 12],
      [3, 12],
    ],
  )
})

t.test('one that comes again after a good answer is new', async (t) => {
  const { failures, tell, lines } = ready()
  tell(0)
  failures.forget('mill-road', 'here')
  tell(30 * MINUTE)
  t.equal(lines.length, 2)
  t.notOk(lines[1] && 'timesSince' in lines[1])
})

t.test('the hour is over when it is whole', async (t) => {
  const { tell, lines } = ready()
  tell(0)
  tell(HOUR - 1)
  t.equal(lines.length, 1)
  tell(HOUR)
  t.match(lines[1], { timesSince: 2 })
})

t.test('every corridor, provider and way of failing is told by itself', async (t) => {
  const { tell, lines } = ready()
  for (const _ of [1, 2, 3]) {
    tell(0)
    tell(0, {}, 'ford-road')
    tell(0, { provider: 'tomtom' })
    tell(0, { outcome: 'throttled' })
  }
  t.equal(lines.length, 4)
})

t.test('one that came back after a good day is told with its number since', async (t) => {
  const { tell, lines } = ready()
  tell(0)
  tell(MINUTE)
  tell(24 * HOUR)
  t.match(lines[1], { timesSince: 2 })
})

t.test('a clock that was ahead silences nothing for longer than an hour', async (t) => {
  const { tell, lines } = ready()
  tell(24 * HOUR)
  tell(0)
  t.equal(lines.length, 2)
})
