import { z } from 'zod'

/**
 * Numbers in a query, where they come as text. Only plain digits count: an empty text, `1e3` and
 * `0x10` are no numbers here. The document shows the number that is meant.
 */
export const numberText = <Schema extends z.ZodType<unknown, number>>(
  digits: RegExp,
  schema: Schema,
) =>
  z.preprocess(
    (text) => (typeof text === 'string' && digits.test(text) ? Number(text) : text),
    schema,
  )
