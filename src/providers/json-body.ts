import type { z } from 'zod'
import { ProviderFailure } from './failure.ts'

/**
 * Reads an untrusted body by a schema.
 * @throws ProviderFailure `badAnswer`, saying what is wrong without repeating the body
 */
export function parseJsonBody<T>(body: string, schema: z.ZodType<T>): T {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    throw new ProviderFailure('badAnswer', describeText(body))
  }
  const result = schema.safeParse(json)
  if (result.success) return result.data
  throw wrongShape(result.error)
}

/** The failure that a body of another shape is: where its first fault stands. */
export function wrongShape({ issues }: z.ZodError): ProviderFailure {
  const [path] = issues.map((issue) => issue.path.join('.'))
  return new ProviderFailure('badAnswer', `the answer has the wrong shape at ${path || 'the body'}`)
}

function describeText(body: string): string {
  const start = body.trimStart()
  if (start === '') return 'the answer is empty'
  if (start.startsWith('<')) return 'the answer is HTML or XML, not JSON'
  return 'the answer is not JSON, or was cut short'
}
