import { constants } from 'node:os'
import closeWithGrace from 'close-with-grace'
import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../clock.ts'
import { STOP_MS } from '../stop-bounds.ts'
import { EX_TEMPFAIL } from './exit-codes.ts'

/** Beyond the bounds of the stages, so that they and not this end a stop that hangs, ms. */
const SLACK_MS = 500

export interface StopOptions {
  /** From now on readiness says no. */
  readonly drain: () => void
  /** Ends requests, background work and stores. */
  readonly close: () => Promise<unknown>
  /** How long the process serves on while readiness says no, ms. */
  readonly waitMs: number
  readonly clock: Clock
  readonly log: FastifyBaseLogger
  /** Ends the process at once. */
  readonly exit: (code: number) => void
}

/**
 * Stops the service when a signal comes or an error that nobody caught: readiness, wait, then all
 * that closing does. A second signal ends the process at once, with 128 and the signal's number as
 * shells have it; a stop that takes too long ends with EX_TEMPFAIL; an error with 1.
 */
export function stopWithGrace({ drain, close, waitMs, clock, log, exit }: StopOptions): void {
  const options = {
    delay: waitMs + STOP_MS + SLACK_MS,
    logger: log,
    onSecondSignal(signal: NodeJS.Signals) {
      log.error({ signal }, 'stopped at once by a second signal')
      exit(128 + constants.signals[signal])
    },
    onTimeout(delayMs: number) {
      log.error({ delayMs }, 'the stop took too long and was cut')
      exit(EX_TEMPFAIL)
    },
  }
  closeWithGrace(options, async ({ signal, err }) => {
    if (err === undefined) {
      log.info({ signal, waitSeconds: waitMs / 1000 }, 'stopping')
      drain()
      await clock.sleep(waitMs, new AbortController().signal)
    } else log.fatal({ err }, 'stopping after an unexpected error')
    await close()
    log.info('stopped')
  })
}
