import type { FastifyReply } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether a good answer goes on until the client leaves: then it counts as given when it begins. */
    stream?: boolean
  }
}

/**
 * Calls back once when an answer ends: with its status, or with null where the client went away
 * before. No hook sees the end of every answer.
 */
export function onAnswerEnd(
  { raw, routeOptions }: FastifyReply,
  tell: (status: number | null) => void,
): void {
  const end = (status: number | null): void => {
    raw.off('pipe', answered).off('finish', answered).off('close', aborted)
    tell(status)
  }
  const answered = (): void => end(raw.statusCode)
  const aborted = (): void => end(null)
  raw.once('finish', answered).once('close', aborted)
  if (routeOptions.config.stream === true) raw.once('pipe', answered)
}
