import { z } from 'zod'
import { PROBLEM_CODES } from './problem-examples.ts'

/** The body of every failure. */
export const problemSchema = z
  .object({
    type: z.string().regex(/^urn:problem-type:ayalon:[a-z-]+$/),
    title: z.string().describe('The same for every problem with this code.'),
    status: z.int().min(400).max(599),
    detail: z.string().describe('What is wrong, for a person.'),
    code: z.enum(PROBLEM_CODES).describe('What is wrong, for a program.'),
    requestId: z.string().describe('Finds the request in the log.'),
    retryAfterSeconds: z.number().min(0).optional().describe('As in Retry-After.'),
    errors: z
      .array(
        z.object({
          pointer: z.string().describe('JSON Pointer into the body, or /query/name.'),
          detail: z.string(),
        }),
      )
      .optional()
      .describe('Each wrong input.'),
  })
  .meta({ id: 'Problem', description: 'A failure (RFC 9457).' })
