import { join } from 'node:path'
import type { ProviderName } from '../corridors/snapshot.ts'
import type { Secret } from '../secret.ts'
import { parseHere } from './here/parse.ts'
import { createHere } from './here/provider.ts'
import type { LiveOptions } from './live-options.ts'
import type { Provider } from './provider.ts'
import { createReplay } from './replay/provider.ts'
import { createSimulated } from './simulated/provider.ts'
import { parseTomTom } from './tomtom/parse.ts'
import { createTomTom } from './tomtom/provider.ts'
import { MAX_BODY_BYTES, type Upstream } from './upstream/client.ts'
import type { Guard } from './upstream/guard.ts'
import { createRecorder, noRecorder } from './upstream/recorder.ts'

/** The part of the configuration that is about providers. */
export interface ProviderConfig {
  readonly HERE_API_KEY: Secret | null
  readonly HERE_BASE_URL: URL
  readonly TOMTOM_API_KEY: Secret | null
  readonly TOMTOM_BASE_URL: URL
  readonly REPLAY_DIR?: string | undefined
  readonly REPLAY_FORMAT?: 'here' | 'tomtom' | undefined
  readonly RECORD_DIR?: string | undefined
}

/** A provider that is asked over the network. */
export type LiveProvider = Exclude<ProviderName, 'simulated' | 'replay'>

const PARSERS = { here: parseHere, tomtom: parseTomTom } as const

/**
 * The provider of a name.
 * @throws Error when the configuration lacks what it needs, which validation has ruled out
 */
export function createProvider(
  name: ProviderName,
  config: ProviderConfig,
  upstream: Upstream,
  guardOf: (name: LiveProvider) => Guard,
  onRecordError: (error: unknown) => void,
): Provider {
  const live = (name: LiveProvider, key: Secret | null, baseUrl: URL): LiveOptions => {
    const secret = required(key)
    const dir = config.RECORD_DIR && join(config.RECORD_DIR, name)
    const record =
      dir === undefined
        ? noRecorder
        : createRecorder(dir, (body) => secret.redact(body), onRecordError)
    return { key: secret, baseUrl, upstream, guard: guardOf(name), record }
  }
  switch (name) {
    case 'here':
      return createHere(live(name, config.HERE_API_KEY, config.HERE_BASE_URL))
    case 'tomtom':
      return createTomTom(live(name, config.TOMTOM_API_KEY, config.TOMTOM_BASE_URL))
    case 'simulated':
      return createSimulated()
    case 'replay':
      return createReplay({
        dir: required(config.REPLAY_DIR),
        parse: PARSERS[required(config.REPLAY_FORMAT)],
        maxBytes: MAX_BODY_BYTES,
      })
  }
}

function required<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('the provider is not configured')
  return value
}
