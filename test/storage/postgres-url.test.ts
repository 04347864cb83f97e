import t from 'tap'
import { parsePostgresUrl, postgresUrlFault } from '../../src/storage/database/postgres-url.ts'

t.test('a URL is taken apart, each part decoded', async (t) => {
  t.strictSame(parsePostgresUrl('postgres://user:p%40ss%2Fw%25@db.example:6543/my%20data'), {
    host: 'db.example',
    port: 6543,
    user: 'user',
    password: 'p@ss/w%',
    database: 'my data',
    tls: 'disable',
  })
})

t.test('what a URL leaves out has its default', async (t) => {
  t.strictSame(parsePostgresUrl('postgresql://localhost/data'), {
    host: 'localhost',
    port: 5432,
    user: '',
    password: '',
    database: 'data',
    tls: 'disable',
  })
})

t.test('the host may be an address, or the folder of a socket', async (t) => {
  for (const [url, host] of [
    ['postgres://127.0.0.1/d', '127.0.0.1'],
    ['postgres://[::1]:5432/d', '::1'],
    ['postgres:///d?host=/var/run/postgresql', '/var/run/postgresql'],
    ['postgres://user:word@localhost/d?host=%2Frun%2Fpg', '/run/pg'],
  ] as const)
    t.equal(parsePostgresUrl(url).host, host, url)
})

t.test('sslmode says how to encrypt; where encryption is only a wish there is none', async (t) => {
  for (const [mode, tls] of [
    ['disable', 'disable'],
    ['allow', 'disable'],
    ['prefer', 'disable'],
    ['require', 'require'],
    ['verify-ca', 'verify-full'],
    ['verify-full', 'verify-full'],
  ] as const)
    t.equal(parsePostgresUrl(`postgres://h/d?sslmode=${mode}&channel_binding=require`).tls, tls)
})

t.test('what is wrong with a URL is told without any of it', async (t) => {
  const shape = 'must be postgres://user:password@host:port/database'
  const modes = 'sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full'
  for (const [url, fault] of [
    ['', shape],
    ['canary', shape],
    ['mysql://user:canary@h/d', shape],
    ['https://user:canary@h/d', shape],
    ['postgres://user:canary@/d', shape],
    ['postgres://user:canary@h:port/d', shape],
    // A password that nobody encoded.
    ['postgres://user:can#ary@h/d', shape],
    ['postgres:///canary', 'must name a host'],
    ['postgres://user:canary@h/d?host=', 'must name a host'],
    ['postgres://user:canary@h', 'must name a database'],
    ['postgres://user:canary@h/', 'must name a database'],
    ['postgres://user:canary%zz@h/d', 'must have special characters percent-encoded'],
    [
      'postgres://user:canary@h/d?canary=1',
      'takes no parameters but sslmode, host, channel_binding',
    ],
    ['postgres://user:canary@h/d?sslmode=canary', modes],
    ['postgres://user:canary@h/d?sslmode=constructor', modes],
    ['postgres://user:canary@h/d?sslmode=', modes],
  ] as const) {
    t.equal(postgresUrlFault(url), fault, url)
    t.throws(() => parsePostgresUrl(url), new Error(fault), url)
  }
  t.equal(postgresUrlFault('postgres://user:word@h/d'), null)
})
