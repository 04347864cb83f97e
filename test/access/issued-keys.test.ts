import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { hashOfKey } from '../../src/access/issued-key.ts'
import { IssuedKeys } from '../../src/access/issued-keys.ts'
import { MOST_KEYS, readKeys } from '../../src/access/kept-keys.ts'
import { expiryFault, type KeyOrder, keyOrder } from '../../src/access/key-order.ts'
import { NoPepper, type Pepper } from '../../src/access/pepper.ts'
import { Connection } from '../../src/storage/connection.ts'
import type { DatabasePlace } from '../../src/storage/database/database.ts'
import { migratedPlace, onBothEngines } from '../helpers/databases.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { fillKeys } from '../helpers/keys.ts'
import { listenedLog } from '../helpers/log.ts'
import { fragile } from '../helpers/outage.ts'

const NOW = Date.parse('2026-11-18T06:00:00Z')
const MINUTE = 60_000
/** How often the keys are read again, ms. */
const ROUND = 5000
const STAND = 'the keys of the database cannot be read: those known stand'
const ORDER: KeyOrder = { name: 'dash board', scope: 'read' }

/** A pepper that can change and can be gone. */
const changing = (value: string | null) => ({
  value,
  async read(): Promise<string> {
    if (this.value === null) throw new NoPepper('the pepper is gone')
    return this.value
  },
  async readOrMake(): Promise<string> {
    this.value ??= 'pepper-made-0123456789-0123456789'
    return this.value
  },
})
/** A pepper for which one has to wait. */
class Slow {
  #until: Promise<unknown> = Promise.resolve()
  #onAsked = (): void => {}

  /** From now on whoever reads it waits for the answer. */
  hold(): { readonly asked: Promise<void>; readonly answer: () => void } {
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>()
    const { promise: until, resolve: answer } = Promise.withResolvers<void>()
    this.#onAsked = onAsked
    this.#until = until
    return { asked, answer }
  }

  async read(): Promise<string> {
    this.#onAsked()
    await this.#until
    return 'pepper-slow-0123456789-0123456789'
  }

  readOrMake(): Promise<string> {
    return this.read()
  }
}

const fixed = (): Pepper => changing('pepper-0123456789-0123456789-0123')

/** The keys of a process, on an open database. Its loop runs until the test ends. */
async function running(
  t: Test,
  place: DatabasePlace,
  { clock = new FakeClock(NOW), pepper = fixed() }: { clock?: FakeClock; pepper?: Pepper } = {},
) {
  const { log, lines, withMessage } = listenedLog()
  const connection = new Connection(place, log)
  const open = () => connection.use(({ write }) => sql`SELECT 1`.execute(write))
  await open()
  const keys = new IssuedKeys({ connection, pepper, clock, log })
  await keys.start()
  await clock.asleep(1)
  t.teardown(async () => {
    await keys.stop()
    await connection.close()
  })
  const create = async (order: Partial<KeyOrder> = {}) => {
    const made = await keys.create({ ...ORDER, ...order })
    if (made === null) throw new Error('there are too many keys')
    return { ...made, id: made.kept.id }
  }
  const kept = () => connection.use(({ read }) => readKeys(read))
  return { keys, connection, clock, open, create, kept, lines, withMessage }
}

await onBothEngines(t, async (t, engine) => {
  t.test('a new key is found by itself only, with what it allows', async (t) => {
    const { keys, create } = await running(t, await migratedPlace(t, engine))
    const { key, id } = await create({ scope: 'write', requestsPerMinute: 7 })
    t.match(key, /^ayalon_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/)
    t.ok(key.startsWith(`ayalon_${id}_`))
    const limits = { perMinute: 7, perHour: null }
    t.strictSame(await keys.find(key), { id, scope: 'write', limits })
    const other = (await create()).key
    const swapped = `${key.slice(0, 24)}${other.slice(24)}`
    for (const wrong of [
      '',
      id,
      `ayalon_${id}_`,
      key.slice(0, -1),
      `${key}A`,
      `${key} `,
      ` ${key}`,
      key.toUpperCase(),
      swapped,
      `ayalon_0123456789abcdef_${key.slice(24)}`,
      '\u0000',
      'ä'.repeat(5000),
    ])
      t.equal(await keys.find(wrong), undefined, JSON.stringify(wrong.slice(0, 80)))
  })

  t.test('nothing is kept of a key but its name and a hash under the pepper', async (t) => {
    const { create, kept } = await running(t, await migratedPlace(t, engine))
    const { key, id } = await create({
      scope: 'admin',
      expiresAt: '2027-11-18T08:00:00+02:00',
      requestsPerHour: 9,
    })
    const [row, ...others] = await kept()
    t.strictSame(others, [])
    t.strictSame(row, {
      id,
      name: ORDER.name,
      scope: 'admin',
      hash: hashOfKey(key, await fixed().read()),
      createdMs: NOW,
      expiresMs: Date.parse('2027-11-18T06:00:00Z'),
      lastUsedMs: null,
      limits: { perMinute: null, perHour: 9 },
    })
    t.not(row?.hash, hashOfKey(key, 'another-pepper-0123456789-0123456'))
  })

  t.test('what one process makes and ends, the others know after a round', async (t) => {
    const place = await migratedPlace(t, engine)
    const [here, there] = [await running(t, place), await running(t, place)]
    const { key, id } = await here.create()
    t.equal((await here.keys.find(key))?.id, id, 'here at once')
    t.equal(await there.keys.find(key), undefined)
    await there.clock.advance(ROUND)
    t.equal((await there.keys.find(key))?.id, id)
    t.equal(await here.keys.revoke(id), true)
    t.equal(await here.keys.find(key), undefined, 'here at once')
    t.equal((await there.keys.find(key))?.id, id)
    await there.clock.advance(ROUND)
    t.equal(await there.keys.find(key), undefined)
    t.equal(await here.keys.revoke(id), false, 'it is not there any more')
    t.equal(await there.keys.revoke('0123456789abcdef'), false)
    t.strictSame(await here.kept(), [])
  })

  t.test('a key is valid until it expires, and stays in the list', async (t) => {
    const { keys, clock, create } = await running(t, await migratedPlace(t, engine))
    const expiresAt = new Date(NOW + 10 * MINUTE).toISOString()
    const { key, id } = await create({ expiresAt })
    clock.set(NOW + 10 * MINUTE - 1)
    t.equal((await keys.find(key))?.id, id)
    clock.set(NOW + 10 * MINUTE)
    t.equal(await keys.find(key), undefined)
    t.strictSame(
      (await keys.list()).map((one) => one.id),
      [id],
    )
  })

  t.test('the last use of a key is written, once a minute at most', async (t) => {
    const place = await migratedPlace(t, engine)
    const { keys, clock, create, kept } = await running(t, place)
    const { key } = await create()
    const unused = await create()
    const written = async () => (await kept()).map(({ lastUsedMs }) => lastUsedMs).toSorted()
    const shown = async () => (await keys.list()).map(({ lastUsedMs }) => lastUsedMs).toSorted()
    const use = async () => t.ok(await keys.find(key))
    await keys.find(`${unused.key.slice(0, -1)}-`)
    t.strictSame(await shown(), [null, null], 'a wrong secret is no use')
    await use()
    t.strictSame(await written(), [null, null])
    t.strictSame(await shown(), [NOW, null], 'it is shown before it is written')
    await clock.advance(ROUND)
    t.strictSame(await written(), [NOW, null])
    await use()
    const again = NOW + ROUND
    for (let ms = ROUND; ms < MINUTE - ROUND; ms += ROUND) {
      await clock.advance(ROUND)
      t.strictSame(await written(), [NOW, null])
    }
    t.strictSame(await shown(), [again, null])
    await clock.advance(ROUND)
    t.strictSame(await written(), [again, null])
    await clock.advance(10 * MINUTE)
    t.strictSame(await written(), [again, null], 'what is not used again is not written again')
    await use()
    await clock.advance(ROUND)
    t.strictSame(await written(), [clock.now() - ROUND, null])
  })

  t.test('of several processes the latest use stands', async (t) => {
    const place = await migratedPlace(t, engine)
    const [here, there] = [await running(t, place), await running(t, place)]
    const { key } = await here.create()
    await there.clock.advance(ROUND)
    await here.keys.find(key)
    await there.clock.advance(MINUTE)
    await there.keys.find(key)
    await there.clock.advance(ROUND)
    await here.clock.advance(ROUND)
    const lastUse = async ({ keys }: typeof here) => (await keys.list())[0]?.lastUsedMs
    t.equal(await lastUse(here), NOW + ROUND + MINUTE)
    t.equal(await lastUse(there), NOW + ROUND + MINUTE)
  })

  t.test('the use of a key that was ended is forgotten', async (t) => {
    const { keys, clock, create, kept, lines } = await running(t, await migratedPlace(t, engine))
    const { key, id } = await create()
    await keys.find(key)
    await keys.revoke(id)
    await clock.advance(ROUND)
    t.strictSame(await kept(), [])
    t.strictSame(
      lines.filter(({ level }) => Number(level) > 30),
      [],
    )
  })

  t.test('while the database is away the keys that are known go on', async (t) => {
    const database = await fragile(t, engine)
    const { place } = database
    const process = await running(t, place)
    const { keys, clock, create, connection, open, withMessage } = process
    const { key, id } = await create()
    await clock.advance(ROUND)
    await database.goAway(connection)
    await t.rejects(open(), { name: 'DatabaseAway' })
    for (let round = 0; round < 3; round += 1) {
      await clock.advance(ROUND)
      t.equal((await keys.find(key))?.id, id)
    }
    const [told, ...more] = withMessage(STAND)
    t.match(told, { level: 40, detail: database.fault })
    t.strictSame(more, [], 'it is said once')
    await t.rejects(keys.list(), { name: 'DatabaseAway', message: database.fault })
    await t.rejects(keys.create(ORDER), { name: 'DatabaseAway' })
    await t.rejects(keys.revoke(id), { name: 'DatabaseAway' })
    t.equal((await keys.find(key))?.id, id, 'what was not ended is not')
    await database.comeBack(connection)
    await open()
    await clock.advance(ROUND)
    t.equal(withMessage('the keys of the database are known again').length, 1)
    t.equal((await keys.list())[0]?.lastUsedMs, NOW + 4 * ROUND, 'the use meanwhile is known')
  })

  t.test('a statement that breaks is logged, and ends nothing', async (t) => {
    const place = await migratedPlace(t, engine)
    const { keys, clock, create, connection, withMessage } = await running(t, place)
    const { key, id } = await create()
    const broken = engine.name === 'sqlite' ? 'abs(-9223372036854775807 - 1)' : '1 / 0'
    await connection.use(async ({ write }) => {
      await sql`ALTER TABLE api_keys RENAME TO moved`.execute(write)
      await sql`CREATE VIEW api_keys AS SELECT *, ${sql.raw(broken)} AS more FROM moved`.execute(
        write,
      )
    })
    await clock.advance(ROUND)
    t.equal(withMessage('reading the keys of the database broke').length, 1)
    t.equal((await keys.find(key))?.id, id)
    await t.rejects(keys.list(), /overflow|division by zero/)
  })

  t.test('no more than a thousand keys are made', async (t) => {
    const { keys, create, connection, kept } = await running(t, await migratedPlace(t, engine))
    await fillKeys(connection, MOST_KEYS - 1)
    const last = await create()
    t.equal(await keys.create(ORDER), null)
    t.equal((await kept()).length, 1000)
    t.equal((await keys.find(last.key))?.id, last.id)
    await keys.revoke(last.id)
    t.ok(await create(), 'one that was ended makes room')
  })

  t.test('what was read before a key was ended does not bring it back', async (t) => {
    const slow = new Slow()
    const { keys, create } = await running(t, await migratedPlace(t, engine), { pepper: slow })
    const { key, id } = await create()
    const kept = await create()
    const held = slow.hold()
    const listed = keys.list()
    // By now the keys were read from the database, and only the pepper is waited for.
    await held.asked
    await keys.revoke(id)
    held.answer()
    t.strictSame(
      (await listed).map((one) => one.id),
      [kept.id],
    )
    t.equal(await keys.find(key), undefined)
    t.equal((await keys.find(kept.key))?.id, kept.id)
  })

  t.test('a key that is ended while the pepper is read does not come back either', async (t) => {
    let meanwhile = async (): Promise<unknown> => null
    const pepper: Pepper = {
      async read() {
        await meanwhile()
        return fixed().read()
      },
      readOrMake: () => fixed().read(),
    }
    const { keys, clock, create } = await running(t, await migratedPlace(t, engine), { pepper })
    const { key, id } = await create()
    await create()
    meanwhile = () => keys.revoke(id)
    await clock.advance(ROUND)
    t.equal(await keys.find(key), undefined)
  })

  t.test('under another pepper no key works, and under the old one again', async (t) => {
    const pepper = changing('pepper-old-0123456789-0123456789')
    const { keys, clock, create } = await running(t, await migratedPlace(t, engine), { pepper })
    const { key, id } = await create()
    pepper.value = 'pepper-new-0123456789-0123456789'
    await clock.advance(ROUND)
    t.equal(await keys.find(key), undefined)
    pepper.value = 'pepper-old-0123456789-0123456789'
    await clock.advance(ROUND)
    t.equal((await keys.find(key))?.id, id)
  })

  t.test(
    'a key that was ended elsewhere ends here too, whatever becomes of the pepper',
    async (t) => {
      const pepper = changing('pepper-0123456789-0123456789-0123')
      const place = await migratedPlace(t, engine)
      const { keys, clock, create } = await running(t, place, { pepper })
      const other = await running(t, place)
      const [ended, stays] = [await create(), await create()]
      pepper.value = null
      await other.keys.revoke(ended.id)
      await clock.advance(ROUND)
      t.equal(await keys.find(ended.key), undefined)
      t.equal((await keys.find(stays.key))?.id, stays.id)
    },
  )

  t.test('in place of a lost pepper no other is made, which would end every key', async (t) => {
    const place = await migratedPlace(t, engine)
    const { create } = await running(t, place)
    const { key, id } = await create()
    const lost: Pepper = {
      read: async () => {
        throw new NoPepper('the pepper is gone')
      },
      readOrMake: async () => 'another-0123456789-0123456789-012',
    }
    const other = await running(t, place, { pepper: lost })
    await t.rejects(other.create(), new NoPepper('the pepper is gone'))
    t.equal(other.keys.fault, 'the pepper is gone')
    const after = await running(t, place)
    t.equal((await after.keys.find(key))?.id, id)
    t.equal(after.keys.fault, null)
  })

  t.test('before the keys were read, none is called wrong', async (t) => {
    const place = await migratedPlace(t, engine)
    const { create } = await running(t, place)
    const { key, id } = await create()
    const { log } = listenedLog()
    const connection = new Connection(place, log)
    t.teardown(() => connection.close())
    const keys = new IssuedKeys({ connection, pepper: fixed(), clock: new FakeClock(NOW), log })
    await t.rejects(keys.find(key), {
      code: 'source_unavailable',
      extras: { retryAfterSeconds: 5 },
    })
    t.equal(await keys.find('none of ours'), undefined)
    await connection.use(({ write }) => sql`SELECT 1`.execute(write))
    await keys.start()
    t.teardown(() => keys.stop())
    t.equal((await keys.find(key))?.id, id)
  })

  t.test('a use just before the end is written', async (t) => {
    const { keys, create, kept } = await running(t, await migratedPlace(t, engine))
    const { key } = await create()
    await keys.find(key)
    await keys.stop()
    t.strictSame(
      (await kept()).map(({ lastUsedMs }) => lastUsedMs),
      [NOW],
    )
  })

  t.test('while the pepper is gone the keys that are known go on, and it is told', async (t) => {
    const pepper = changing(null)
    const options = await running(t, await migratedPlace(t, engine), { pepper })
    const { keys, clock, create, withMessage } = options
    t.strictSame(await keys.list(), [], 'without a key none is needed')
    const { key, id } = await create()
    pepper.value = null
    await clock.advance(ROUND)
    await clock.advance(ROUND)
    t.equal((await keys.find(key))?.id, id)
    t.strictSame(
      withMessage(STAND).map(({ detail }) => detail),
      ['the pepper is gone'],
    )
    await t.rejects(keys.list(), new NoPepper('the pepper is gone'))
  })
})

t.test('an order is checked, and each fault told', async (t) => {
  t.equal(keyOrder.safeParse({ name: 'A b.c_d-9', scope: 'admin' }).success, true)
  t.equal(keyOrder.safeParse({ name: 'n'.repeat(64), scope: 'read' }).success, true)
  const name = 'must be 1 to 64 letters, digits, blanks and ._-'
  const expires = 'must be a time such as 2027-11-21T05:00:00Z'
  for (const [part, message] of [
    [{ name: '' }, name],
    [{ name: 'n'.repeat(65) }, name],
    [{ name: 'a\n' }, name],
    [{ name: 'é' }, name],
    [{ name: 7 }, 'must be a text'],
    [{ scope: 'root' }, 'must be one of read, write, admin'],
    [{ expiresAt: '2027-11-21' }, expires],
    [{ expiresAt: 1 }, expires],
    [{ expiresAt: null }, expires],
    [{ requestsPerMinute: 0 }, 'must be at least 1'],
    [{ requestsPerMinute: 1_000_001 }, 'must be at most 1000000'],
    [{ requestsPerHour: 1.5 }, 'must be a whole number'],
    [{ requestsPerHour: '5' }, 'must be a whole number'],
  ] as const) {
    const { error } = keyOrder.safeParse({ ...ORDER, ...part })
    t.strictSame(
      error?.issues.map((issue) => issue.message),
      [message],
      JSON.stringify(part),
    )
  }
})

t.test('a key expires in the future, within ten years', async (t) => {
  for (const [expiresAt, fault] of [
    [undefined, null],
    ['2026-11-18T06:00:00Z', 'must be in the future'],
    ['2026-11-18T06:00:00.001Z', null],
    ['2026-11-18T07:00:00+02:00', 'must be in the future'],
    ['2036-11-18T06:00:00Z', null],
    ['2036-12-18T06:00:00Z', 'must be at most ten years ahead'],
    ['9999-12-31T23:59:59Z', 'must be at most ten years ahead'],
  ] as const)
    t.equal(expiryFault({ ...ORDER, expiresAt }, NOW), fault, String(expiresAt))
})
