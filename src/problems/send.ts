import type { FastifyReply } from 'fastify'
import type { Problem } from './problem.ts'
import { renderProblem } from './render.ts'

/** Sends a problem as the answer. */
export function sendProblem(
  reply: FastifyReply,
  problem: Problem,
  requestId: string,
): FastifyReply {
  const { status, headers, body } = renderProblem(problem, requestId)
  return reply
    .code(status)
    .headers({ ...headers, 'x-request-id': requestId })
    .send(body)
}
