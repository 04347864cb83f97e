import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'
import type { Problem } from './problem.ts'
import { writeRawProblem } from './raw-socket.ts'

declare module 'fastify' {
  interface FastifyInstance {
    refusals: Refusals
  }
}

/** Refuses what never became a request: on the bare socket, logged, in the order of arrival. */
export class Refusals {
  readonly #log: FastifyBaseLogger
  readonly #answers = new WeakMap<Duplex, ServerResponse>()
  readonly #refused = new WeakSet<Duplex>()
  #listeners: readonly ((problem: Problem) => void)[] = []

  constructor(log: FastifyBaseLogger) {
    this.#log = log
  }

  /** Tells of every request that was refused before a route was looked for. */
  onRefused(listener: (problem: Problem) => void): void {
    this.#listeners = [...this.#listeners, listener]
  }

  /** To be told of what the framework refused. */
  note(problem: Problem): void {
    for (const tell of this.#listeners) tell(problem)
  }

  /** Notes the answer that a connection waits for. To be told of every request. */
  readonly track = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    this.#answers.set(socket, response)
  }

  /** Answers with the problem and closes the connection, after an answer that is on its way. */
  refuse(socket: Duplex, problem: Problem): void {
    // The parser fails again with whatever else comes.
    if (this.#refused.has(socket)) return
    this.#refused.add(socket)
    // A socket that Node let go, as it does at CONNECT, would end the process by its reset.
    socket.on('error', () => {})
    const write = (): boolean => {
      const requestId = randomUUID()
      const isWritten = writeRawProblem(socket, problem, requestId)
      const { status, code, message: detail } = problem
      const line = { reqId: requestId, status, code, detail }
      if (isWritten) this.#log.info(line, 'request refused')
      return isWritten
    }
    const writeAndTell = (): void => {
      if (write()) this.note(problem)
    }
    const pending = this.#answers.get(socket)
    if (pending === undefined) writeAndTell()
    else if (pending.req.complete)
      if (pending.writableFinished) writeAndTell()
      else pending.once('close', writeAndTell)
    // A request that never arrived whole: it was answered before, or is known as one that was not.
    else if (pending.headersSent) socket.destroy()
    else write()
  }
}
