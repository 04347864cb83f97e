import { z } from 'zod'

/** A reference to the component that a schema with an id is. */
export const schemaRef = (schema: z.ZodType): { readonly $ref: string } => ({
  $ref: `#/components/schemas/${z.globalRegistry.get(schema)?.id}`,
})
