import { readFileSync } from 'node:fs'
import { Secret } from '../secret.ts'
import type { ConfigFault } from './faults.ts'

/**
 * A secret from `NAME` or from the file that `NAME_FILE` names; null when neither is set.
 * A file that cannot be read or is empty, and both at once, are added to the faults.
 * @param faultOf what is wrong with the value, without repeating it; null when nothing is
 */
export function readSecret(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  faults: ConfigFault[],
  faultOf: (value: string) => string | null = () => null,
): Secret | null {
  const value = env[name]
  const file = env[`${name}_FILE`]
  if (value !== undefined && file !== undefined)
    faults.push({ name, reason: `set either ${name} or ${name}_FILE, not both` })
  const note = (named: string, text: string): void => {
    const reason = faultOf(text)
    if (reason !== null) faults.push({ name: named, reason })
  }
  if (value !== undefined) {
    note(name, value)
    return Secret.of(value)
  }
  if (file === undefined) return null
  const held = contentOf(file)
  if (held === null) faults.push({ name: `${name}_FILE`, reason: 'the file cannot be read' })
  else if (held === '') faults.push({ name: `${name}_FILE`, reason: 'the file is empty' })
  else note(`${name}_FILE`, held)
  return Secret.fromFile(file, held ?? '')
}

/** What a file holds, trimmed; null when it cannot be read. */
export function contentOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return null
  }
}
