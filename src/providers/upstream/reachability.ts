import { connect } from 'node:net'
import { BackgroundLoop } from '../../background-loop.ts'
import type { Clock } from '../../clock.ts'
import type { ProviderName } from '../../corridors/snapshot.ts'
import type { Guard } from './guard.ts'

/** How often to look whether a check is due, ms. */
const EVERY_MS = 60_000
/** Up to this age the last real call tells whether the provider can be reached, ms. */
const CALL_SPEAKS_MS = 600_000
/** Longest time for a check, ms. */
const CHECK_MS = 3000

/** The port of a URL that names none. */
const DEFAULT_PORTS = { http: 80, https: 443 }

/**
 * Whether a provider could be reached last; null while nobody knows, undefined for one that is not
 * on the network.
 */
export type Reached = (provider: ProviderName) => boolean | null | undefined

/**
 * Whether a provider can be reached: by its last call, or, when that is old, by a connection that
 * is opened and closed, which spends no quota.
 */
export class Reachability {
  readonly #guard: Guard
  readonly loop: BackgroundLoop
  #checked: { readonly atMs: number; readonly reached: boolean } | null = null

  constructor(guard: Guard, clock: Clock) {
    this.#guard = guard
    this.loop = new BackgroundLoop(clock, async (signal) => {
      const lastMs = guard.lastCall?.atMs ?? null
      if (lastMs !== null && clock.now() - lastMs > CALL_SPEAKS_MS)
        this.#checked = { reached: await canConnect(guard.address, signal), atMs: clock.now() }
      return EVERY_MS
    })
  }

  /** What was seen last; null before the first call. */
  get reached(): boolean | null {
    const { lastCall } = this.#guard
    if (lastCall === null) return null
    const checked = this.#checked
    return checked !== null && checked.atMs > lastCall.atMs ? checked.reached : lastCall.reached
  }
}

/** True when a server takes a TCP connection at the address of a URL. */
function canConnect({ hostname, port, protocol }: URL, signal: AbortSignal): Promise<boolean> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const usual = protocol === 'https:' ? DEFAULT_PORTS.https : DEFAULT_PORTS.http
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port || usual), timeout: CHECK_MS })
    const ended = new AbortController()
    const end = (reached: boolean) => (): void => {
      resolve(reached)
      ended.abort()
      socket.destroy()
    }
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false))
    // The signal lives as long as the process; what has ended must not hang on it.
    signal.addEventListener('abort', end(false), { signal: ended.signal })
  })
}
