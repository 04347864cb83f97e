import { join } from 'node:path'
import t from 'tap'
import { recomputeTotals } from '../../src/commands/recompute.ts'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { dayOf, type Span } from '../../src/corridors/buckets.ts'
import { sectionsOf } from '../../src/corridors/corridor.ts'
import { recompute } from '../../src/storage/totals/recompute.ts'
import { onBothEngines } from '../helpers/databases.ts'
import {
  commandOn,
  differences,
  dump,
  fill,
  historyOf,
  newInstallation,
} from '../helpers/history.ts'
import { startProcess } from '../helpers/service.ts'
import { contentsOf, HOUR, MINUTE, SECOND, writeAll } from '../helpers/ticks.ts'

import {
  ayalonTick,
  connectTo,
  FIRST_DAY,
  NOW,
  recomputeOn,
  SPAN,
  TASK,
  WANTED,
} from './fixtures/three-days.ts'

const { timeZone } = AYALON

/**
 * Loaded into a process: every look at its clock is 3 s later, so that each day is told, and when
 * the first is, the process is killed a little later.
 */
const KILL_AFTER_A_DAY = `
let atMs = ${NOW}
Date.now = () => (atMs += 3000)
const write = process.stdout.write.bind(process.stdout)
process.stdout.write = (text) => {
  write(text)
  if (!text.includes('%')) return true
  const die = (turns) =>
    turns > 0 ? setImmediate(die, turns - 1) : process.kill(process.pid, 'SIGKILL')
  die(20)
  return true
}
`

await onBothEngines(t, async (t, engine) => {
  const whole = await newInstallation(t, engine)
  await fill(whole.db.write, SPAN)
  await recomputeOn(whole)(...WANTED)
  /** What a run leaves that nothing stopped. */
  const expected = await contentsOf(whole.db.write)

  t.test('stopped after a day it goes on with the next, and ends as if it had not', async (t) => {
    const stopped = await newInstallation(t, engine)
    const { write } = stopped.db
    await fill(write, SPAN)
    const stop = (): never => {
      throw new Error('stopped')
    }
    const connection = connectTo(t, stopped)
    await t.rejects(recompute(connection, TASK, SPAN, { resumed: stop, done: stop }), /^stopped$/)
    const at = await write.selectFrom('totals').select('start_ms').distinct().execute()
    t.ok(at.length > 0)
    t.ok(
      at.every(({ start_ms }) => start_ms < FIRST_DAY.toMs),
      'the first day and no more',
    )
    // Another span is another work, and does not take up this one.
    const other = await recomputeOn(stopped)(
      '--corridor',
      'ayalon',
      '--from',
      '2026-10-24',
      '--to',
      '2026-10-25',
    )
    t.notMatch(other.lines, [/goes on/])
    t.match(await recomputeOn(stopped)(...WANTED), {
      code: 0,
      lines: [/^ayalon by physical/, 'goes on at 2026-10-24T21:00:00.000Z', 'done'],
    })
    t.strictSame(await contentsOf(write), expected)
    t.strictSame(await dump(write, 'recomputations'), [])
    t.equal((await recomputeOn(stopped)(...WANTED)).lines[1], 'done', 'and begins anew after that')
  })

  t.test('what was stopped is not done twice', async (t) => {
    const installation = await newInstallation(t, engine)
    const { write } = installation.db
    await fill(write, SPAN)
    const connection = connectTo(t, installation)
    const days: Span[] = []
    const done = (day: Span): void => {
      days.push(day)
      if (days.length === 2) throw new Error('stopped')
    }
    const resumed = (): void => void t.fail('nothing was done before')
    await t.rejects(recompute(connection, TASK, SPAN, { resumed, done }), /^stopped$/)
    const before: Span[] = []
    await recompute(connection, TASK, SPAN, { resumed: (span) => void before.push(span), done })
    const secondDay = dayOf(FIRST_DAY.toMs, timeZone)
    const thirdDay = dayOf(secondDay.toMs, timeZone)
    t.strictSame(before, [{ fromMs: SPAN.fromMs, toMs: secondDay.toMs }])
    t.strictSame(days, [FIRST_DAY, secondDay, thirdDay])
  })

  t.test(
    'killed in the middle of a day and begun again it ends as if it had not been',
    async (t) => {
      const killed = await newInstallation(t, engine)
      const { write } = killed.db
      await fill(write, SPAN)
      const dir = t.testdir({ 'kill.mjs': KILL_AFTER_A_DAY })
      const environment = {
        ...killed.environment,
        NODE_OPTIONS: `--import=${join(dir, 'kill.mjs')}`,
      }
      const victim = startProcess(t, environment, ['recompute', ...WANTED])
      t.equal(await victim.exited, null, victim.output())
      t.equal(victim.process.signalCode, 'SIGKILL')
      const [unfinished] = await write
        .selectFrom('recomputations')
        .select('done_until_ms')
        .execute()
      t.equal(unfinished?.done_until_ms, FIRST_DAY.toMs)
      const again = startProcess(t, killed.environment, ['recompute', ...WANTED])
      t.equal(await again.exited, 0)
      t.match(again.output(), /^goes on at 2026-10-24T21:00:00.000Z\ndone\n$/m)
      t.strictSame(await contentsOf(write), expected)
      t.strictSame(await dump(write, 'recomputations'), [])
    },
  )

  t.test('it tells how far it is and how long it may take', async (t) => {
    const installation = await newInstallation(t, engine)
    await fill(installation.db.write, SPAN)
    /** Every look at the clock is so much later than the one before. */
    const linesAt = async (stepMs: number): Promise<string[]> => {
      let atMs = NOW
      const moving = (): number => {
        atMs += stepMs
        return atMs
      }
      const { lines } = await commandOn(
        recomputeTotals,
        installation.environment,
        moving,
      )(...WANTED)
      return lines.slice(1, -1)
    }
    t.strictSame(await linesAt(2 * SECOND), [
      // 24 of 73 hours in 2 s, then 49 in 4 s.
      '32 % done, about 5 s left',
      '67 % done, about 2 s left',
      '100 % done, about 0 s left',
    ])
    t.strictSame(await linesAt(1 * SECOND), ['67 % done, about 1 s left'], 'not too often')
    t.strictSame(await linesAt(600), [], 'a short work says nothing')
    const connection = connectTo(t, installation)
    const stop = (): never => {
      throw new Error('stopped')
    }
    await t.rejects(recompute(connection, TASK, SPAN, { resumed: stop, done: stop }), /^stopped$/)
    t.strictSame(await linesAt(2 * SECOND), [
      'goes on at 2026-10-24T21:00:00.000Z',
      // 25 hours in 2 s: what an earlier run did says nothing of the speed.
      '67 % done, about 2 s left',
      '100 % done, about 0 s left',
    ])
  })

  t.test('a tick that is written in the middle of it loses nothing', async (t) => {
    const endMs = FIRST_DAY.fromMs + 10 * HOUR + 2 * MINUTE
    const late = [3, 8, 13].map((minute) => ayalonTick(endMs + minute * MINUTE))
    const without = await newInstallation(t, engine)
    await fill(without.db.write, { ...FIRST_DAY, toMs: endMs })
    await recomputeOn(without)(...WANTED)
    await writeAll(without.db.write, late)
    const during = await newInstallation(t, engine)
    await fill(during.db.write, { ...FIRST_DAY, toMs: endMs })
    // What was observed when it began ends in the middle of five minutes.
    const kept = { fromMs: FIRST_DAY.fromMs, toMs: endMs }
    await writeAll(during.db.write, late)
    await recompute(connectTo(t, during), TASK, kept, { resumed() {}, done() {} })
    t.strictSame(
      await contentsOf(during.db.write, 'gaps'),
      await contentsOf(without.db.write, 'gaps'),
    )
  })

  t.test('where no refresh is known it computes what was asked for', async (t) => {
    const installation = await newInstallation(t, engine)
    const { write } = installation.db
    await fill(write, FIRST_DAY)
    await write.deleteFrom('refreshes').execute()
    const kept = { fromMs: FIRST_DAY.fromMs, toMs: FIRST_DAY.fromMs + 32 * MINUTE }
    await recompute(connectTo(t, installation), TASK, kept, { resumed() {}, done() {} })
    const slots = await write
      .selectFrom('totals')
      .select(['start_ms', 'measured_km_h'])
      .where('bucket_seconds', '=', 300)
      .where('start_ms', '>=', kept.fromMs + 25 * MINUTE)
      .orderBy('start_ms')
      .execute()
    const at = new Set(slots.map(({ start_ms }) => start_ms - kept.fromMs))
    t.strictSame([...at], [25 * MINUTE, 30 * MINUTE])
    const hours = slots
      .filter(({ start_ms }) => start_ms === kept.fromMs + 30 * MINUTE)
      .reduce((sum, { measured_km_h }) => sum + measured_km_h, 0)
    const road = sectionsOf(AYALON).reduce((sum, { lengthM }) => sum + lengthM / 1000, 0)
    t.ok(hours > 0 && hours <= (road * 2) / 60, 'two minutes of the last slot')
  })

  t.test('while ticks are written at the same time nothing is lost', async (t) => {
    const ticks = Array.from({ length: 12 }, (_, index) =>
      ayalonTick(SPAN.toMs + (index * 4 + 1) * MINUTE),
    )
    const upToNow = [...WANTED.slice(0, -1), '2026-10-28']
    const [oneByOne, atOnce] = [await newInstallation(t, engine), await newInstallation(t, engine)]
    await fill(oneByOne.db.write, SPAN)
    await recomputeOn(oneByOne)(...upToNow)
    await writeAll(oneByOne.db.write, ticks)
    await fill(atOnce.db.write, SPAN)
    const [{ code }] = await Promise.all([
      recomputeOn(atOnce)(...upToNow),
      writeAll(atOnce.db.write, ticks),
    ])
    t.equal(code, 0)
    t.strictSame(await contentsOf(atOnce.db.write), await contentsOf(oneByOne.db.write))
    const answers = await Promise.all(
      [oneByOne, atOnce].map(async (installation) => {
        const history = await historyOf(t, installation, NOW)
        return history('from=2026-10-24&to=2026-10-28&interval=1d')
      }),
    )
    t.strictSame(differences(answers[0] ?? '', answers[1] ?? 'none'), [])
  })
})
