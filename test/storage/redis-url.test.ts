import t from 'tap'
import { parseRedisUrl, redisUrlFault } from '../../src/storage/shared/redis-url.ts'

t.test('a URL of Redis is taken apart, each part decoded', async (t) => {
  t.strictSame(parseRedisUrl('rediss://us%40er:p%40ss%2Fw%25@redis.example:6380/3'), {
    host: 'redis.example',
    port: 6380,
    username: 'us@er',
    password: 'p@ss/w%',
    db: 3,
    tls: { servername: 'redis.example' },
  })
  t.strictSame(parseRedisUrl('redis://localhost'), {
    host: 'localhost',
    port: 6379,
    username: '',
    password: '',
    db: 0,
    tls: undefined,
  })
  t.match(parseRedisUrl('rediss://:word@[::1]/'), { host: '::1', db: 0, tls: {}, password: 'word' })
  t.strictSame(parseRedisUrl('rediss://127.0.0.1').tls, {}, 'an address is no name')
})

t.test('what is wrong with a URL of Redis is told without any of it', async (t) => {
  const shape = 'must be redis://user:password@host:port/number, or rediss:// for TLS'
  const number = 'must name the database by its number'
  for (const [url, fault] of [
    ['', shape],
    ['canary', shape],
    ['http://user:canary@h', shape],
    ['postgres://user:canary@h/d', shape],
    ['redis://user:canary@', shape],
    ['redis://user:canary@h:port', shape],
    ['redis://user:canary@h:66000', shape],
    // A password that nobody encoded.
    ['redis://user:can#ary@h', shape],
    ['redis:///1', 'must name a host'],
    ['redis:canary', 'must name a host'],
    ['redis://user:canary@h/canary', number],
    ['redis://user:canary@h/1/2', number],
    ['redis://user:canary@h/-1', number],
    ['redis://user:canary@h/123456', number],
    ['redis://user:canary@h/1?canary=1', 'takes no parameters'],
    ['redis://user:canary@h/1#canary', 'takes no parameters'],
    ['redis://user:canary%zz@h', 'must have special characters percent-encoded'],
    ['redis://canary%zz:word@h', 'must have special characters percent-encoded'],
  ] as const)
    t.equal(redisUrlFault(url), fault, url)
  for (const url of ['redis://h', 'rediss://user:word@h:1/15'])
    t.equal(redisUrlFault(url), null, url)
})
