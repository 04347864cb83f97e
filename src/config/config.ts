import { statSync } from 'node:fs'
import type { ProviderName } from '../corridors/snapshot.ts'
import type { Secret } from '../secret.ts'
import { type Environment, environmentSchema } from './environment.ts'
import { ConfigError, type ConfigFault } from './faults.ts'
import { readSecret } from './secrets.ts'

/** The validated environment with its secrets wrapped and its providers chosen. */
export interface Config
  extends Omit<Environment, 'HERE_API_KEY' | 'TOMTOM_API_KEY' | 'TRAFFIC_PROVIDERS'> {
  readonly HERE_API_KEY: Secret | null
  readonly TOMTOM_API_KEY: Secret | null
  /** In order of preference, never empty. */
  readonly TRAFFIC_PROVIDERS: readonly [ProviderName, ...ProviderName[]]
}

/**
 * Reads the whole configuration from the environment.
 * @throws ConfigError naming every fault at once
 */
export function loadConfig(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Config> {
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = environmentSchema.safeParse(env)
  const faults: ConfigFault[] = (parsed.error?.issues ?? []).map(({ path, message }) => ({
    name: String(path[0]),
    reason: message,
  }))
  const here = readSecret(env, 'HERE_API_KEY', faults)
  const tomtom = readSecret(env, 'TOMTOM_API_KEY', faults)
  for (const name of ['REPLAY_DIR', 'CORRIDORS_DIR']) {
    const dir = env[name]
    if (dir !== undefined && !isDirectory(dir)) faults.push({ name, reason: 'is not a folder' })
  }
  const named = env.TRAFFIC_PROVIDERS?.split(',').map((name) => name.trim()) ?? []
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
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults)
  return Object.freeze({
    ...parsed.data,
    HERE_API_KEY: here,
    TOMTOM_API_KEY: tomtom,
    TRAFFIC_PROVIDERS: parsed.data.TRAFFIC_PROVIDERS ?? defaultProviders(here, tomtom),
  })
}

function defaultProviders(here: Secret | null, tomtom: Secret | null): Config['TRAFFIC_PROVIDERS'] {
  if (here === null) return tomtom === null ? ['simulated'] : ['tomtom']
  return tomtom === null ? ['here'] : ['here', 'tomtom']
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
