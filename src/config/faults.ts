/** One thing that is wrong with the configuration: which variable or file, and why. */
export interface ConfigFault {
  readonly name: string
  readonly reason: string
}

/** The configuration cannot be used. The message has a line for each fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ name, reason }) => `${name}: ${reason}`)
    super([...new Set(lines)].join('\n'))
  }
}
