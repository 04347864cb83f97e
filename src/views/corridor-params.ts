import { z } from 'zod'

/** The corridor that a path names. */
export const corridorParams = z.object({
  corridor: z.string().meta({ description: 'Id of a corridor.', examples: ['ayalon'] }),
})
