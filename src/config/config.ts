import { statSync } from 'node:fs'
import { pepperFault } from '../access/issued-key.ts'
import { listFault } from '../access/listed-keys.ts'
import type { ProviderName } from '../corridors/snapshot.ts'
import type { Secret } from '../secret.ts'
import { postgresUrlFault } from '../storage/database/postgres-url.ts'
import { redisUrlFault } from '../storage/shared/redis-url.ts'
import { type Environment, environmentSchema } from './environment.ts'
import type { ConfigFault } from './faults.ts'
import { commaList } from './fields.ts'
import { logFileFault } from './log-file-fault.ts'
import { contentOf, readSecret } from './secrets.ts'

/** The validated environment with its secrets wrapped and its providers chosen. */
export interface Config
  extends Omit<
    Environment,
    | 'HERE_API_KEY'
    | 'TOMTOM_API_KEY'
    | 'TRAFFIC_PROVIDERS'
    | 'DATABASE_URL'
    | 'REDIS_URL'
    | 'API_KEYS'
    | 'KEY_PEPPER'
  > {
  readonly HERE_API_KEY: Secret | null
  readonly TOMTOM_API_KEY: Secret | null
  /** Null: the embedded database. */
  readonly DATABASE_URL: Secret | null
  /** Null: what replicas share is in the database. */
  readonly REDIS_URL: Secret | null
  /** Null: no client has a key. */
  readonly API_KEYS: Secret | null
  /** Null: the embedded database has one of its own, a server none. */
  readonly KEY_PEPPER: Secret | null
  /** In order of preference, never empty. */
  readonly TRAFFIC_PROVIDERS: readonly [ProviderName, ...ProviderName[]]
}

/** Environment variables that are set. */
export type Variables = Readonly<Record<string, string | undefined>>

/** Reads the environment; null when there are faults, all of which are added to the list. */
export function readConfig(env: Variables, faults: ConfigFault[]): Readonly<Config> | null {
  const parsed = environmentSchema.safeParse(env)
  for (const { path, message } of parsed.error?.issues ?? [])
    faults.push({ name: String(path[0]), reason: message })
  const here = readSecret(env, 'HERE_API_KEY', faults)
  const tomtom = readSecret(env, 'TOMTOM_API_KEY', faults)
  const database = readSecret(env, 'DATABASE_URL', faults, postgresUrlFault)
  const redis = readSecret(env, 'REDIS_URL', faults, redisUrlFault)
  const apiKeys = readSecret(env, 'API_KEYS', faults, listFault)
  const pepper = readSecret(env, 'KEY_PEPPER', faults, pepperFault)
  if (env.DATABASE_CA_FILE !== undefined && contentOf(env.DATABASE_CA_FILE) === null)
    faults.push({ name: 'DATABASE_CA_FILE', reason: 'the file cannot be read' })
  const logFile = env.LOG_FILE === undefined ? null : logFileFault(env.LOG_FILE)
  if (logFile !== null) faults.push({ name: 'LOG_FILE', reason: logFile })
  if (env.REPLAY_DIR !== undefined && !isDirectory(env.REPLAY_DIR))
    faults.push({ name: 'REPLAY_DIR', reason: 'is not a folder' })
  if (parsed.data?.METRICS_PORT === parsed.data?.PORT && parsed.data?.PORT !== 0 && parsed.success)
    faults.push({ name: 'METRICS_PORT', reason: 'must be another port than PORT' })
  const named = commaList(env.TRAFFIC_PROVIDERS ?? '')
  const needs = (provider: string, name: string, isSet: boolean): void => {
    if (named.includes(provider) && !isSet)
      faults.push({ name, reason: `is needed by the provider ${provider}` })
  }
  needs('here', 'HERE_API_KEY', here !== null)
  needs('tomtom', 'TOMTOM_API_KEY', tomtom !== null)
  needs('replay', 'REPLAY_DIR', env.REPLAY_DIR !== undefined)
  needs('replay', 'REPLAY_FORMAT', env.REPLAY_FORMAT !== undefined)
  if (named.length > 1 && named.some((name) => name === 'simulated' || name === 'replay'))
    faults.push({
      name: 'TRAFFIC_PROVIDERS',
      reason: 'simulated and replay stand alone: they are never a fallback for a real provider',
    })
  if (!parsed.success || faults.length > 0) return null
  return Object.freeze({
    ...parsed.data,
    HERE_API_KEY: here,
    TOMTOM_API_KEY: tomtom,
    DATABASE_URL: database,
    REDIS_URL: redis,
    API_KEYS: apiKeys,
    KEY_PEPPER: pepper,
    TRAFFIC_PROVIDERS: parsed.data.TRAFFIC_PROVIDERS ?? defaultProviders(here, tomtom),
  })
}

function defaultProviders(here: Secret | null, tomtom: Secret | null): Config['TRAFFIC_PROVIDERS'] {
  if (here === null) return tomtom === null ? ['simulated'] : ['tomtom']
  return tomtom === null ? ['here'] : ['here', 'tomtom']
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
