import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { Connection } from '../../src/storage/connection.ts'
import { type DatabasePlace, openDatabase } from '../../src/storage/database/database.ts'
import { DatabaseStore } from '../../src/storage/shared/database-store.ts'
import type { QuotaWindow, SharedStore } from '../../src/storage/shared/shared-store.ts'
import { migratedPlace, newFolder, onBothEngines } from '../helpers/databases.ts'
import { listenedLog } from '../helpers/log.ts'
import { fragile } from '../helpers/outage.ts'
import { command, newRedis, noRedis, startRedis } from '../helpers/redis.ts'
import {
  awayOf,
  DAY,
  FREE,
  HOUR,
  HOUR_START,
  inProcesses,
  LONG,
  MINUTE,
  MONTH_END,
  MONTH_START,
  methodsOf,
  NOW,
  recovered,
  type StorePlace,
  storeAt,
  windowsOf,
} from '../helpers/shared-stores.ts'
import type { Work } from '../helpers/spender.ts'
import { standIn } from '../helpers/stand-in.ts'

/** A kind of store, on which the same tests are run. */
interface Kind {
  readonly name: StorePlace[0]
  /** A place where nothing is shared yet. */
  newPlace(t: Test): Promise<StorePlace>
  /** Lets the lease end two hours from now, as one that was taken by a wrong clock does. */
  spoilLease(place: StorePlace, store: SharedStore, owner: string): Promise<unknown>
}

async function open(t: Test, place: StorePlace): Promise<SharedStore> {
  const { store, close } = await storeAt(place)
  t.teardown(close)
  return store
}

const until = async (done: () => Promise<boolean>): Promise<void> => {
  while (!(await done())) await sleep(20)
}

function behaves(t: Test, kind: Kind): void {
  const opened = async (t: Test): Promise<SharedStore> => open(t, await kind.newPlace(t))

  t.test('one process at a time has the lease', async (t) => {
    const store = await opened(t)
    t.equal(store.kind, kind.name === 'redis' ? 'redis' : 'database')
    t.ok(await store.holdLease('a', NOW, LONG), 'taken')
    t.notOk(await store.holdLease('b', NOW, LONG), 'refused')
    t.ok(await store.holdLease('a', NOW + MINUTE, LONG), 'kept')
    await store.releaseLease('b')
    t.notOk(await store.holdLease('b', NOW, LONG), 'one who has it not cannot give it back')
    await store.releaseLease('a')
    t.ok(await store.holdLease('b', NOW, LONG), 'taken over')
    t.notOk(await store.holdLease('a', NOW, LONG))
  })

  t.test('a lease that is not kept runs out', async (t) => {
    const store = await opened(t)
    t.ok(await store.holdLease('a', Date.now(), 1))
    await until(() => store.holdLease('b', Date.now(), LONG))
    t.notOk(await store.holdLease('a', Date.now(), LONG))
    t.notOk(await store.claimRound('a', 'here', Date.now(), MINUTE))
    t.ok(await store.holdLease('b', Date.now(), 1), 'kept for a shorter time')
    await until(() => store.holdLease('a', Date.now(), LONG))
  })

  t.test('a lease that was taken by a wrong clock does not count', async (t) => {
    const place = await kind.newPlace(t)
    const store = await open(t, place)
    t.ok(await store.holdLease('a', NOW, LONG))
    await kind.spoilLease(place, store, 'a')
    t.ok(await store.holdLease('b', NOW, LONG))
    t.notOk(await store.holdLease('a', NOW, LONG))
  })

  t.test('rounds of asking keep their distance', async (t) => {
    const store = await opened(t)
    const claim = (roundMs: number, owner = 'a') =>
      store.claimRound(owner, 'here', roundMs, 5 * MINUTE)
    t.equal(await store.lastRound('here'), null)
    t.notOk(await claim(NOW), 'nobody has the lease')
    t.equal(await store.lastRound('here'), null)
    await store.holdLease('a', NOW, LONG)
    t.notOk(await claim(NOW, 'b'), 'another has the lease')
    t.ok(await claim(NOW))
    t.equal(await store.lastRound('here'), NOW)
    t.ok(await claim(NOW), 'the same one again')
    t.notOk(await claim(NOW + 5 * MINUTE - 1), 'too early')
    t.notOk(await claim(NOW - MINUTE), 'before the last one')
    t.ok(await claim(NOW + 5 * MINUTE))
    t.equal(await store.lastRound('here'), NOW + 5 * MINUTE)
    t.equal(await store.lastRound('tomtom'), null)
    t.ok(await store.claimRound('a', 'tomtom', NOW, 5 * MINUTE), 'each provider has its own')
    await store.releaseLease('a')
    t.notOk(await claim(NOW + 10 * MINUTE), 'the lease was given back')
    t.equal(await store.lastRound('here'), NOW + 5 * MINUTE)
  })

  t.test('a round that was claimed by a wrong clock does not count', async (t) => {
    const store = await opened(t)
    const claim = async (roundMs: number): Promise<boolean> => {
      await store.holdLease('a', roundMs, LONG)
      return store.claimRound('a', 'here', roundMs, 5 * MINUTE)
    }
    t.ok(await claim(NOW + 5 * MINUTE))
    t.notOk(await claim(NOW), 'five minutes ahead may be right')
    t.ok(await claim(NOW + 10 * MINUTE + 1))
    t.ok(await claim(NOW + 5 * MINUTE))
    t.ok(await claim(NOW - 1))
    t.ok(await claim(NOW - 6 * MINUTE))
    t.ok(await claim(NOW))
    t.equal(await store.lastRound('here'), NOW)
  })

  t.test('calls are counted until a window is spent, then in none', async (t) => {
    const store = await opened(t)
    const windows = windowsOf({ hour: 2, day: 3, month: 100 })
    const [hour, day, month] = windows
    t.strictSame(await store.countCall('here', windows), { granted: true, used: [1, 1, 1] })
    t.strictSame(await store.countCall('here', windows), { granted: true, used: [2, 2, 2] })
    t.strictSame(await store.countCall('here', windows), { granted: false, spent: hour })
    t.strictSame(await store.callsIn('here', windows), [2, 2, 2])
    t.strictSame(await store.countCall('here', windowsOf({ hour: 9, day: 2 })), {
      granted: false,
      spent: { ...day, limit: 2 },
    })
    const spent = windowsOf({ month: 2 })
    t.strictSame(await store.countCall('here', spent), { granted: false, spent: spent[2] })
    t.strictSame(await store.callsIn('here', windows), [2, 2, 2], 'hour and day are untouched')
    t.strictSame(await store.countCall('here', FREE), { granted: true, used: [3, 3, 3] })
    t.strictSame(await store.countCall('here', windows.slice(2)), { granted: true, used: [4] })
    t.strictSame(await store.callsIn('here', [...windows.slice(2), ...FREE.slice(0, 1)]), [4, 3])
    t.strictSame(await store.callsIn('tomtom', windows), [0, 0, 0])
    t.strictSame(await store.countCall('tomtom', windows), { granted: true, used: [1, 1, 1] })
    t.match(month, { limit: 100 })
  })

  t.test('a new window begins with no calls', async (t) => {
    const store = await opened(t)
    const windows = windowsOf({ hour: 1, day: 2 })
    await store.countCall('here', windows)
    const next = windows.map((window) =>
      window.period === 'hour'
        ? { ...window, fromMs: window.toMs, toMs: window.toMs + HOUR }
        : window,
    )
    t.strictSame(await store.callsIn('here', next), [0, 1, 1])
    t.strictSame(await store.countCall('here', next), { granted: true, used: [1, 2, 2] })
    t.strictSame(await store.callsIn('here', windows), [1, 2, 2])
  })

  t.test('without windows a call is always granted', async (t) => {
    const store = await opened(t)
    t.strictSame(await store.countCall('here', []), { granted: true, used: [] })
    t.strictSame(await store.callsIn('here', []), [])
  })

  t.test('only the owner of the lease can publish', async (t) => {
    const store = await opened(t)
    t.equal(await store.read('snapshot'), null)
    await store.publish('a', 'snapshot', 'nobody has the lease')
    t.equal(await store.read('snapshot'), null)
    await store.holdLease('a', NOW, LONG)
    await store.publish('b', 'snapshot', 'another has the lease')
    t.equal(await store.read('snapshot'), null)
    const value = JSON.stringify({ שלום: '😀 \\ "\'\n'.repeat(20_000) })
    await store.publish('a', 'snapshot', 'first')
    await store.publish('a', 'snapshot', value)
    await store.publish('a', 'other', '')
    t.equal(await store.read('snapshot'), value)
    t.equal(await store.read('other'), '')
    await store.releaseLease('a')
    await store.holdLease('b', NOW, LONG)
    await store.publish('a', 'snapshot', 'an old collector that woke up')
    t.equal(await store.read('snapshot'), value)
  })

  t.test('what one process shares another one sees', async (t) => {
    const place = await kind.newPlace(t)
    const one = await open(t, place)
    const other = await open(t, place)
    await one.holdLease('a', NOW, LONG)
    await one.claimRound('a', 'here', NOW, MINUTE)
    await one.countCall('here', FREE)
    await one.publish('a', 'snapshot', '{}')
    t.notOk(await other.holdLease('b', NOW, LONG))
    t.equal(await other.lastRound('here'), NOW)
    t.strictSame(await other.callsIn('here', FREE), [1, 1, 1])
    t.equal(await other.read('snapshot'), '{}')
  })

  t.test('ten processes together make exactly the calls that the budget has', async (t) => {
    const place = await kind.newPlace(t)
    const provider = await standIn(t, { body: '{}' })
    const url = provider.baseUrl.href
    const work: Work = { do: 'spend', url, mostCalls: 100, attempts: 100 }
    const ended = await inProcesses(t, place, Array<Work>(10).fill(work))
    for (const { code, output } of ended) t.equal(code, 0, output)
    const answered = ended.map(({ printed }) => Number(printed))
    t.equal(
      answered.reduce((sum, calls) => sum + calls),
      100,
      `of 1,000 attempts, by process: ${answered.join(', ')}`,
    )
    t.equal(provider.requests.length, 100, 'as the provider saw it')
    const store = await open(t, place)
    t.strictSame(await store.callsIn('here', windowsOf({ month: 100 })), [100, 100, 100])
  })

  t.test('processes that fight for the lease never have it both', async (t) => {
    const place = await kind.newPlace(t)
    const file = join(newFolder(t), 'leader')
    const works = ['a', 'b'].map((owner): Work => ({ do: 'lead', owner, turns: 40, file }))
    for (const { code, printed, output } of await inProcesses(t, place, works)) {
      t.equal(code, 0, output)
      t.equal(printed, '0', 'times that the other one had it too')
    }
  })
}

await onBothEngines(t, async (t, engine) => {
  const newPlace = async (t: Test): Promise<StorePlace> => {
    const place = await migratedPlace(t, engine)
    return [engine.name, 'url' in place ? await place.url.reveal() : place.dataDir]
  }
  behaves(t, {
    name: engine.name,
    newPlace,
    spoilLease: (_place, store, owner) => store.holdLease(owner, NOW + 2 * HOUR, LONG),
  })

  const connected = (t: Test, place: DatabasePlace) => {
    const connection = new Connection(place, listenedLog().log)
    t.teardown(() => connection.close())
    return { connection, store: new DatabaseStore(connection) }
  }

  t.test('a lease that ends within the hour counts, whatever clock it was taken by', async (t) => {
    const store = await open(t, await newPlace(t))
    t.ok(await store.holdLease('a', NOW + LONG, LONG))
    t.notOk(await store.holdLease('b', NOW, LONG))
    t.ok(await store.holdLease('b', NOW - 1, LONG))
  })

  t.test('while the database is away its store is, until it is back', async (t) => {
    const database = await fragile(t, engine)
    const { connection, store } = connected(t, database.place)
    await store.countCall('here', FREE)
    await database.goAway(connection)
    for (const method of methodsOf(store)) t.match(await awayOf(t, method), database.fault)
    await database.comeBack(connection)
    t.strictSame(await recovered(() => store.countCall('here', FREE)), {
      granted: true,
      used: [2, 2, 2],
    })
    for (const method of methodsOf(store)) await method()
    await store.close()
    t.equal(connection.fault, null, 'the connection is not the store’s to close')
    t.strictSame(await store.callsIn('here', FREE), [3, 3, 3])
  })

  t.test('a mistake says nothing of the store', async (t) => {
    const { store } = connected(t, await migratedPlace(t, engine))
    const [hour] = FREE
    if (hour === undefined) throw new Error('there is an hour')
    await t.rejects(
      store.countCall('here', [
        {
          ...hour,
          get fromMs(): number {
            throw new TypeError('a mistake')
          },
        },
      ]),
      { name: 'TypeError', message: 'a mistake' },
    )
  })

  t.test('windows that ended long ago are let go of', async (t) => {
    const place = await migratedPlace(t, engine)
    const { store } = connected(t, place)
    const ago = (days: number): readonly QuotaWindow[] =>
      FREE.map((window) => ({
        ...window,
        fromMs: window.fromMs - days * DAY,
        toMs: window.toMs - days * DAY,
      }))
    const kept = async (): Promise<number> => {
      const database = await openDatabase(place, () => {})
      const rows = await database.write.selectFrom('quota_calls').selectAll().execute()
      await database.close()
      return rows.length
    }
    for (const days of [432, 399, 30]) await store.countCall('here', ago(days))
    await store.countCall('tomtom', ago(432))
    t.equal(await kept(), 12)
    await store.countCall('here', FREE)
    t.equal(await kept(), 12, 'three new ones, three old ones less')
    t.strictSame(await store.callsIn('here', ago(432)), [0, 0, 0])
    t.strictSame(await store.callsIn('here', ago(399)), [1, 1, 1])
    t.strictSame(await store.callsIn('tomtom', ago(432)), [1, 1, 1], 'another’s are its own')
  })

  const { server } = engine
  if (server === null) return

  t.test('a schema that is behind is said of the store', async (t) => {
    const { store } = connected(t, await engine.newPlace(t))
    t.equal(
      await awayOf(t, () => store.read('snapshot')),
      'the schema of the database is behind: run npm run migrate -- up',
    )
  })

  t.test('a count that another holds up for too long is said of the store', async (t) => {
    const place = await migratedPlace(t, engine)
    const { store } = connected(t, { ...place, queryTimeoutMs: 500 })
    await store.countCall('here', FREE)
    const rival = await openDatabase(place, () => {})
    await rival.write.transaction().execute(async (transaction) => {
      await sql`UPDATE quota_calls SET calls = calls`.execute(transaction)
      t.match(await awayOf(t, () => store.countCall('here', FREE)), /^the database/)
    })
    await rival.close()
    t.strictSame(await recovered(() => store.countCall('here', FREE)), {
      granted: true,
      used: [2, 2, 2],
    })
  })

  const { restart } = server
  if (restart === null) return
  t.test('a server that is killed and started again is used again', async (t) => {
    const store = await open(t, await newPlace(t))
    let counted = 0
    const count = async (): Promise<void> => {
      await store.countCall('here', FREE)
      counted += 1
    }
    await count()
    await restart.kill()
    // The server's own process for this connection may not know yet that the server is gone.
    const fault = await awayOf(t, async () => {
      for (;;) await count()
    })
    t.match(fault, /^the (connection|database)/)
    await restart.start()
    await recovered(count)
    // The one that broke off may have been counted too.
    for (const calls of await store.callsIn('here', FREE))
      t.ok(calls === counted || calls === counted + 1, 'what was counted is kept')
  })
})

await t.test('redis', { skip: noRedis() }, async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const newPlace = async (t: Test): Promise<StorePlace> => ['redis', await newRedis(t, server)]
  behaves(t, {
    name: 'redis',
    newPlace,
    spoilLease: ([, url]) => command(url, 'PEXPIRE', 'ayalon:lease', String(2 * HOUR)),
  })

  t.test('a lease that never ends does not count', async (t) => {
    const place = await newPlace(t)
    const store = await open(t, place)
    await store.holdLease('a', NOW, LONG)
    await command(place[1], 'PERSIST', 'ayalon:lease')
    t.ok(await store.holdLease('b', NOW, LONG))
  })

  t.test('nothing that grows is kept for ever', async (t) => {
    const place = await newPlace(t)
    const store = await open(t, place)
    for (const method of methodsOf(store)) await method()
    await store.holdLease('a', NOW, LONG)
    await store.publish('a', 'snapshot', '{}')
    const hour = `ayalon:calls:here:hour:${HOUR_START}`
    const month = `ayalon:calls:here:month:${MONTH_START}`
    for (const [key, most] of [
      [hour, HOUR + DAY],
      [month, MONTH_END - MONTH_START + DAY],
      ['ayalon:value:snapshot', 7 * DAY],
      ['ayalon:lease', LONG],
    ] as const) {
      const left = Number(await command(place[1], 'PTTL', key))
      t.ok(left > 0.9 * most && left <= most, key)
    }
  })
})
