import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { logFileFault } from '../../src/config/log-file-fault.ts'
import { LogFile, type LogFileOptions } from '../../src/logging/log-file.ts'
import { newFolder } from '../helpers/databases.ts'
import { fillDisk, noFullDisk, smallDisk } from '../helpers/small-disk.ts'

const WEDNESDAY = Date.parse('2026-11-18T12:00:00Z')
const DAY_MS = 86_400_000

/** A log file on a clock that stands where it is told to. */
function logFileOf(t: Test, options: Partial<LogFileOptions> & { readonly dir?: string } = {}) {
  const dir = options.dir ?? newFolder(t)
  const clock = { nowMs: WEDNESDAY }
  const faults: string[] = []
  const open = (): LogFile =>
    new LogFile({
      path: join(dir, 'app.log'),
      maxBytes: 1000,
      keep: 3,
      now: () => clock.nowMs,
      onFault: (error) => faults.push(String(error)),
      ...options,
    })
  /** A process that starts after another one wrote. */
  const reopen = (): LogFile => {
    utimesSync(join(dir, 'app.log'), clock.nowMs / 1000, clock.nowMs / 1000)
    return open()
  }
  return { dir, clock, faults, open, reopen, read: () => contentsOf(dir) }
}

/** What is in each file of a folder, its lines joined. */
const contentsOf = (dir: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(dir)
      .toSorted()
      .map((name) => [name, readFileSync(join(dir, name), 'utf8').trimEnd().replaceAll('\n', ' ')]),
  )

t.test('a line is on the disk as soon as it is written, after those of before', async (t) => {
  const { open, reopen, read } = logFileOf(t)
  open().write('one\n')
  t.strictSame(read(), { 'app.log': 'one' })
  reopen().write('two\n')
  t.strictSame(read(), { 'app.log': 'one two' })
})

t.test('each UTC day has a file of its own, and those of some days are kept', async (t) => {
  const { open, clock, read } = logFileOf(t)
  clock.nowMs = Date.parse('2026-11-18T23:59:59.999Z')
  const file = open()
  file.write('wed\n')
  clock.nowMs += 1
  file.write('thu\n')
  file.write('thu2\n')
  t.strictSame(read(), { 'app.log': 'thu thu2', 'app.log.2026-11-18.1': 'wed' })
  for (const line of ['fri\n', 'sat\n', 'sun\n']) {
    clock.nowMs += DAY_MS
    file.write(line)
  }
  t.strictSame(read(), {
    'app.log': 'sun',
    'app.log.2026-11-19.1': 'thu thu2',
    'app.log.2026-11-20.1': 'fri',
    'app.log.2026-11-21.1': 'sat',
  })
})

t.test(
  'a file that would grow too large is followed by another, also after a restart',
  async (t) => {
    const { open, reopen, read } = logFileOf(t, { maxBytes: 8 })
    const file = open()
    for (const line of ['aaa\n', 'bbb\n', 'ccc\n']) file.write(line)
    t.strictSame(read(), { 'app.log': 'ccc', 'app.log.2026-11-18.1': 'aaa bbb' })
    const again = reopen()
    again.write('ddd\n')
    again.write('longer than all of it\n')
    again.write('eee\n')
    t.strictSame(read(), {
      'app.log': 'eee',
      'app.log.2026-11-18.1': 'aaa bbb',
      'app.log.2026-11-18.2': 'ccc ddd',
      'app.log.2026-11-18.3': 'longer than all of it',
    })
    for (let number = 0; number < 9; number += 1) again.write('1234567\n')
    t.strictSame(
      Object.keys(read()),
      ['app.log', 'app.log.2026-11-18.10', 'app.log.2026-11-18.11', 'app.log.2026-11-18.12'],
      'the numbers are counted as numbers',
    )
  },
)

t.test('what an earlier process left on an earlier day is put aside under that day', async (t) => {
  const { open, dir, read } = logFileOf(t)
  writeFileSync(join(dir, 'app.log'), 'monday\n')
  const monday = (WEDNESDAY - 2 * DAY_MS) / 1000
  utimesSync(join(dir, 'app.log'), monday, monday)
  open().write('wed\n')
  t.strictSame(read(), { 'app.log': 'wed', 'app.log.2026-11-16.1': 'monday' })
})

t.test('the files of others are nobody’s to remove', async (t) => {
  const { open, dir, clock, read } = logFileOf(t, { keep: 1 })
  const others = ['app.log.bak', 'app.log.2026-11-01', 'app.2026-11-01.1', 'xapp.log.2026-11-01.1']
  for (const name of others) writeFileSync(join(dir, name), 'mine')
  const file = open()
  for (let day = 0; day < 4; day += 1) {
    clock.nowMs += DAY_MS
    file.write('x\n')
  }
  t.strictSame(Object.keys(read()), [...others, 'app.log', 'app.log.2026-11-21.1'].toSorted())
})

t.test('a file that cannot be put aside goes on, and that is told', async (t) => {
  const { open, dir, clock, faults, read } = logFileOf(t)
  const file = open()
  file.write('wed\n')
  rmSync(join(dir, 'app.log'))
  clock.nowMs += DAY_MS
  file.write('thu\n')
  t.strictSame(read(), { 'app.log': 'thu' })
  t.equal(faults.length, 1)
  t.match(faults[0], /ENOENT.*rename/)
})

t.test(
  'lines are lost while the disk is full, said once, and go on after it',
  { skip: noFullDisk() },
  async (t) => {
    const { open, dir, faults } = logFileOf(t, { dir: smallDisk(t), maxBytes: 1e9 })
    const file = open()
    file.write('before\n')
    const free = fillDisk(dir)
    const long = `${'x'.repeat(9000)}\n`
    file.write(long)
    file.write(long)
    t.strictSame(faults, ['Error: ENOSPC: no space left on device, write'])
    free()
    file.write('after\n')
    file.write('and on\n')
    const lines = readFileSync(join(dir, 'app.log'), 'utf8').split('\n')
    t.equal(lines[0], 'before')
    t.strictSame(
      lines.slice(-3),
      ['after', 'and on', ''],
      'no line is glued to the rest of another',
    )
    const filled = fillDisk(dir)
    file.write(long)
    t.equal(faults.length, 2, 'told again, as it is another time')
    filled()
  },
)

t.test('a place where no log file can be is seen without writing', async (t) => {
  const dir = newFolder(t)
  mkdirSync(join(dir, 'folder'))
  writeFileSync(join(dir, 'there.log'), '')
  t.equal(logFileFault(join(dir, 'new.log')), null)
  t.equal(logFileFault(join(dir, 'there.log')), null)
  t.equal(logFileFault(join(dir, 'folder')), 'is not a file')
  t.equal(logFileFault('/dev/null'), 'is not a file')
  t.equal(logFileFault(join(dir, 'missing', 'app.log')), 'its folder does not exist')
  t.equal(logFileFault(join(dir, 'there.log', 'app.log')), 'its folder does not exist')
  t.equal(logFileFault(join(dir, 'x'.repeat(300))), 'cannot be looked at (ENAMETOOLONG)')
  t.strictSame(readdirSync(dir).toSorted(), ['folder', 'there.log'])
  t.throws(() => logFileOf(t, { dir: join(dir, 'missing') }).open(), /ENOENT/)
})
