import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { TickQueue } from '../../src/storage/ticks/queue.ts'
import { SUNDAY_MORNING } from '../corridors/fixtures/straight-road.ts'
import { newFolder } from '../helpers/databases.ts'
import { fillDisk, noFullDisk, smallDisk } from '../helpers/small-disk.ts'
import { MINUTE, tickAt } from '../helpers/ticks.ts'

const NOW = SUNDAY_MORNING

function newQueue(t: Test, mostBytes?: number) {
  const dir = join(newFolder(t), 'queue')
  return { dir, queue: new TickQueue(dir, mostBytes) }
}

/** Takes all out, oldest first: when each refresh ended, in minutes. */
async function takeAll(queue: TickQueue): Promise<number[]> {
  const minutes: number[] = []
  for (let name = await queue.oldest(); name !== null; name = await queue.oldest()) {
    minutes.push(((await queue.read(name)).endedAtMs - NOW) / MINUTE)
    await queue.remove(name)
  }
  return minutes
}

t.test('what goes in comes out the same, oldest first, and once', async (t) => {
  const { queue, dir } = newQueue(t)
  t.equal(await queue.oldest(), null, 'there is no folder yet')
  t.equal(queue.length, 0)
  const ticks = [3, 1, 2].map((minutes) =>
    tickAt(NOW + minutes * MINUTE, {
      calls: [{ name: 'a', atMs: NOW, durationMs: 1, outcome: 'ok', body: 'כביש' }],
    }),
  )
  for (const tick of ticks) t.equal(await queue.append(tick), 0)
  t.equal(queue.length, 3)
  const oldest = await queue.oldest()
  t.strictSame(await queue.read(oldest ?? ''), ticks[1])
  t.strictSame(await takeAll(queue), [1, 2, 3])
  t.equal(queue.length, 0)
  t.strictSame(readdirSync(dir), [])
})

t.test('what a version left that told failures more finely is read as today', async (t) => {
  const { queue, dir } = newQueue(t)
  const tick = tickAt(NOW, {
    calls: [{ name: 'a', atMs: NOW, durationMs: 1, outcome: 'ok', body: null }],
  })
  await queue.append(tick)
  const [file = ''] = readdirSync(dir)
  const text = gunzipSync(readFileSync(join(dir, file))).toString()
  for (const [old, outcome] of [
    ['older', 'badAnswer'],
    ['implausible', 'badAnswer'],
    ['wrongRoad', 'noCoverage'],
  ] as const) {
    writeFileSync(
      join(dir, file),
      gzipSync(text.replaceAll('"outcome":"ok"', `"outcome":"${old}"`)),
    )
    const { attempts } = await queue.read((await queue.oldest()) ?? '')
    t.match(attempts, [{ outcome, calls: [{ outcome }] }])
  }
})

t.test('another process finds what was left, and nothing that is not whole', async (t) => {
  const { queue, dir } = newQueue(t)
  for (const minutes of [1, 2]) await queue.append(tickAt(NOW + minutes * MINUTE))
  writeFileSync(join(dir, 'cut-short.json.gz.part'), 'half of')
  writeFileSync(join(dir, 'looked-at.json.gz.rejected'), 'kept')
  const next = new TickQueue(dir)
  t.strictSame(await takeAll(next), [1, 2])
  t.equal(await next.append(tickAt(NOW + 3 * MINUTE)), 0)
  t.strictSame(await takeAll(next), [3])
})

t.test('a queue over its bound lets go of the oldest, but never of the newest', async (t) => {
  const { queue: endless, dir } = newQueue(t)
  await endless.append(tickAt(NOW))
  const [name = ''] = readdirSync(dir)
  const { length: size } = readFileSync(join(dir, name))
  const { queue, dir: bounded } = newQueue(t, Math.round(2.5 * size))
  const dropped: number[] = []
  for (const minutes of [1, 2, 3, 4])
    dropped.push(await queue.append(tickAt(NOW + minutes * MINUTE)))
  t.strictSame(dropped, [0, 0, 1, 1])
  t.equal(queue.length, 2)
  t.equal(readdirSync(bounded).length, 2)
  t.strictSame(await takeAll(queue), [3, 4])
  const { queue: tiny } = newQueue(t, 1)
  t.equal(await tiny.append(tickAt(NOW + MINUTE)), 0)
  t.equal(await tiny.append(tickAt(NOW + 2 * MINUTE)), 1)
  t.strictSame(await takeAll(tiny), [2])
})

t.test('what was left by another process counts for the bound', async (t) => {
  const { queue, dir } = newQueue(t)
  for (const minutes of [1, 2, 3]) await queue.append(tickAt(NOW + minutes * MINUTE))
  const next = new TickQueue(dir, 1)
  t.equal(await next.append(tickAt(NOW + 4 * MINUTE)), 3)
  t.strictSame(await takeAll(next), [4])
})

t.test('a file that is no tick is refused, and can be set aside', async (t) => {
  const { queue, dir } = newQueue(t)
  await queue.append(tickAt(NOW))
  const name = (await queue.oldest()) ?? ''
  const whole = readFileSync(join(dir, name))
  for (const bytes of [whole.subarray(0, whole.length / 2), Buffer.from('garbage'), Buffer.of()]) {
    writeFileSync(join(dir, name), bytes)
    await t.rejects(queue.read(name))
  }
  await queue.reject(name)
  t.equal(await queue.oldest(), null)
  t.equal(queue.length, 0)
  t.strictSame(readdirSync(dir), [`${name}.rejected`])
})

t.test('a file that somebody else took out does not block the others', async (t) => {
  const { queue, dir } = newQueue(t)
  for (const minutes of [1, 2]) await queue.append(tickAt(NOW + minutes * MINUTE))
  const name = (await queue.oldest()) ?? ''
  rmSync(join(dir, name))
  await t.rejects(queue.read(name), { code: 'ENOENT' })
  await t.rejects(queue.reject(name), { code: 'ENOENT' })
  t.strictSame(await takeAll(queue), [2])
})

t.test('a folder that was taken away is made anew', async (t) => {
  const { queue, dir } = newQueue(t)
  await queue.append(tickAt(NOW))
  rmSync(dir, { recursive: true })
  writeFileSync(dir, '')
  await t.rejects(queue.append(tickAt(NOW + MINUTE)), { code: 'EEXIST' })
  rmSync(dir)
  await queue.append(tickAt(NOW + 2 * MINUTE))
  t.equal(readdirSync(dir).length, 1)
})

const full = noFullDisk()
t.test('a full disk is not filled with what is half written', { skip: full }, async (t) => {
  const dir = join(smallDisk(t), 'queue')
  const queue = new TickQueue(dir)
  await queue.append(tickAt(NOW))
  const free = fillDisk(dir)
  for (const minutes of [1, 2, 3])
    await t.rejects(queue.append(tickAt(NOW + minutes * MINUTE)), { code: 'ENOSPC' })
  const unfinished = readdirSync(dir).filter((name) => name.endsWith('.part'))
  t.ok(unfinished.length <= 1, 'at most one is unfinished')
  free()
  await queue.append(tickAt(NOW + 4 * MINUTE))
  t.strictSame(await takeAll(queue), [0, 4])
  t.strictSame(readdirSync(dir), [])
})

t.test('a folder that cannot be looked into is told of', async (t) => {
  const dir = join(newFolder(t), 'queue')
  writeFileSync(dir, '')
  await t.rejects(new TickQueue(dir).oldest(), { code: 'ENOTDIR' })
})
