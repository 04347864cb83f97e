import t from 'tap'
import { QuotaWatch } from '../../src/providers/upstream/quota-watch.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { guardOf } from '../helpers/guards.ts'
import { MemoryStore } from '../helpers/memory-store.ts'

/** One minute before an hour ends. */
const NOW = Date.parse('2026-11-18T06:59:00Z')

function watched() {
  const clock = new FakeClock(NOW)
  const store = new MemoryStore()
  const guard = guardOf('here', { store, now: () => clock.now(), limits: { day: 100 } })
  const watch = new QuotaWatch([{ name: 'here', guard }], clock)
  t.teardown(() => watch.loop.stop())
  const seen = () =>
    watch.of('here').map(({ window: { period, limit }, used }) => [period, used, limit])
  return { clock, store, guard, watch, seen }
}

t.test('what is spent is seen within fifteen seconds', async (t) => {
  const { clock, guard, watch, seen } = watched()
  t.strictSame(seen(), [], 'before the first look nothing is known')
  watch.loop.start()
  await clock.asleep(1)
  t.strictSame(seen(), [
    ['hour', 0, null],
    ['day', 0, 100],
    ['month', 0, null],
  ])
  await guard.budget.take()
  await clock.advance(14_999)
  t.strictSame(seen()[1], ['day', 0, 100])
  await clock.advance(1)
  t.strictSame(seen()[1], ['day', 1, 100])
  t.strictSame(watch.of('tomtom'), [], 'of another provider nothing')
})

t.test('while the store is away the last answer stands, until its window ends', async (t) => {
  const { clock, store, guard, watch, seen } = watched()
  await guard.budget.take()
  watch.loop.start()
  await clock.asleep(1)
  store.away = 'it is away'
  await clock.advance(59_999)
  t.equal(seen().length, 3)
  await clock.advance(1)
  t.strictSame(seen(), [
    ['day', 1, 100],
    ['month', 1, null],
  ])
  store.away = null
  await clock.advance(15_000)
  t.strictSame(seen()[0], ['hour', 0, null])
})
