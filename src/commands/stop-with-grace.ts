import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../clock.ts'
import { STOP_MS } from '../stop-bounds.ts'
import { codeOf, EX_BUG, EX_TEMPFAIL } from './exit-codes.ts'

/** Beyond the bounds of the stages, so that they and not this end a stop that hangs, ms. */
const SLACK_MS = 2000
/** `npm start` passes on the Ctrl-C that the terminal has sent to all: that is one signal, ms. */
const SAME_MS = 1000

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const
type Signal = (typeof SIGNALS)[number]

/** What the process tells, and how it is ended. */
export interface ProcessEnds {
  onSignal(signal: Signal, told: () => void): void
  /** An error that nobody caught. */
  onError(told: (err: unknown) => void): void
  /** Ends the process at once. */
  exit(code: number): void
}

export interface StopOptions extends ProcessEnds {
  /** From now on readiness says no. */
  readonly drain: () => void
  /** Ends requests, background work and stores. */
  readonly close: () => Promise<unknown>
  /** How long the process serves on while readiness says no, ms; asked when the stop begins. */
  readonly waitMs: () => number
  readonly clock: Clock
  readonly log: FastifyBaseLogger
}

/**
 * Stops the service when a signal comes: readiness, wait, then all that closing does; exit code 0.
 * An error that nobody caught stops it without the wait, also in mid-wait, with EX_BUG. A second
 * signal ends the process at once, with 128 and the signal's number as shells have it, and a second
 * error with EX_BUG; a stop that takes too long ends with EX_TEMPFAIL.
 */
export function stopWithGrace(options: StopOptions): void {
  const { drain, close, waitMs, clock, log, exit } = options
  const wait = new AbortController()
  let first: { readonly signal: Signal | null; readonly atMs: number } | null = null
  let code = 0

  const bound = async (limitMs: number): Promise<void> => {
    await clock.sleep(limitMs, new AbortController().signal)
    log.error({ limitMs }, 'the stop took too long and was cut')
    exit(code === 0 ? EX_TEMPFAIL : code)
  }
  const stop = async (ms: number): Promise<void> => {
    drain()
    await clock.sleep(ms, wait.signal)
    await close()
    log.info('stopped')
    exit(code)
  }
  const begin = (signal: Signal | null): void => {
    first = { signal, atMs: clock.now() }
    const ms = signal === null ? 0 : waitMs()
    if (signal !== null) log.info({ signal, waitSeconds: ms / 1000 }, 'stopping')
    Promise.race([stop(ms), bound(ms + STOP_MS + SLACK_MS)]).catch((err: unknown) => {
      log.fatal({ err }, 'the stop broke')
      exit(EX_BUG)
    })
  }

  for (const signal of SIGNALS)
    options.onSignal(signal, () => {
      if (first === null) begin(signal)
      else if (first.signal !== signal || clock.now() - first.atMs > SAME_MS) {
        log.error({ signal }, 'stopped at once by a second signal')
        exit(codeOf(signal))
      }
    })
  options.onError((err) => {
    const isSecond = code !== 0
    code = EX_BUG
    log.fatal(
      { err },
      isSecond ? 'a second unexpected error' : 'stopping after an unexpected error',
    )
    wait.abort()
    if (isSecond) exit(code)
    else if (first === null) begin(null)
  })
}
