import { z } from 'zod'
import type { ProblemCode } from '../problems/problem.ts'
import { type Components, usedComponents } from './components.ts'
import { HEADERS, headerRefs } from './headers.ts'
import type { Answer } from './operation.ts'
import { PROBLEM_EXAMPLES } from './problem-examples.ts'
import { type Entrance, PROBLEM_RESPONSES, problemResponses } from './problem-responses.ts'
import { schemaRef } from './schema-ref.ts'
import { SECURITY_SCHEMES, securityOf } from './security.ts'

/** What a route says of itself that the library does not put into its draft. */
export interface Described extends Entrance {
  readonly answers: Readonly<Record<string, Answer>>
  readonly problems: readonly ProblemCode[]
  readonly bodyExample: unknown
}

/** As much as is changed of what the library drafts; each operation says in `x-described` what is missing. */
const draft = z.looseObject({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        'x-described': z.custom<Described>(),
        parameters: z.array(z.unknown()).default([]),
        requestBody: z.looseObject({ content: z.record(z.string(), z.looseObject({})) }).optional(),
      }),
    ),
  ),
  components: z.record(z.string(), z.record(z.string(), z.unknown())),
})
type Drafted = z.infer<typeof draft>['paths'][string][string]

const IF_NONE_MATCH = {
  name: 'If-None-Match',
  in: 'header',
  description: 'Entity tags that the client has, or `*`: answered with 304 where one is current.',
  schema: { type: 'string' },
  example: HEADERS.ETag.example,
}

/** Completes a draft with the answers, the problems and the headers, and with who may call. */
export function completed(drafted: unknown): object {
  const { paths, components, ...rest } = draft.parse(drafted)
  const described = mapped(paths, (methods) => mapped(methods, operation))
  const all: Components = {
    ...components,
    headers: HEADERS,
    parameters: { IfNoneMatch: IF_NONE_MATCH },
    responses: PROBLEM_RESPONSES,
    examples: PROBLEM_EXAMPLES,
  }
  return {
    ...rest,
    paths: described,
    components: { ...usedComponents(described, all), securitySchemes: SECURITY_SCHEMES },
  }
}

function operation({ 'x-described': described, parameters, requestBody, ...rest }: Drafted) {
  const { access, probe, answers, problems, bodyExample } = described
  const isConditional = Object.hasOwn(answers, 304)
  const conditional = isConditional ? [{ $ref: '#/components/parameters/IfNoneMatch' }] : []
  const content =
    requestBody && mapped(requestBody.content, (media) => ({ ...media, example: bodyExample }))
  return {
    ...rest,
    security: securityOf(access),
    parameters: [...parameters, ...conditional],
    ...(requestBody && { requestBody: { ...requestBody, content } }),
    responses: {
      ...mapped(answers, (answer) => response(answer, !probe)),
      ...problemResponses({ access, probe }, problems),
    },
  }
}

function response({ description, headers, content }: Answer, isLimited: boolean) {
  const bodies =
    content &&
    mapped(content, ({ schema, example }) => ({
      schema: schemaRef(schema),
      example,
    }))
  return {
    description,
    headers: headerRefs(isLimited, headers),
    ...(bodies && { content: bodies }),
  }
}

const mapped = <In, Out>(named: Readonly<Record<string, In>>, map: (value: In) => Out) =>
  Object.fromEntries(Object.entries(named).map(([name, value]) => [name, map(value)]))
