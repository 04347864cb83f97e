import definition from './ayalon.json' with { type: 'json' }
import { type Corridor, corridorSchema } from './corridor.ts'

/** The built-in corridor: the Ayalon Highway in Tel Aviv between Holon and Glilot, both directions. */
export const AYALON: Corridor = corridorSchema.parse(definition)
