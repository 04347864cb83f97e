import { z } from 'zod'
import { SCOPES } from '../../access/scopes.ts'
import { utcTime as time } from '../../views/utc-time.ts'

export { keyOrder as keyBody } from '../../access/key-order.ts'

export const keyParams = z.object({
  id: z.string().meta({ description: 'Id of the key.', examples: ['3f6f2c1ab7d04e95'] }),
})

const limit = z.int().min(1).nullable()

/** A key without its secret. */
const keySchema = z
  .object({
    id: z
      .string()
      .describe('Names the key in logs and paths; of a key of the environment its name there.'),
    name: z.string(),
    scope: z.enum(SCOPES),
    source: z
      .enum(['database', 'environment'])
      .describe('Where the key is kept; one of the environment changes in API_KEYS only.'),
    createdAt: time.nullable().describe('Null for a key of the environment.'),
    expiresAt: time.nullable().describe('Null: never.'),
    lastUsedAt: time
      .nullable()
      .describe('To the minute. Null before the first use, and for a key of the environment.'),
    requestsPerMinute: limit.describe('Null: as for any client.'),
    requestsPerHour: limit.describe('Null: as for any client.'),
  })
  .meta({ id: 'Key', description: 'A key without its secret.' })
export type KeyView = z.infer<typeof keySchema>

/** A key that was just made. */
export const newKeySchema = keySchema
  .extend({
    key: z.string().describe('The key itself, which is shown this once and not kept.'),
  })
  .meta({ id: 'MadeKey', description: 'A key that was just made, with its secret.' })
export type NewKeyView = z.infer<typeof newKeySchema>

/** Every key: those of the environment, then those of the database, the oldest first. */
export const keysSchema = z
  .object({ keys: z.array(keySchema) })
  .meta({ id: 'KeyList', description: 'Every key, without its secret.' })
export type KeysView = z.infer<typeof keysSchema>
