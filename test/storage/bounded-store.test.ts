import t from 'tap'
import { boundedStore } from '../../src/storage/shared/bounded-store.ts'
import { StoreAway, unlessAway } from '../../src/storage/shared/shared-store.ts'
import { listenedLog } from '../helpers/log.ts'
import { MemoryStore } from '../helpers/memory-store.ts'
import { FREE, MINUTE, methodsOf, NOW } from '../helpers/shared-stores.ts'
import { rejectionOf, waitsOf } from '../providers/fixtures/calls.ts'

const TIME_MS = 5000

/** A store of which every method does the same. */
const storeThat = (work: () => Promise<never>): MemoryStore =>
  Object.assign(new MemoryStore(), {
    holdLease: work,
    releaseLease: work,
    claimRound: work,
    lastRound: work,
    countCall: work,
    callsIn: work,
    publish: work,
    read: work,
  })

t.test('what the store answers is passed on, with all that it was asked', async (t) => {
  const { log, lines } = listenedLog()
  const store = boundedStore(new MemoryStore(), log, TIME_MS)
  t.equal(store.kind, 'database')
  t.equal(await store.holdLease('a', NOW, MINUTE), true)
  t.equal(await store.holdLease('b', NOW, MINUTE), false)
  t.equal(await store.claimRound('a', 'here', NOW, MINUTE), true)
  t.equal(await store.lastRound('here'), NOW)
  t.strictSame(await store.countCall('here', FREE), { granted: true, used: [1, 1, 1] })
  t.strictSame(await store.callsIn('here', FREE), [1, 1, 1])
  await store.publish('a', 'snapshot', 'a text')
  t.equal(await store.read('snapshot'), 'a text')
  await store.releaseLease('a')
  t.equal(await store.holdLease('b', NOW, MINUTE), true)
  t.strictSame(lines, [])
})

t.test('a store that hangs is away when the time is over', async (t) => {
  const { log, lines } = listenedLog()
  const waits = waitsOf(t)
  const store = boundedStore(
    storeThat(() => new Promise(() => {})),
    log,
    TIME_MS,
  )
  for (const ask of methodsOf(store)) {
    const error = await rejectionOf(ask())
    t.type(error, StoreAway)
    t.match(error, { message: 'the database does not answer within 5000 ms' })
  }
  t.strictSame([...new Set(waits)], [TIME_MS])
  t.strictSame(lines, [], 'whoever asked tells of it')
})

t.test('what comes when the time is over changes nothing', async (t) => {
  const { log, lines } = listenedLog()
  waitsOf(t)
  const late = Promise.withResolvers<never>()
  const store = boundedStore(
    storeThat(() => late.promise),
    log,
    TIME_MS,
  )
  t.type(await rejectionOf(store.read('snapshot')), StoreAway)
  late.reject(new Error('broken at last'))
  await new Promise(setImmediate)
  t.strictSame(lines, [])
})

t.test('no timer is left behind by an answer or a failure', async (t) => {
  const { log } = listenedLog()
  const ended: unknown[] = []
  const timer = { unref() {} }
  t.intercept(globalThis, 'setTimeout', { value: () => timer })
  t.intercept(globalThis, 'clearTimeout', { value: (one: unknown) => ended.push(one) })
  await boundedStore(new MemoryStore(), log, TIME_MS).read('snapshot')
  const broken = storeThat(() => Promise.reject(new Error('broken')))
  await rejectionOf(boundedStore(broken, log, TIME_MS).read('snapshot'))
  t.strictSame(ended, [timer, timer])
})

t.test('a fault that nobody foresaw is logged, and the store is away', async (t) => {
  const { log, lines } = listenedLog()
  const store = boundedStore(
    storeThat(() => Promise.reject(new TypeError('a bug'))),
    log,
    TIME_MS,
  )
  const asks = methodsOf(store)
  for (const ask of asks) {
    const error = await rejectionOf(ask())
    t.type(error, StoreAway)
    t.match(error, { message: 'the database fails; the log says why' })
  }
  t.equal(lines.length, asks.length)
  t.match(lines[0], { level: 50, msg: 'the shared store broke', err: { message: 'a bug' } })
})

t.test('a store that says itself that it is away says why', async (t) => {
  const { log, lines } = listenedLog()
  const inner = new MemoryStore()
  inner.away = 'the database file cannot be opened'
  for (const ask of methodsOf(boundedStore(inner, log, TIME_MS)))
    t.match(await rejectionOf(ask()), { name: 'StoreAway', message: inner.away })
  t.strictSame(lines, [])
})

t.test('closing closes the store, and waits for it', async (t) => {
  const { log } = listenedLog()
  const closed = Promise.withResolvers<void>()
  let isClosed = false
  const inner = Object.assign(new MemoryStore(), {
    async close() {
      await closed.promise
      isClosed = true
    },
  })
  const closing = boundedStore(inner, log, TIME_MS).close()
  closed.resolve()
  await closing
  t.ok(isClosed)
})

t.test('what a store says is null while it is away, and a fault is still one', async (t) => {
  t.equal(await unlessAway(Promise.resolve('a text')), 'a text')
  t.equal(await unlessAway(Promise.resolve(null)), null)
  t.equal(await unlessAway(Promise.reject(new StoreAway('gone'))), null)
  const bug = new TypeError('a bug')
  t.equal(await rejectionOf(unlessAway(Promise.reject(bug))), bug)
})
