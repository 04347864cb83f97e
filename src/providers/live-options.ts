import type { Secret } from '../secret.ts'
import type { Upstream } from './upstream/client.ts'
import type { Guard } from './upstream/guard.ts'
import type { Recorder } from './upstream/recorder.ts'

/** What a provider on the network needs. */
export interface LiveOptions {
  readonly key: Secret
  /** Ends with a slash. */
  readonly baseUrl: URL
  readonly upstream: Upstream
  readonly guard: Guard
  readonly record: Recorder
}
