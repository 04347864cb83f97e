import type { FastifySchemaValidationError } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { type InputFault, Problem, type ProblemCode } from './problem.ts'

/** How many wrong inputs one answer names. */
const MOST_FAULTS = 100
/** How much of an unknown key it repeats. */
const LONGEST_KEY = 64

/** What the framework's own errors mean, by their code. */
const FRAMEWORK_ERRORS: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload_too_large', 'The body is larger than 1 MiB.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'The body must be application/json.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid_input', 'The body is empty; it must be JSON.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['invalid_input', 'The body is not valid JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'invalid_input',
    'The body is not as long as Content-Length says.',
  ],
  FST_ERR_BAD_URL: ['invalid_input', 'The path has a wrong percent-encoding.'],
  FST_ERR_MAX_PARAM_LENGTH: ['invalid_input', 'A part of the path is too long.'],
}

const frameworkError = z.object({ code: z.string() })
/** An error of the framework or of its parsers that is the client's fault. */
const clientError = z.object({ statusCode: z.number().min(400).lt(500) })

/** The problem that any thrown thing is for the client; unknown ones are internal errors. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (hasZodFastifySchemaValidationErrors(error)) return invalidInput(error)
  const known = FRAMEWORK_ERRORS[frameworkError.safeParse(error).data?.code ?? '']
  if (known !== undefined) return new Problem(...known)
  if (clientError.safeParse(error).success)
    return new Problem('invalid_input', 'The request is malformed.')
  return new Problem('internal_error', 'The request id finds this failure in the log.')
}

interface ZodFailure {
  readonly validation: readonly FastifySchemaValidationError[]
  readonly validationContext?: string | undefined
}

function invalidInput({ validation, validationContext }: ZodFailure): Problem {
  const place = validationContext === 'body' ? '' : '/query'
  const faults = validation.flatMap((fault) => inputFaults(place, fault))
  const named = faults.slice(0, MOST_FAULTS)
  const rest = faults.length > named.length ? `; the first ${named.length} are named` : ''
  const what = faults.length === 1 ? '1 input is wrong' : `${faults.length} inputs are wrong`
  return new Problem('invalid_input', `${what}${rest}.`, { errors: named })
}

/** One fault, or one for each unknown key, named by the key itself. */
function inputFaults(
  place: string,
  { instancePath, message, params }: FastifySchemaValidationError,
): InputFault[] {
  const pointer = `${place}${instancePath === '/' ? '' : instancePath}`
  if (!Array.isArray(params.keys)) return [{ pointer, detail: String(message) }]
  return params.keys.map((key) => ({
    pointer: `${pointer}/${escapeKey(String(key))}`,
    detail: 'is not known here',
  }))
}

/** A key as part of a JSON Pointer (RFC 6901), cut where it is absurdly long. */
const escapeKey = (key: string): string =>
  key.slice(0, LONGEST_KEY).replaceAll('~', '~0').replaceAll('/', '~1')
