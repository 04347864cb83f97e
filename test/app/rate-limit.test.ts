import type { LightMyRequestResponse as Answer, InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { buildApp } from '../helpers/build-app.ts'
import { type Door, keyOf, keysOf, openDoor } from './fixtures/door.ts'

const READ = { method: 'GET', url: '/read' } as const
const problem = z.object({ code: z.string(), detail: z.string(), retryAfterSeconds: z.number() })

/** Asks so many times, and answers with the last. */
async function ask(
  { server }: Pick<Door, 'server'>,
  times: number,
  request: InjectOptions,
): Promise<Answer> {
  for (let number = 1; number < times; number += 1) await server.inject(request)
  return server.inject(request)
}

const from = (remoteAddress: string, request: InjectOptions = READ): InjectOptions => ({
  ...request,
  remoteAddress,
})
const by = (key: string, request: InjectOptions = READ): InjectOptions => ({
  ...request,
  headers: { ...request.headers, 'x-api-key': key },
})

const whole = (header: unknown) => (header === undefined ? undefined : Number(header))

const told = ({ headers }: Answer) => ({
  policy: headers['ratelimit-policy'],
  standing: headers.ratelimit,
  limit: whole(headers['x-ratelimit-limit']),
  remaining: whole(headers['x-ratelimit-remaining']),
  reset: whole(headers['x-ratelimit-reset']),
})

t.test('as it is delivered, a client has 100 requests a minute', async (t) => {
  const door = await openDoor(t)
  const last = await ask(door, 100, READ)
  t.equal(last.statusCode, 200)
  door.clock.move(18_000)
  const refused = await ask(door, 1, READ)
  t.equal(refused.statusCode, 429)
  t.match(refused.headers['content-type'], /^application\/problem\+json/)
  t.equal(refused.headers['retry-after'], '42')
  t.match(refused.json(), {
    type: 'urn:problem-type:ayalon:rate-limited',
    status: 429,
    code: 'rate_limited',
    detail: '100 requests are allowed in 60 s.',
    retryAfterSeconds: 42,
  })
  door.clock.move(41_999)
  t.match((await ask(door, 1, READ)).json(), { retryAfterSeconds: 1 })
  door.clock.move(1)
  t.equal((await ask(door, 100, READ)).statusCode, 200, 'the next window is whole')
  t.equal((await ask(door, 1, READ)).statusCode, 429)
})

t.test('as it is delivered, a client has 1,000 requests an hour', async (t) => {
  const door = await openDoor(t)
  for (let minute = 0; minute < 10; minute += 1) {
    t.equal((await ask(door, 100, READ)).statusCode, 200)
    door.clock.move(60_000)
  }
  const refused = await ask(door, 1, READ)
  t.equal(refused.statusCode, 429)
  t.match(refused.json(), { detail: '1000 requests are allowed in 3600 s.' })
  t.equal(problem.parse(refused.json()).retryAfterSeconds, 3000, 'fifty minutes of the hour')
  t.equal(told(refused).limit, 1000, 'the older headers tell of the limit that holds up')
  t.equal(told(refused).reset, 3000)
  door.clock.move(3_000_000 - 1)
  t.equal((await ask(door, 1, READ)).statusCode, 429)
  door.clock.move(1)
  t.equal((await ask(door, 1, READ)).statusCode, 200)
})

t.test('of two limits that are reached, the one that holds up longest is told', async (t) => {
  const door = await openDoor(t, { limits: { perMinute: 2, perHour: 2 } })
  const last = await ask(door, 2, READ)
  t.equal(told(last).reset, 3600, 'of two that are equally near, the longer one')
  const refused = await ask(door, 1, READ)
  t.match(refused.json(), {
    detail: '2 requests are allowed in 3600 s.',
    retryAfterSeconds: 3600,
  })
  t.equal(refused.headers['retry-after'], '3600')
})

t.test('writes and impact have limits of their own beside those of the client', async (t) => {
  const door = await openDoor(t, { sources: [keysOf({ writer: keyOf('w', 'write') })] })
  for (const [url, most] of [
    ['/write', 20],
    ['/impact', 30],
  ] as const) {
    const request = by('writer', { method: 'POST', url })
    t.equal((await ask(door, most, request)).statusCode, 200, url)
    const refused = await ask(door, 1, request)
    t.equal(refused.statusCode, 429, url)
    t.match(refused.json(), {
      detail: `${most} requests are allowed in 60 s.`,
      retryAfterSeconds: 60,
    })
  }
  t.equal((await ask(door, 1, by('writer'))).statusCode, 200, 'reads go on')
})

t.test('headers say how the client stands, in the syntax of the draft', async (t) => {
  const door = await openDoor(t)
  t.strictSame(told(await ask(door, 1, READ)), {
    policy: '"minute";q=100;w=60, "hour";q=1000;w=3600',
    standing: '"minute";r=99;t=60, "hour";r=999;t=3600',
    limit: 100,
    remaining: 99,
    reset: 60,
  })
  door.clock.move(17_500)
  t.strictSame(told(await ask(door, 1, { method: 'POST', url: '/impact' })), {
    policy: '"minute";q=100;w=60, "impact";q=30;w=60, "hour";q=1000;w=3600',
    standing: '"minute";r=98;t=43, "impact";r=29;t=60, "hour";r=998;t=3583',
    limit: 30,
    remaining: 29,
    reset: 60,
  })
})

t.test('every limited answer has them, whatever it is; a refused one says 0', async (t) => {
  const door = await openDoor(t, {
    sources: [keysOf({ reader: keyOf('reader') })],
    limits: { perMinute: 8 },
  })
  let left = 8
  for (const [status, request] of [
    [200, READ],
    [200, { method: 'HEAD', url: '/read' }],
    [200, { method: 'GET', url: '/open' }],
    [400, { method: 'GET', url: '/read?key=x' }],
    [401, { method: 'GET', url: '/admin' }],
    [401, by('wrong')],
    [404, { method: 'GET', url: '/nowhere' }],
    [405, { method: 'DELETE', url: '/read' }],
    [429, READ],
    [429, { method: 'GET', url: '/nowhere' }],
  ] as const) {
    left = Math.max(0, left - 1)
    const answer = await door.server.inject(request)
    const { standing, ...rest } = told(answer)
    t.equal(answer.statusCode, status, `${status} ${request.url}`)
    t.match(String(standing), new RegExp(`^"minute";r=${left};t=60, "hour";`), String(status))
    t.match(rest, { policy: /^"minute";q=8;w=60, /, limit: 8, remaining: left, reset: 60 })
  }
  t.match(told(await ask(door, 1, by('reader', { url: '/admin' }))), { remaining: 7 }, '403')
})

t.test('what the minute refuses does not use up the hour', async (t) => {
  const door = await openDoor(t, { limits: { perMinute: 2, perHour: 4 } })
  t.equal((await ask(door, 9, READ)).statusCode, 429)
  door.clock.move(60_000)
  const answer = await ask(door, 1, READ)
  t.equal(answer.statusCode, 200)
  t.equal(told(answer).standing, '"minute";r=1;t=60, "hour";r=1;t=3540')
})

t.test('a route that changes something is limited as such without saying so', async (t) => {
  const door = await openDoor(t, {
    sources: [keysOf({ right: keyOf('one', 'admin') })],
    limits: { writesPerMinute: 1 },
  })
  const statusOf = async (method: 'POST' | 'GET', url: string) =>
    (await ask(door, 1, by('right', { method, url }))).statusCode
  t.equal(await statusOf('POST', '/write'), 200)
  t.equal(await statusOf('POST', '/write'), 429)
  t.equal(await statusOf('GET', '/admin'), 200, 'looking changes nothing')
})

t.test('what is no valid body is limited like the rest', async (t) => {
  const { server } = await buildApp(t, { config: { RATE_LIMIT_IMPACT_PER_MINUTE: 2 } })
  const post = (type: string, payload: string) =>
    server.inject({ method: 'POST', url: '/v1/impact', headers: { 'content-type': type }, payload })
  const answers = [
    await post('text/plain', 'x'),
    await post('application/json', '{'),
    await post('application/json', '{}'),
  ]
  t.strictSame(
    answers.map(({ statusCode, headers }) => [statusCode, headers.ratelimit]),
    [
      [415, '"minute";r=99999;t=60, "impact";r=1;t=60, "hour";r=99999;t=3600'],
      [400, '"minute";r=99998;t=60, "impact";r=0;t=60, "hour";r=99998;t=3600'],
      [429, '"minute";r=99997;t=60, "impact";r=0;t=60, "hour";r=99998;t=3600'],
    ],
  )
})

t.test('probes are never limited, and have none of the headers', async (t) => {
  const door = await openDoor(t, { limits: { perMinute: 1 } })
  await ask(door, 3, READ)
  const probe = await ask(door, 5, { method: 'GET', url: '/probe' })
  t.equal(probe.statusCode, 200)
  for (const value of Object.values(told(probe))) t.equal(value, undefined)
  const wrong = await ask(door, 1, by('wrong', { method: 'GET', url: '/probe' }))
  t.equal(wrong.statusCode, 200)
})

t.test('the service’s own probes are never limited', async (t) => {
  const { server } = await buildApp(t, {
    config: { RATE_LIMIT_PER_MINUTE: 1, RATE_LIMIT_PER_HOUR: 1 },
  })
  await server.inject('/v1/traffic')
  t.equal((await server.inject('/v1/traffic')).statusCode, 429)
  for (const url of ['/health', '/health/live', '/health/ready'])
    for (const method of ['GET', 'HEAD'] as const) {
      const answer = await server.inject({ method, url })
      t.equal(answer.statusCode, 200, `${method} ${url}`)
      t.equal(answer.headers.ratelimit, undefined)
      t.equal(answer.headers['x-ratelimit-limit'], undefined)
    }
})

t.test('with a key the key counts, else the address', async (t) => {
  const door = await openDoor(t, {
    sources: [keysOf({ one: keyOf('a'), other: keyOf('b') })],
    limits: { perMinute: 3 },
  })
  t.equal((await ask(door, 3, by('one'))).statusCode, 200)
  t.equal((await ask(door, 1, by('one'))).statusCode, 429)
  t.equal((await ask(door, 1, from('192.0.2.9', by('one')))).statusCode, 429, 'at any address')
  t.equal((await ask(door, 3, by('other'))).statusCode, 200, 'another key at the same address')
  t.equal((await ask(door, 3, READ)).statusCode, 200, 'nobody in particular at the same address')
  t.equal((await ask(door, 1, READ)).statusCode, 429)
  t.equal((await ask(door, 3, from('192.0.2.9'))).statusCode, 200, 'another address')
})

t.test('a key cannot take the place of an address, nor of another kind of count', async (t) => {
  const door = await openDoor(t, {
    sources: [keysOf({ one: keyOf('127.0.0.1'), two: keyOf('address:127.0.0.1') })],
    limits: { perMinute: 2 },
  })
  for (const request of [READ, by('one'), by('two')]) {
    t.equal((await ask(door, 2, request)).statusCode, 200)
    t.equal((await ask(door, 1, request)).statusCode, 429)
  }
})

t.test('a client of IPv6 is a network of /64, and of IPv4 always the same', async (t) => {
  const door = await openDoor(t, { limits: { perMinute: 2 } })
  const status = async (address: string) => (await ask(door, 1, from(address))).statusCode
  t.equal(await status('2001:db8:1:2::1'), 200)
  t.equal(await status('2001:db8:1:2:ffff:ffff:ffff:ffff'), 200)
  t.equal(await status('2001:DB8:1:2:0:0:0:9'), 429, 'however it is written')
  t.equal(await status('2001:db8:1:3::1'), 200, 'the next network')
  t.equal(await status('192.0.2.1'), 200)
  t.equal(await status('::ffff:192.0.2.1'), 200, 'IPv4 on a socket for both')
  t.equal(await status('::ffff:c000:201'), 429)
  t.equal(await status('::ffff:192.0.2.2'), 200, 'not all of IPv4 is one network')
  t.equal(await status('fe80::1%eth0'), 200, 'an address of one link')
})

/** Statuses of a request by way of each of these X-Forwarded-For headers. */
async function byWayOf(
  t: Test,
  TRUST_PROXY: number | string[] | undefined,
  peer: string,
  chains: readonly string[],
): Promise<number[]> {
  const door = await openDoor(t, { server: { TRUST_PROXY }, limits: { perMinute: 1 } })
  const answers: number[] = []
  for (const chain of chains) {
    const headers = { 'x-forwarded-for': chain, forwarded: `for=${chain}`, 'x-real-ip': chain }
    answers.push((await ask(door, 1, from(peer, { ...READ, headers }))).statusCode)
  }
  return answers
}

t.test('a forged header buys nothing', async (t) => {
  const proxy = '10.1.2.3'
  const some = ['192.0.2.1', '192.0.2.2', '192.0.2.1, 192.0.2.3']
  t.strictSame(await byWayOf(t, undefined, proxy, some), [200, 429, 429], 'nobody is trusted')
  t.strictSame(await byWayOf(t, ['10.0.0.0/8'], '203.0.113.9', some), [200, 429, 429])
  // What the trusted proxy adds stands last; what the client says of itself stands before.
  const forged = ['192.0.2.1', '198.51.100.1, 192.0.2.1', '10.9.9.9, 192.0.2.1', '192.0.2.2']
  t.strictSame(await byWayOf(t, 1, proxy, forged), [200, 429, 429, 200])
  t.strictSame(await byWayOf(t, ['10.0.0.0/8'], proxy, forged), [200, 429, 429, 200])
  t.strictSame(await byWayOf(t, ['fd00::/8', '10.1.2.3'], proxy, forged), [200, 429, 429, 200])
  const two = ['192.0.2.1, 10.0.0.2', '198.51.100.1, 192.0.2.1, 10.0.0.3', '192.0.2.2, 10.0.0.2']
  t.strictSame(await byWayOf(t, 2, proxy, two), [200, 429, 200])
  t.strictSame(await byWayOf(t, ['10.0.0.0/8'], proxy, two), [200, 429, 200])
  t.strictSame(await byWayOf(t, ['10.0.0.0/8'], '::ffff:10.1.2.3', forged), [200, 429, 429, 200])
  t.strictSame(
    await byWayOf(t, ['10.0.0.0/8'], proxy, ['a:1', 'b:2', 'x'.repeat(9000)]),
    [200, 429, 429],
  )
})

t.test('an address with a port, as some proxies write it, is that address', async (t) => {
  const door = await openDoor(t, { server: { TRUST_PROXY: 1 } })
  const left = async (forwarded: string) => {
    const answer = await ask(door, 1, { ...READ, headers: { 'x-forwarded-for': forwarded } })
    return Number(answer.headers['x-ratelimit-remaining'])
  }
  for (const [at, address] of ['192.0.2.1', '192.0.2.1:80', '192.0.2.1:65535'].entries())
    t.equal(await left(address), 99 - at, address)
  for (const [at, address] of ['2001:db8::1', '[2001:db8::2]:80', '[2001:db8::3]'].entries())
    t.equal(await left(address), 99 - at, address)
})

t.test('what is no address shares one count', async (t) => {
  const door = await openDoor(t, { limits: { perMinute: 2 } })
  for (const [address, status] of [
    ['a-host:4711', 200],
    ['unknown', 200],
    ['some-host:4712', 429],
  ] as const)
    t.equal((await ask(door, 1, from(address))).statusCode, status, address)
})

t.test('a key with limits of its own has those, also where it has but one', async (t) => {
  const door = await openDoor(t, {
    sources: [
      keysOf({
        few: keyOf('few', 'write', { perMinute: 2 }),
        many: keyOf('many', 'read', { perMinute: 200, perHour: 300 }),
        hourly: keyOf('hourly', 'read', { perHour: 3 }),
      }),
    ],
  })
  const few = await ask(door, 2, by('few'))
  t.equal(few.statusCode, 200)
  t.equal(told(few).policy, '"minute";q=2;w=60, "hour";q=1000;w=3600')
  t.equal((await ask(door, 1, by('few'))).statusCode, 429)
  const many = await ask(door, 200, by('many'))
  t.equal(many.statusCode, 200)
  t.equal(told(many).standing, '"minute";r=0;t=60, "hour";r=100;t=3600')
  t.equal((await ask(door, 1, by('many'))).statusCode, 429)
  const hourly = await ask(door, 3, by('hourly'))
  t.equal(hourly.statusCode, 200)
  t.equal(told(hourly).policy, '"minute";q=100;w=60, "hour";q=3;w=3600')
  t.match((await ask(door, 1, by('hourly'))).json(), { retryAfterSeconds: 3600 })
})

t.test('a service that was begun with awaited plugins limits every route', async (t) => {
  const { server } = await buildApp(t, { config: { RATE_LIMIT_PER_MINUTE: 1 } })
  const urls = ['/v1/traffic', '/v1/traffic/ayalon', '/v1/upstream', '/nowhere', '/v1/impact']
  await server.inject('/v1/traffic')
  for (const url of urls) t.equal((await server.inject(url)).statusCode, 429, url)
})

t.test('of paths that nobody answers a client has no more than of others', async (t) => {
  const door = await openDoor(t, { sources: [keysOf({ one: keyOf('a') })] })
  t.equal((await ask(door, 100, { url: '/nowhere' })).statusCode, 404)
  t.equal((await ask(door, 1, { url: '/elsewhere' })).statusCode, 429)
  t.equal((await ask(door, 1, by('one', { url: '/nowhere' }))).statusCode, 429, 'with a key too')
  t.equal((await ask(door, 1, by('one'))).statusCode, 200, 'whose own count is untouched')
})

t.test('after too many wrong keys no key of the address is looked at', async (t) => {
  const looked: string[] = []
  const known = keysOf({ right: keyOf('a', 'admin') })
  const source = {
    canBeGuessed: true,
    find: (secret: string) => {
      looked.push(secret)
      return known.find(secret)
    },
  }
  const door = await openDoor(t, { sources: [source], wrongKeysPerMinute: 3 })
  const admin = (key: string) => by(key, { url: '/admin' })
  for (const key of ['w1', 'w2', 'w3']) {
    t.equal((await ask(door, 1, admin('right'))).statusCode, 200, 'a right one until then')
    t.equal((await ask(door, 1, admin(key))).statusCode, 401)
  }
  door.clock.move(20_000)
  const before = looked.length
  for (const request of [admin('right'), admin('w4'), by('right'), by('w4')]) {
    const refused = await ask(door, 1, request)
    t.equal(refused.statusCode, 429)
    t.equal(refused.headers['retry-after'], '40')
    t.match(refused.json(), {
      code: 'rate_limited',
      detail: 'Too many wrong keys were tried from this address.',
      retryAfterSeconds: 40,
    })
    t.match(told(refused).policy, /"minute";q=100/)
  }
  t.equal(looked.length, before)
  t.equal((await ask(door, 1, READ)).statusCode, 200, 'who shows none goes on')
  t.equal((await ask(door, 1, by('w5', { url: '/open' }))).statusCode, 200)
  const elsewhere = await ask(door, 1, from('192.0.2.1', admin('right')))
  t.equal(elsewhere.statusCode, 200, 'another address is not concerned')
  door.clock.move(39_999)
  t.equal((await ask(door, 1, admin('right'))).statusCode, 429)
  door.clock.move(1)
  t.equal((await ask(door, 1, admin('right'))).statusCode, 200)
})

t.test('a stranger who guesses locks nobody out whose key cannot be guessed', async (t) => {
  const door = await openDoor(t, {
    sources: [
      keysOf({ chosen: keyOf('one', 'admin') }),
      keysOf({ random: keyOf('two', 'admin') }, false),
    ],
    wrongKeysPerMinute: 2,
  })
  const statusOf = async (key: string) =>
    (await ask(door, 1, by(key, { url: '/admin' }))).statusCode
  for (const key of ['w1', 'w2']) t.equal(await statusOf(key), 401)
  t.equal(await statusOf('chosen'), 429)
  t.equal(await statusOf('w3'), 429)
  t.equal(await statusOf('random'), 200)
})

t.test('guesses that come all at once are no more than those in turn', async (t) => {
  // As a database would: every key is looked for at the same time, and found wrong in turn.
  let answered: Promise<unknown> = Promise.resolve()
  const known = keysOf({ right: keyOf('a') })
  const source = {
    canBeGuessed: true,
    find: async (secret: string) => {
      answered = answered.then(() => new Promise(setImmediate))
      await answered
      return known.find(secret)
    },
  }
  const door = await openDoor(t, { sources: [source], wrongKeysPerMinute: 3 })
  const keys = ['w1', 'right', 'w2', 'w3', 'w4', 'right', 'w5']
  const answers = await Promise.all(keys.map((key) => door.server.inject(by(key))))
  t.strictSame(
    answers.map(({ statusCode }) => statusCode),
    [401, 200, 401, 401, 429, 429, 429],
    'beyond the limit a right one is answered like a wrong one',
  )
})

t.test('a wrong key does not count where no key is looked at', async (t) => {
  const door = await openDoor(t, { wrongKeysPerMinute: 1 })
  for (const url of ['/open', '/nowhere', '/probe'])
    await ask(door, 3, by('wrong', { method: 'GET', url }))
  t.equal((await ask(door, 1, by('wrong'))).statusCode, 401)
  t.equal((await ask(door, 1, by('wrong'))).statusCode, 429)
})

t.test('which limit refused is known to what counts the answers', async (t) => {
  const exceeded: unknown[] = []
  const door = await openDoor(t, {
    sources: [keysOf({ few: keyOf('few', 'write', { perHour: 1 }) })],
    limits: { perMinute: 3, writesPerMinute: 0, impactPerMinute: 0 },
    wrongKeysPerMinute: 1,
    onAnswer: (reply) => exceeded.push(reply.exceeded),
  })
  const post = (url: string): InjectOptions => ({ method: 'POST', url })
  await ask(door, 1, READ)
  await ask(door, 1, by('few', post('/write')))
  await ask(door, 1, post('/impact'))
  await ask(door, 2, by('few'))
  await ask(door, 2, by('wrong', from('192.0.2.1')))
  await ask(door, 2, READ)
  t.strictSame(exceeded, [
    null,
    'writes',
    'impact',
    null,
    'hour',
    null,
    'wrongKeys',
    null,
    'minute',
  ])
})
