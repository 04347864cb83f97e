import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Secret } from '../../src/secret.ts'
import { redisFault } from '../../src/storage/shared/redis-faults.ts'
import { RedisStore } from '../../src/storage/shared/redis-store.ts'
import { newFolder } from '../helpers/databases.ts'
import { closedPort } from '../helpers/ports.ts'
import { command, noOwnRedis, PASSWORD, startOwnRedis } from '../helpers/redis.ts'
import { awayOf, FREE, inProcesses, methodsOf, recovered } from '../helpers/shared-stores.ts'
import type { Work } from '../helpers/spender.ts'
import { standIn } from '../helpers/stand-in.ts'

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name)

/** A server of the test's own, and a store on it. */
async function ownRedis(t: Test, settings?: Readonly<Record<string, string>>) {
  const server = await startOwnRedis(settings)
  t.teardown(() => server.stop())
  const store = new RedisStore(Secret.of(server.url))
  t.teardown(() => store.close())
  return { ...server, store }
}

const urlWith = (
  url: string,
  part: 'password' | 'pathname' | 'username',
  value: string,
): string => {
  const changed = new URL(url)
  changed[part] = value
  return changed.href
}

await t.test('redis that fails', { skip: noOwnRedis() }, async (t) => {
  t.test('what is not connected says so, and what connected has no fault', async (t) => {
    const { store } = await ownRedis(t)
    t.equal(store.fault, 'not connected yet')
    for (const method of methodsOf(store)) t.equal(await awayOf(t, method), 'not connected yet')
    await store.close()
    await store.connect()
    t.equal(store.fault, null)
    for (const method of methodsOf(store)) await method()
    await store.close()
    t.equal(await awayOf(t, () => store.read('snapshot')), 'Redis cannot be reached')
    await store.close()
  })

  t.test('one that is killed and started again is used again', async (t) => {
    const { store, own } = await ownRedis(t, { appendonly: 'yes', appendfsync: 'always' })
    await store.connect()
    await store.countCall('here', FREE)
    await own.kill()
    for (const method of methodsOf(store))
      t.equal(await awayOf(t, method), 'Redis cannot be reached')
    t.equal(store.fault, 'Redis cannot be reached')
    await own.start()
    const { granted } = await recovered(() => store.countCall('here', FREE))
    t.ok(granted)
    t.equal(store.fault, null)
    t.strictSame(await store.callsIn('here', FREE), [2, 2, 2], 'what was counted is kept')
    await own.kill()
    await own.start()
    t.strictSame(await recovered(() => store.callsIn('here', FREE)), [2, 2, 2], 'and once more')
  })

  t.test('one that is not there at the start is used when it is', async (t) => {
    const { store, own } = await ownRedis(t)
    await own.kill()
    await store.connect()
    t.equal(store.fault, 'Redis cannot be reached')
    t.equal(await awayOf(t, () => store.read('snapshot')), 'Redis cannot be reached')
    await own.start()
    t.equal(await recovered(() => store.read('snapshot')), null)
    t.equal(store.fault, null)
  })

  t.test('one that hangs holds nobody up, and goes on when it goes on', async (t) => {
    const { store, own } = await ownRedis(t)
    await store.connect()
    own.hang()
    t.equal(await awayOf(t, () => store.countCall('here', FREE)), 'Redis does not answer in time')
    t.equal(await awayOf(t, () => store.read('snapshot')), 'Redis does not answer in time')
    // By now the connection may be given up and another one tried, which hangs too.
    await sleep(2500)
    t.equal(await awayOf(t, () => store.read('snapshot')), 'Redis does not answer in time')
    own.goOn()
    const { granted } = await recovered(() => store.countCall('here', FREE))
    t.ok(granted)
    t.equal(store.fault, null)
  })

  t.test('one that hangs at the start holds nobody up', async (t) => {
    const { store, own } = await ownRedis(t)
    own.hang()
    await store.connect()
    t.equal(store.fault, 'Redis does not answer in time')
    own.goOn()
    t.equal(await recovered(() => store.read('snapshot')), null)
  })

  t.test('a count whose connection breaks is not sent again', async (t) => {
    const { store, own } = await ownRedis(t)
    await store.connect()
    own.hang()
    const lost = awayOf(t, () => store.countCall('here', FREE))
    await own.kill()
    t.equal(await lost, 'Redis cannot be reached')
    await own.start()
    t.strictSame(await recovered(() => store.callsIn('here', FREE)), [0, 0, 0])
  })

  t.test('a password that is refused is told, and read anew', async (t) => {
    const { url } = await ownRedis(t)
    const file = join(newFolder(t), 'redis-url')
    const wrong = urlWith(url, 'password', 'canary-of-a-wrong-password')
    writeFileSync(file, wrong)
    const store = new RedisStore(Secret.fromFile(file, wrong))
    t.teardown(() => store.close())
    await store.connect()
    const refused = 'Redis refuses the user or the password'
    t.equal(store.fault, refused)
    for (const method of methodsOf(store)) t.equal(await awayOf(t, method), refused)
    writeFileSync(file, 'canary of a file that is not written to its end')
    t.equal(await awayOf(t, () => store.read('snapshot')), refused)
    await sleep(300)
    writeFileSync(file, url)
    t.equal(await recovered(() => store.read('snapshot')), null)
    t.equal(store.fault, null)
  })

  t.test('no password and an unknown user are refused too', async (t) => {
    const { url } = await ownRedis(t)
    for (const other of [urlWith(url, 'password', ''), urlWith(url, 'username', 'nobody')]) {
      const store = new RedisStore(Secret.of(other))
      await store.connect()
      t.equal(store.fault, 'Redis refuses the user or the password')
      await store.close()
    }
  })

  t.test('no process that fails prints the password', async (t) => {
    const { url, own } = await ownRedis(t)
    const { baseUrl } = await standIn(t, { body: '{}' })
    const work: Work = { do: 'spend', url: baseUrl.href, mostCalls: 1, attempts: 1 }
    const wrong = urlWith(url, 'password', 'canary-of-a-wrong-password')
    await own.kill()
    const away = await inProcesses(t, ['redis', url], [work])
    await own.start()
    for (const { code, output } of [...away, ...(await inProcesses(t, ['redis', wrong], [work]))]) {
      t.not(code, 0)
      t.match(output, /cannot be counted: Redis (cannot be reached|refuses the user)/)
      t.notMatch(output, 'canary')
      t.notMatch(output, PASSWORD)
    }
  })

  t.test('a user of its own with the rights that are needed is enough', async (t) => {
    const { url } = await ownRedis(t)
    const rights = ['~ayalon:*', '+@read', '+@write', '+@scripting', '+@connection']
    await command(url, 'ACL', 'SETUSER', 'ayalon', 'on', '>canary-p@ss', ...rights)
    const own = urlWith(urlWith(url, 'username', 'ayalon'), 'password', 'canary-p%40ss')
    const store = new RedisStore(Secret.of(own))
    t.teardown(() => store.close())
    await store.connect()
    t.equal(store.fault, null)
    for (const method of methodsOf(store)) await method()
    await command(url, 'ACL', 'SETUSER', 'ayalon', '-@write')
    t.equal(
      await awayOf(t, () => store.countCall('here', FREE)),
      'the Redis user lacks a permission',
    )
    t.strictSame(await store.callsIn('here', FREE), [1, 1, 1])
  })

  t.test('one without memory, and one that takes no writes', async (t) => {
    const { url, store } = await ownRedis(t)
    await store.connect()
    await command(url, 'CONFIG', 'SET', 'maxmemory', '1')
    t.equal(await awayOf(t, () => store.countCall('here', FREE)), 'Redis is out of memory')
    await command(url, 'CONFIG', 'SET', 'maxmemory', '0')
    t.strictSame(await store.countCall('here', FREE), { granted: true, used: [1, 1, 1] })
    await command(url, 'REPLICAOF', '127.0.0.1', String(await closedPort()))
    t.equal(await awayOf(t, () => store.countCall('here', FREE)), 'Redis takes no writes')
    await command(url, 'REPLICAOF', 'NO', 'ONE')
    const { granted } = await recovered(() => store.countCall('here', FREE))
    t.ok(granted)
    t.strictSame(await store.callsIn('here', FREE), [2, 2, 2])
  })

  t.test('a database that Redis has not is not taken for another', async (t) => {
    const { url } = await ownRedis(t)
    const store = new RedisStore(Secret.of(urlWith(url, 'pathname', '/99')))
    t.teardown(() => store.close())
    await store.connect()
    const fault = 'Redis has no database of this number'
    t.equal(store.fault, fault)
    for (let attempt = 0; attempt < 20; attempt += 1) {
      t.equal(await awayOf(t, () => store.countCall('here', FREE)), fault)
      await sleep(20)
    }
    t.strictSame(await command(url, 'KEYS', '*'), [])
  })

  t.test('rediss:// looks at the certificate', async (t) => {
    const port = await closedPort()
    const { url } = await ownRedis(t, {
      'tls-port': String(port),
      'tls-cert-file': fixture('localhost.crt'),
      'tls-key-file': fixture('localhost.key'),
      'tls-auth-clients': 'no',
    })
    const encrypted = (host: string, at: number | string): string =>
      `rediss://:${PASSWORD}@${host}:${at}`
    for (const [other, fault] of [
      [encrypted('localhost', port), 'the certificate of Redis is not trusted'],
      // It waits for the end of what it takes for a command.
      [encrypted('127.0.0.1', new URL(url).port), 'Redis does not answer in time'],
      [`redis://:${PASSWORD}@127.0.0.1:${port}`, 'Redis cannot be reached'],
    ] as const) {
      const store = new RedisStore(Secret.of(other))
      await store.connect()
      t.equal(store.fault, fault)
      await store.close()
    }
    const { baseUrl } = await standIn(t, { body: '{}' })
    const work: Work = { do: 'spend', url: baseUrl.href, mostCalls: 6, attempts: 3 }
    const trusting = { NODE_EXTRA_CA_CERTS: fixture('localhost.crt') }
    for (const host of ['localhost', '127.0.0.1']) {
      const place = ['redis', encrypted(host, port)] as const
      t.match(await inProcesses(t, place, [work], trusting), [{ code: 0, printed: '3' }], host)
    }
  })

  t.test('a URL that is wrong keeps nothing from starting', async (t) => {
    const store = new RedisStore(Secret.of('redis://:canary@'))
    await store.connect()
    t.equal(await awayOf(t, () => store.read('snapshot')), 'not connected yet')
  })
})

t.test('what Redis says is told in our own words', async (t) => {
  const reply = (message: string): Error =>
    Object.assign(new Error(message), { name: 'ReplyError' })
  const code = (code: string): Error => Object.assign(new Error('canary'), { code })
  for (const [error, fault] of [
    [reply('NOAUTH Authentication required.'), 'Redis refuses the user or the password'],
    [reply('WRONGPASS invalid username-password pair'), 'Redis refuses the user or the password'],
    [
      reply("NOPERM User canary has no permissions to run 'eval'"),
      'the Redis user lacks a permission',
    ],
    [
      reply("ERR The user executing the script can't run this"),
      'the Redis user lacks a permission',
    ],
    [reply("READONLY You can't write against a read only replica."), 'Redis takes no writes'],
    [reply('ERR Error running script: -READONLY You can not write'), 'Redis takes no writes'],
    [reply('MISCONF Redis is configured to save RDB snapshots'), 'Redis takes no writes'],
    [reply('NOREPLICAS Not enough good replicas to write.'), 'Redis takes no writes'],
    [reply('MASTERDOWN Link with MASTER is down'), 'Redis takes no writes'],
    [reply("OOM command not allowed when used memory > 'maxmemory'."), 'Redis is out of memory'],
    [reply('LOADING Redis is loading the dataset in memory'), 'Redis is still loading its data'],
    [reply('BUSY Redis is busy running a script.'), 'Redis is busy with a script'],
    [reply('MOVED 3999 127.0.0.1:6381'), 'Redis is a cluster, which cannot be used'],
    [reply('CROSSSLOT Keys in request'), 'Redis is a cluster, which cannot be used'],
    [reply('CLUSTERDOWN Hash slot not served'), 'Redis is a cluster, which cannot be used'],
    [reply('ERR max number of clients reached'), 'Redis has too many clients'],
    [reply('ERR DB index is out of range'), 'Redis has no database of this number'],
    [reply("ERR unknown command 'canary'"), 'Redis refuses a command'],
    [new Error('Command timed out'), 'Redis does not answer in time'],
    [new Error('Socket timeout. Expecting data'), 'Redis does not answer in time'],
    [code('ETIMEDOUT'), 'Redis does not answer in time'],
    [code('ENOTFOUND'), 'the name of the Redis server cannot be looked up'],
    [code('EAI_AGAIN'), 'the name of the Redis server cannot be looked up'],
    [code('DEPTH_ZERO_SELF_SIGNED_CERT'), 'the certificate of Redis is not trusted'],
    [code('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'the certificate of Redis is not trusted'],
    [code('ERR_SSL_WRONG_VERSION_NUMBER'), 'no encrypted connection to Redis can be made'],
    [code('ECONNREFUSED'), null],
    [new Error('Connection is closed.'), null],
    [null, null],
  ] as const)
    t.equal(redisFault(error), fault)
})
