import { z } from 'zod'

/** A time as all answers tell it. */
export const utcTime = z.iso.datetime().meta({
  id: 'UtcTime',
  description: 'A moment, ISO 8601 in UTC with Z.',
  examples: ['2026-11-18T06:00:00.000Z'],
})
