import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { pino } from 'pino'
import type { Test } from 'tap'
import { Secret } from '../../src/secret.ts'
import { Connection } from '../../src/storage/connection.ts'
import { DatabaseStore } from '../../src/storage/shared/database-store.ts'
import { RedisStore } from '../../src/storage/shared/redis-store.ts'
import {
  type QuotaWindow,
  type SharedStore,
  StoreAway,
} from '../../src/storage/shared/shared-store.ts'
import { postgresPlace } from './databases.ts'
import type { Work } from './spender.ts'

/** Where a shared store is, so that it can be told to another process. */
export type StorePlace = readonly [kind: 'sqlite' | 'postgres' | 'redis', folderOrUrl: string]

export interface OpenStore {
  readonly store: SharedStore
  /** Closes what is open of it; a database is opened again by the next use. */
  close(): Promise<void>
}

/** A store at a place; one in Redis has connected, or has failed to. */
export async function storeAt([kind, where]: StorePlace): Promise<OpenStore> {
  if (kind === 'redis') {
    const store = new RedisStore(Secret.of(where))
    await store.connect()
    return { store, close: () => store.close() }
  }
  const place = kind === 'sqlite' ? { dataDir: where } : postgresPlace(where)
  const connection = new Connection(place, pino({ level: 'silent' }))
  const store = new DatabaseStore(connection)
  return {
    store,
    async close() {
      await store.close()
      await connection.close()
    },
  }
}

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
/** A lease that no test outlives. */
export const LONG = 30 * MINUTE
export const NOW = Date.parse('2026-11-18T06:30:00Z')
export const HOUR_START = Date.parse('2026-11-18T06:00:00Z')
const DAY_START = Date.parse('2026-11-18T00:00:00Z')
export const MONTH_START = Date.parse('2026-11-01T00:00:00Z')
export const MONTH_END = Date.parse('2026-12-01T00:00:00Z')

export type Limits = Readonly<Partial<Record<QuotaWindow['period'], number>>>

/** The windows around one moment; a period that is not named has no limit. */
export const windowsOf = ({ hour, day, month }: Limits): readonly QuotaWindow[] => [
  { period: 'hour', fromMs: HOUR_START, toMs: HOUR_START + HOUR, limit: hour ?? null },
  { period: 'day', fromMs: DAY_START, toMs: DAY_START + DAY, limit: day ?? null },
  { period: 'month', fromMs: MONTH_START, toMs: MONTH_END, limit: month ?? null },
]
export const FREE = windowsOf({})

/** Tries until it can be done; the last time limit is that of the test. */
export async function recovered<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error
      await sleep(50)
    }
  }
}

/** What a store throws that is away, all of it as a careless log would show it. */
export async function awayOf(t: Test, work: () => Promise<unknown>): Promise<string> {
  const error = await work().then(
    () => null,
    (reason: unknown) => reason,
  )
  t.type(error, StoreAway)
  const shown = inspect(error, { depth: 9, showHidden: true })
  for (const secret of ['canary', 'redis://', 'postgres://']) t.notMatch(shown, secret)
  return error instanceof Error ? error.message : ''
}

/** Every method that asks the store. */
export const methodsOf = (store: SharedStore): readonly (() => Promise<unknown>)[] => [
  () => store.holdLease('a', NOW, LONG),
  () => store.releaseLease('a'),
  () => store.claimRound('a', 'here', NOW, MINUTE),
  () => store.lastRound('here'),
  () => store.countCall('here', FREE),
  () => store.callsIn('here', FREE),
  () => store.publish('a', 'snapshot', '{}'),
  () => store.read('snapshot'),
]

const SPENDER = resolve(import.meta.dirname, 'spender.ts')

export interface Ended {
  readonly code: number | null
  readonly printed: string
  readonly output: string
}

/** Lets processes of their own do some work, all at once; what came of each. */
export async function inProcesses(
  t: Test,
  place: StorePlace,
  works: readonly Work[],
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly Ended[]> {
  const children = works.map((work) => {
    const child = spawn(process.execPath, [SPENDER, JSON.stringify({ place, work })], {
      // Without the test runner's own modules they start sooner; what they run is seen elsewhere.
      env: { ...process.env, NODE_OPTIONS: '', ...environment },
    })
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    child.stderr.on('data', (chunk) => {
      output += chunk
    })
    let printed = ''
    const lines = createInterface(child.stdout)
    lines.on('line', (line) => {
      printed = line
    })
    const exited = once(child, 'close')
    const ended = async (): Promise<Ended> => {
      const [code] = await exited
      return { code, printed, output }
    }
    return { child, ready: Promise.race([once(lines, 'line'), exited]), ended }
  })
  for (const { ready } of children) await ready
  for (const { child } of children) child.stdin.end('go\n')
  return Promise.all(children.map(({ ended }) => ended()))
}
