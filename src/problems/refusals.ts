import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'
import type { Problem } from './problem.ts'
import { writeRawProblem } from './raw-socket.ts'

/** Refuses what never became a request: on the bare socket, logged, in the order of arrival. */
export class Refusals {
  readonly #log: FastifyBaseLogger
  readonly #answers = new WeakMap<Duplex, ServerResponse>()

  constructor(log: FastifyBaseLogger) {
    this.#log = log
  }

  /** Notes the answer that a connection waits for. To be told of every request. */
  readonly track = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    this.#answers.set(socket, response)
  }

  /** Answers with the problem and closes the connection, after an answer that is on its way. */
  refuse(socket: Duplex, problem: Problem): void {
    const requestId = randomUUID()
    const line = { reqId: requestId, code: problem.code, detail: problem.message }
    this.#log.info(line, 'request refused')
    const write = (): void => writeRawProblem(socket, problem, requestId)
    const pending = this.#answers.get(socket)
    // A request that never arrived whole gets no answer of its own to wait for.
    if (pending?.req.complete && !pending.writableFinished) pending.once('close', write)
    else write()
  }
}
