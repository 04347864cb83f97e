import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AYALON } from '../corridors/ayalon.ts'
import { type Corridor, corridorSchema } from '../corridors/corridor.ts'
import { geometryFaults } from '../corridors/geometry-faults.ts'
import { ConfigError, type ConfigFault } from './faults.ts'

/**
 * The corridors to serve: the built-in Ayalon and one for each `*.json` in the folder, or the
 * chosen ones among them.
 * @throws ConfigError naming every fault of every file
 */
export function loadCorridors(
  dir: string | undefined,
  chosen: readonly string[] | undefined,
): Corridor[] {
  const faults: ConfigFault[] = []
  const corridors: Corridor[] = [AYALON]
  for (const file of dir === undefined ? [] : corridorFiles(dir)) {
    const result = readCorridor(file)
    if (Array.isArray(result)) faults.push(...result.map((reason) => ({ name: file, reason })))
    else if (corridors.some(({ id }) => id === result.id))
      faults.push({ name: file, reason: `there is another corridor "${result.id}"` })
    else corridors.push(result)
  }
  for (const id of chosen ?? [])
    if (faults.length === 0 && !corridors.some((corridor) => corridor.id === id))
      faults.push({ name: 'CORRIDORS', reason: `there is no corridor "${id}"` })
  if (faults.length > 0) throw new ConfigError(faults)
  return corridors.filter(({ id }) => chosen?.includes(id) ?? true)
}

const corridorFiles = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(dir, name))

/** The corridor of a file, or what is wrong with it, one sentence a fault. */
export function readCorridor(file: string): Corridor | string[] {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    return [error instanceof SyntaxError ? 'is not JSON' : 'cannot be read']
  }
  const parsed = corridorSchema.safeParse(json)
  if (!parsed.success)
    return parsed.error.issues.map(({ path, message }) =>
      path.length === 0 ? message : `${path.join('.')}: ${message}`,
    )
  const faults = geometryFaults(parsed.data)
  return faults.length > 0 ? faults : parsed.data
}
