import type { Secret } from '../secret.ts'
import type { KeySource } from './api-key.ts'
import { IssuedKeys, type IssuedKeysOptions } from './issued-keys.ts'
import { ListedKeys } from './listed-keys.ts'
import { type PepperConfig, pepperOf } from './pepper.ts'

/** All keys that clients may have. */
export interface KnownKeys {
  /** Those of the environment; null where it lists none. */
  readonly listed: ListedKeys | null
  /** Those of the database; null where they have no pepper. */
  readonly issued: IssuedKeys | null
  readonly sources: readonly KeySource[]
  start(): Promise<void>
  stop(): Promise<void>
}

/** The keys of the environment and of the database. */
export function knownKeys(
  config: PepperConfig & { readonly API_KEYS: Secret | null },
  options: Omit<IssuedKeysOptions, 'pepper'>,
): KnownKeys {
  const listed = config.API_KEYS && new ListedKeys(config.API_KEYS, options.log)
  const pepper = pepperOf(config)
  const issued = pepper && new IssuedKeys({ ...options, pepper })
  return {
    listed,
    issued,
    sources: [listed, issued].filter((source) => source !== null),
    start: async () => issued?.start(),
    stop: async () => issued?.stop(),
  }
}
