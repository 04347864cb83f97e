import type { FastifyReply } from 'fastify'

/**
 * Calls back once when an answer ends: with its status, or with null where the client went away
 * before. No hook sees the end of every answer.
 */
export function onAnswerEnd({ raw }: FastifyReply, tell: (status: number | null) => void): void {
  const answered = (): void => {
    raw.off('close', aborted)
    tell(raw.statusCode)
  }
  const aborted = (): void => {
    raw.off('finish', answered)
    tell(null)
  }
  raw.once('finish', answered).once('close', aborted)
}
