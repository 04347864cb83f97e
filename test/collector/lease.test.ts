import t from 'tap'
import { Lease } from '../../src/storage/shared/lease.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { listenedLog } from '../helpers/log.ts'
import { MemoryStore } from '../helpers/memory-store.ts'
import { rejectionOf } from '../providers/fixtures/calls.ts'

const NOW = Date.parse('2026-11-18T06:00:00Z')
const EVERY = 5000

/** A store that counts how often it is asked for the lease. */
class CountingStore extends MemoryStore {
  asked = 0
  override holdLease(...args: Parameters<MemoryStore['holdLease']>): Promise<boolean> {
    this.asked += 1
    return super.holdLease(...args)
  }
}

/** Processes of these names on one store and one clock. */
function ready<T extends string>(...owners: readonly T[]) {
  const store = new CountingStore()
  const clock = new FakeClock(NOW)
  const { log, lines } = listenedLog()
  const leases = owners.map((owner) => new Lease({ store, clock, log, owner, intervalMs: EVERY }))
  return { store, clock, leases, lines }
}

const first = ({ leases: [lease] }: ReturnType<typeof ready>): Lease => {
  if (lease === undefined) throw new Error('there is no process')
  return lease
}

t.test('before it asks nobody knows', async (t) => {
  const lease = first(ready('a'))
  t.equal(lease.right, 'unknown')
  t.equal(lease.owner, 'a')
  t.equal(lease.intervalMs, EVERY)
})

t.test('one of two holds it, and the other knows that it is elsewhere', async (t) => {
  const { leases } = ready('a', 'b')
  const rights = await Promise.all(leases.map((lease) => lease.confirm()))
  t.strictSame(rights, ['held', 'elsewhere'])
  t.strictSame(
    leases.map(({ right }) => right),
    rights,
  )
})

t.test('it is asked for no more often than once an interval', async (t) => {
  const one = ready('a')
  const { store, clock } = one
  const lease = first(one)
  for (const ms of [0, 1, EVERY - 2]) {
    clock.move(ms)
    t.equal(await lease.confirm(), 'held')
  }
  t.equal(store.asked, 1)
  clock.move(1)
  await lease.confirm()
  t.equal(store.asked, 2)
})

t.test('it is renewed once an interval, however long a round takes', async (t) => {
  const one = ready('a', 'b')
  const { store, clock, leases } = one
  const lease = first(one)
  t.teardown(() => lease.loop.stop())
  lease.loop.start()
  await clock.asleep(1)
  for (let past = 0; past < 10; past += 1) {
    await clock.advance(EVERY)
    t.equal(await leases[1]?.confirm(), 'elsewhere')
  }
  t.equal(store.asked, 11 + 10)
  t.equal(lease.right, 'held')
  t.equal(await lease.confirm(), 'held')
  t.equal(store.asked, 21, 'what the loop asked need not be asked again')
})

t.test('when its holder dies another takes it over after two intervals', async (t) => {
  const { clock, leases } = ready('a', 'b')
  const [dying, other] = leases
  await dying?.confirm()
  for (const expected of ['elsewhere', 'elsewhere', 'held']) {
    t.equal(await other?.confirm(), expected)
    clock.move(EVERY)
  }
  t.equal(await dying?.confirm(), 'elsewhere', 'who comes back finds out')
})

t.test('one that is given back is taken at the next look', async (t) => {
  const { clock, leases } = ready('a', 'b')
  const [giving, other] = leases
  await giving?.confirm()
  t.equal(await other?.confirm(), 'elsewhere')
  await other?.release()
  clock.move(EVERY)
  t.equal(await giving?.confirm(), 'held', 'nobody gives back what is not his')
  await giving?.release()
  t.equal(await other?.confirm(), 'held')
})

t.test('while the store is away nobody knows, and it is not asked more often', async (t) => {
  const one = ready('a')
  const { store, clock } = one
  const lease = first(one)
  store.away = 'gone'
  t.equal(await lease.confirm(), 'unknown')
  t.equal(await lease.confirm(), 'unknown')
  t.equal(store.asked, 1)
  store.away = null
  clock.move(EVERY)
  t.equal(await lease.confirm(), 'held')
  store.away = 'gone again'
  clock.move(EVERY - 1)
  t.equal(lease.right, 'held', 'what it knew holds for an interval')
  clock.move(1)
  t.equal(await lease.confirm(), 'unknown')
})

t.test('it is told when the right changes, and why nobody knows, not at every look', async (t) => {
  const one = ready('a')
  const { store, clock, lines } = one
  const lease = first(one)
  for (const away of [null, null, 'gone', 'gone', null]) {
    store.away = away
    await lease.confirm()
    clock.move(EVERY)
  }
  await store.releaseLease('a')
  await store.holdLease('b', clock.now(), EVERY * 2)
  await lease.confirm()
  t.strictSame(
    lines.map(({ right, detail }) => [right, detail]),
    [
      ['held', undefined],
      ['unknown', 'gone'],
      ['held', undefined],
      ['elsewhere', undefined],
    ],
  )
})

t.test('a lease that cannot be given back ends by itself', async (t) => {
  const one = ready('a')
  const lease = first(one)
  await lease.confirm()
  one.store.away = 'gone'
  await lease.release()
  one.store.away = null
  t.equal(await one.store.holdLease('b', one.clock.now() + 2 * EVERY - 1, 1), false)
  t.equal(await one.store.holdLease('b', one.clock.now() + 2 * EVERY, 1), true)
})

t.test('when the clock was set back it asks again', async (t) => {
  const one = ready('a')
  const lease = first(one)
  await lease.confirm()
  one.clock.move(-1)
  await lease.confirm()
  t.equal(one.store.asked, 2)
  await lease.confirm()
  t.equal(one.store.asked, 2)
})

t.test('a fault of the store that nobody foresaw is not hidden', async (t) => {
  const bug = new TypeError('a bug')
  class Broken extends MemoryStore {
    isSound = true
    override async holdLease(owner: string, nowMs: number, ttlMs: number): Promise<boolean> {
      if (this.isSound) return super.holdLease(owner, nowMs, ttlMs)
      throw bug
    }
    override async releaseLease(): Promise<never> {
      throw bug
    }
  }
  const { log } = listenedLog()
  const options = { clock: new FakeClock(NOW), log, owner: 'a', intervalMs: EVERY }
  const store = new Broken()
  const lease = new Lease({ ...options, store })
  await lease.release()
  t.equal(lease.right, 'unknown', 'what it does not have it need not give back')
  t.equal(await lease.confirm(), 'held')
  t.equal(await rejectionOf(lease.release()), bug)
  store.isSound = false
  options.clock.move(EVERY)
  t.equal(await rejectionOf(lease.confirm()), bug)
})
