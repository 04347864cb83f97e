import type { FastifyReply, FastifyRequest } from 'fastify'

/** How many causes below an error are told. */
const MOST_CAUSES = 4

/** What the log tells of a failure. */
interface LoggedError {
  readonly type: string
  readonly message: string
  readonly stack?: string | undefined
  readonly code?: string
  readonly cause?: LoggedError
  readonly errors?: readonly LoggedError[]
}

/**
 * A thrown thing as it is logged: never its own properties, in which libraries keep requests,
 * answers and rows.
 */
export function loggedError(thrown: unknown, causes = MOST_CAUSES): LoggedError {
  if (!(thrown instanceof Error))
    return { type: typeof thrown, message: typeof thrown === 'string' ? thrown : '' }
  const { name, message, stack, cause } = thrown
  const code = 'code' in thrown ? thrown.code : undefined
  const isTold = causes > 0
  return {
    type: name,
    message,
    stack,
    ...((typeof code === 'string' || typeof code === 'number') && { code: String(code) }),
    ...(isTold && cause !== undefined && { cause: loggedError(cause, causes - 1) }),
    ...(isTold &&
      thrown instanceof AggregateError && {
        errors: thrown.errors.slice(0, MOST_CAUSES).map((one) => loggedError(one, causes - 1)),
      }),
  }
}

/** How the log tells of what the framework hands it: no URL, no header, no body. */
export const serializers = {
  err: (thrown: unknown) => loggedError(thrown),
  error: (thrown: unknown) => loggedError(thrown),
  req: ({ method, routeOptions }: FastifyRequest) => ({ method, route: routeOptions.url }),
  res: ({ statusCode }: FastifyReply) => ({ status: statusCode }),
}
