import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AYALON } from '../corridors/ayalon.ts'
import { type Corridor, corridorSchema } from '../corridors/corridor.ts'
import { geometryFaults } from '../corridors/geometry-faults.ts'
import type { ConfigFault } from './faults.ts'

/**
 * The corridors to serve: the built-in Ayalon and one for each `*.json` in the folder, or the
 * chosen ones among them. Every fault of every file is added to the list.
 */
export function readCorridors(
  dir: string | undefined,
  chosen: readonly string[] | undefined,
  faults: ConfigFault[],
): Corridor[] {
  const before = faults.length
  const corridors: Corridor[] = [AYALON]
  for (const file of corridorFiles(dir, faults)) {
    const result = readCorridor(file)
    if (Array.isArray(result)) faults.push(...result.map((reason) => ({ name: file, reason })))
    else if (hasId(corridors, result.id))
      faults.push({ name: file, reason: `there is another corridor "${result.id}"` })
    else corridors.push(result)
  }
  // While files are broken, nobody can tell which ids there will be.
  const unknown = faults.length > before ? [] : (chosen ?? []).filter((id) => !hasId(corridors, id))
  faults.push(
    ...unknown.map((id) => ({ name: 'CORRIDORS', reason: `there is no corridor "${id}"` })),
  )
  return corridors.filter(({ id }) => chosen?.includes(id) ?? true)
}

const hasId = (corridors: readonly Corridor[], wanted: string): boolean =>
  corridors.some(({ id }) => id === wanted)

function corridorFiles(dir: string | undefined, faults: ConfigFault[]): string[] {
  if (dir === undefined) return []
  try {
    const names = readdirSync(dir).filter((name) => name.endsWith('.json'))
    return names.toSorted().map((name) => join(dir, name))
  } catch {
    faults.push({ name: 'CORRIDORS_DIR', reason: 'is not a folder that can be read' })
    return []
  }
}

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
