import type { FastifyReply } from 'fastify'
import type { Problem, ProblemCode } from './problem.ts'
import { renderProblem } from './render.ts'

declare module 'fastify' {
  interface FastifyReply {
    /** The code of the problem that was answered with; null where there was none. */
    problemCode: ProblemCode | null
  }
}

/** Sends a problem as the answer. */
export function sendProblem(
  reply: FastifyReply,
  problem: Problem,
  requestId: string,
): FastifyReply {
  const { status, headers, body } = renderProblem(problem, requestId)
  reply.problemCode = problem.code
  return reply
    .code(status)
    .headers({ ...headers, 'x-request-id': requestId })
    .send(body)
}
