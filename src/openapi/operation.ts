import type { z } from 'zod'
import type { ProblemCode } from '../problems/problem.ts'
import type { HeaderName } from './headers.ts'

/** An answer to a good request. */
export interface Answer {
  readonly description: string
  /** Beside those that every answer has. */
  readonly headers: readonly HeaderName[]
  /** By media type; the schema has an id. None for an answer without a body. */
  readonly content?: Readonly<Record<string, { schema: z.ZodType; example: unknown }>>
}

declare module 'fastify' {
  interface FastifySchema {
    /** The answers to a good request, by status; a route without them is not in the document. */
    answers?: Readonly<Record<number, Answer>>
    /** Problems that the route itself can have; those that come before it are not named. */
    problems?: readonly ProblemCode[]
    /** A good body. */
    bodyExample?: unknown
  }
}
