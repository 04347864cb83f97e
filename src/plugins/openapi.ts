import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject,
} from 'fastify-type-provider-zod'
import { completed, type Described } from '../openapi/document.ts'
import { infoOf, TAGS } from '../openapi/info.ts'
import { zodToJsonConfig } from '../openapi/json-schema.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The OpenAPI document of all described routes; to be asked when the app is ready. */
    openapi: () => object
  }
}

const toJsonSchema = createJsonSchemaTransform({ zodToJsonConfig })

/** Passes on, as an extension of the operation, what the library would leave out. */
const transform: NonNullable<FastifyDynamicSwaggerOptions['transform']> = (given) => {
  const { answers, problems = [], bodyExample } = { ...given.schema }
  const { access = 'admin', probe = false } = { ...given.route.config }
  if (answers === undefined) return { schema: { hide: true }, url: given.url }
  const { schema, url } = toJsonSchema(given)
  const described: Described = { access, probe, answers, problems, bodyExample }
  return { schema: { ...schema, 'x-described': described }, url }
}

/**
 * Makes the document from the schemas that validate. Register before the routes: those that are
 * there already are not in it.
 */
export const openapi = fp(async (app: FastifyInstance, { version }: { version: string }) => {
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: infoOf(version), servers: [{ url: '/' }], tags: TAGS },
    convertConstToEnum: false,
    transform,
    transformObject: createJsonSchemaTransformObject({ zodToJsonConfig }),
  })
  let document: object | undefined
  app.decorate('openapi', () => {
    document ??= completed(app.swagger())
    return document
  })
})
