import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { isInstalled } from './installed.ts'
import { closedPort } from './ports.ts'

/*
 * A real Redis server for the tests: the one that REDIS_URL_TEST names, or one that is started here,
 * on a free port, from the binary of the machine. Each test takes one of the databases 1 to 15 of it
 * and empties it; in database 0 it only notes which are taken.
 */

/** A server that the tests may do with as they like, but for its database 0. */
export interface RedisServer {
  /** `redis://…/0` */
  readonly url: string
  /** Null for a server that is not ours. */
  readonly own: OwnRedis | null
  stop(): Promise<void>
}

export interface OwnRedis {
  /** Ends the server at once; what it did not keep on disk is lost. */
  kill(): Promise<void>
  /** Starts it again, on the same port and folder. */
  start(): Promise<void>
  /** It goes on taking connections and commands, but does nothing. */
  hang(): void
  /** It does what it did not do while it hung. */
  goOn(): void
}

const BINARY = 'redis-server'

/** Of the server that is started here. */
export const PASSWORD = 'canary-of-the-test-redis'

const DATABASES = 15
/** A database whose test ended without giving it back is free again after this, seconds. */
const TAKEN_SECONDS = 600

/** Why the tests on Redis cannot run here; false when they can. CI is never excused. */
export const noRedis = (): string | false => {
  if (process.env.REDIS_URL_TEST || process.env.CI || isInstalled(BINARY)) return false
  return 'there is no Redis: set REDIS_URL_TEST, or install redis-server'
}

/** The same for tests that need a server of their own, to be killed or with its own settings. */
export const noOwnRedis = (): string | false => {
  if (isInstalled(BINARY) || (process.env.CI && !process.env.REDIS_URL_TEST)) return false
  return 'no server can be started here: install redis-server'
}

/** The server that is given, or else one that is started. */
export async function startRedis(): Promise<RedisServer> {
  const given = process.env.REDIS_URL_TEST
  return given ? { url: given, own: null, async stop() {} } : startOwnRedis()
}

/**
 * Starts a server, which keeps nothing on disk unless the settings say so.
 * @param settings of redis.conf
 */
export async function startOwnRedis(
  settings: Readonly<Record<string, string>> = {},
): Promise<RedisServer & { readonly own: OwnRedis }> {
  const dir = mkdtempSync(join(tmpdir(), 'redis-'))
  const port = await closedPort()
  const url = `redis://:${PASSWORD}@127.0.0.1:${port}/0`
  const all = {
    bind: '127.0.0.1',
    port: String(port),
    dir,
    requirepass: PASSWORD,
    save: '',
    ...settings,
  }
  const options = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
  let server: ChildProcess | null = null
  const start = async (): Promise<void> => {
    const child = spawn(BINARY, options, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const output of [child.stdout, child.stderr])
      output.on('data', (chunk) => {
        said += chunk
      })
    child.on('error', (error) => {
      said += error
    })
    server = child
    await answering(url, () => {
      if (child.pid === undefined || child.exitCode !== null)
        throw new Error(`${BINARY} ended:\n${said}`)
    })
  }
  const kill = async (): Promise<void> => {
    const child = server
    server = null
    if (child === null || child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  await start()
  return {
    url,
    own: {
      kill,
      start,
      hang: () => server?.kill('SIGSTOP'),
      goOn: () => server?.kill('SIGCONT'),
    },
    async stop() {
      await kill()
      rmSync(dir, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

/** Resolves when the server takes commands. */
async function answering(url: string, check: () => void): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    check()
    try {
      await command(url, 'PING')
      return
    } catch (error) {
      if (attempt > 600) throw error
      await sleep(25)
    }
  }
}

/** Runs one command on a connection of its own. */
export async function command(
  url: string,
  name: string,
  ...args: readonly string[]
): Promise<unknown> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  redis.on('error', () => {})
  try {
    await redis.connect()
    return await redis.call(name, ...args)
  } finally {
    redis.disconnect()
  }
}

/** The URL of a database of the server that is empty and that no other test uses meanwhile. */
export async function newRedis(t: Test, { url }: RedisServer): Promise<string> {
  const own = new URL(url)
  for (let number = 1; number <= DATABASES; number += 1) {
    const note = `ayalon-test:taken:${number}`
    const taken = await command(url, 'SET', note, '1', 'NX', 'EX', String(TAKEN_SECONDS))
    if (taken === null) continue
    own.pathname = `/${number}`
    const empty = (): Promise<unknown> => command(own.href, 'FLUSHDB')
    await empty()
    t.teardown(async () => {
      await empty()
      await command(url, 'DEL', note)
    })
    return own.href
  }
  throw new Error('every database of the test server is in use')
}
