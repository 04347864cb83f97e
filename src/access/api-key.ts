import type { Scope } from './scopes.ts'

/** Own limits of a key, requests; null where the common one stands. */
export interface KeyLimits {
  readonly perMinute: number | null
  readonly perHour: number | null
}

/** A key that a client may have, without its secret. */
export interface ApiKey {
  /** Names the key in logs; no secret. */
  readonly id: string
  readonly scope: Scope
  readonly limits: KeyLimits
}

/** Where keys are known. */
export interface KeySource {
  /** Whether its secrets were chosen by people, so that wrong ones must be limited. */
  readonly canBeGuessed: boolean
  /** The key with this secret. Takes as long for a wrong one as for a right one. */
  find(secret: string): Promise<ApiKey | undefined>
}
