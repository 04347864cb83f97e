import t from 'tap'
import { RequestCounts } from '../../src/access/request-counts.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

const WINDOW_MS = 60_000

function counting(mostKept?: number) {
  const clock = new FakeClock(1_000_000)
  return { clock, counts: new RequestCounts(() => clock.now(), WINDOW_MS, mostKept) }
}

t.test('a window begins with the first request, and counts until it ends', async (t) => {
  const { clock, counts } = counting()
  t.strictSame(counts.peek('a'), { current: 0, ttl: 0 })
  t.strictSame(counts.add('a'), { current: 1, ttl: 60_000 })
  clock.move(59_999)
  t.strictSame(counts.add('a'), { current: 2, ttl: 1 }, 'a request does not make it longer')
  t.strictSame(counts.peek('a'), { current: 2, ttl: 1 }, 'looking counts nothing')
  clock.move(1)
  t.strictSame(counts.peek('a'), { current: 0, ttl: 0 })
  t.strictSame(counts.add('a'), { current: 1, ttl: 60_000 }, 'the next one is whole')
})

t.test('each is counted alone', async (t) => {
  const { clock, counts } = counting()
  counts.add('a')
  clock.move(10_000)
  t.strictSame(counts.add('b'), { current: 1, ttl: 60_000 })
  t.strictSame(counts.add('a'), { current: 2, ttl: 50_000 })
})

t.test('what another place counted stands', async (t) => {
  const { clock, counts } = counting()
  counts.add('a')
  t.strictSame(counts.learn('a', { current: 40, ttl: 5000 }), { current: 40, ttl: 5000 })
  t.strictSame(counts.add('a'), { current: 41, ttl: 5000 })
  clock.move(5000)
  t.strictSame(counts.add('a'), { current: 1, ttl: 60_000 })
})

t.test('a clock that is set back makes no window longer than any may be', async (t) => {
  const { clock, counts } = counting()
  counts.add('a')
  clock.move(1000)
  clock.set(clock.now() - 3_600_000)
  t.strictSame(counts.peek('a'), { current: 0, ttl: 0 })
  t.strictSame(counts.add('a'), { current: 1, ttl: 60_000 })
})

t.test('no more are remembered than may be: the oldest windows make way', async (t) => {
  const { clock, counts } = counting(3)
  for (const who of ['a', 'b', 'c']) {
    counts.add(who)
    clock.move(1000)
  }
  counts.add('a')
  counts.add('d')
  t.strictSame(
    ['a', 'b', 'c', 'd'].map((who) => counts.peek(who).current),
    [0, 1, 1, 1],
  )
  for (let number = 0; number < 1000; number += 1) counts.add(`flood-${number}`)
  t.equal(counts.size, 3)
})

t.test('a window that ended is not remembered', async (t) => {
  const { clock, counts } = counting()
  for (const who of ['a', 'b', 'c']) counts.add(who)
  clock.move(30_000)
  counts.add('d')
  t.equal(counts.size, 4)
  clock.move(30_000)
  counts.add('e')
  t.equal(counts.size, 2)
})

t.test('who begins a new window is the last to make way', async (t) => {
  const { clock, counts } = counting(2)
  counts.add('a')
  clock.move(30_000)
  counts.add('b')
  clock.move(30_000)
  counts.add('a')
  counts.add('c')
  t.equal(counts.peek('a').current, 1)
  t.equal(counts.peek('b').current, 0)
})

t.test('whoever asks is not the one that makes way, even where one alone is kept', async (t) => {
  const { counts } = counting(1)
  counts.add('a')
  t.equal(counts.add('b').current, 1)
  t.equal(counts.add('b').current, 2)
  t.equal(counts.peek('a').current, 0)
})

t.test('windows that ended make way before those that go on', async (t) => {
  const { clock, counts } = counting(2)
  counts.add('old')
  clock.move(59_000)
  counts.add('young')
  clock.move(1000)
  counts.add('new')
  t.equal(counts.peek('young').current, 1)
  t.equal(counts.add('old').current, 1, 'its new window is the youngest')
  t.equal(counts.peek('young').current, 0)
})
