import { z } from 'zod'

/** What was left out of an answer, and what a reader should know of it. */
export const qualitySchema = z
  .object({
    refused: z
      .array(z.object({ reason: z.string(), pieces: z.int().min(0) }))
      .describe("The provider's pieces of road that were not used, by why."),
    warnings: z.array(z.object({ reason: z.string(), detail: z.string() })),
  })
  .meta({ id: 'Quality' })
