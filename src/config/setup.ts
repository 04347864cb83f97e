import type { Corridor } from '../corridors/corridor.ts'
import { type Config, readConfig, type Variables } from './config.ts'
import { readCorridors } from './corridor-files.ts'
import { environmentSchema } from './environment.ts'
import { ConfigError, type ConfigFault } from './faults.ts'

/** All that the service needs to know before it starts. */
export interface Setup {
  readonly config: Readonly<Config>
  readonly corridors: readonly Corridor[]
}

/**
 * Reads the environment and the corridor files.
 * @throws ConfigError naming every fault of both at once
 */
export function loadSetup(environment: Variables): Setup {
  const faults: ConfigFault[] = []
  const env = withoutBlank(environment)
  const config = readConfig(env, faults)
  // Read by itself, so that its faults are told even where another variable is wrong.
  const chosen = environmentSchema.shape.CORRIDORS.parse(env.CORRIDORS)
  const corridors = readCorridors(env.CORRIDORS_DIR, chosen, faults)
  if (config === null || faults.length > 0) throw new ConfigError(faults)
  return { config, corridors }
}

/**
 * Reads the environment alone.
 * @throws ConfigError naming every fault at once
 */
export function loadConfig(environment: Variables): Readonly<Config> {
  const faults: ConfigFault[] = []
  const config = readConfig(withoutBlank(environment), faults)
  if (config === null) throw new ConfigError(faults)
  return config
}

/** The variables that are set: a blank one is not. */
const withoutBlank = (environment: Variables): Variables =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim() !== ''))
