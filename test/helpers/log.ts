import type { Logger } from 'pino'
import { createLog } from '../../src/logging/log.ts'

/** A log that can be read, and waited for. */
export interface Listened {
  readonly log: Logger
  /** What was logged, parsed. */
  readonly lines: Record<string, unknown>[]
  /** Resolves when a line with this message is there. */
  said(message: string | RegExp): Promise<void>
  /** All that was said with this message. */
  withMessage(message: string | RegExp): Record<string, unknown>[]
}

export function listenedLog(): Listened {
  const lines: Record<string, unknown>[] = []
  const waiting = new Set<() => void>()
  const log = createLog('debug', {
    write(line) {
      lines.push(JSON.parse(line))
      for (const look of waiting) look()
    },
  })
  const withMessage = (message: string | RegExp) =>
    lines.filter(({ msg }) =>
      typeof message === 'string' ? msg === message : message.test(String(msg)),
    )
  return {
    log,
    lines,
    withMessage,
    said: (message) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (withMessage(message).length === 0) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
  }
}
