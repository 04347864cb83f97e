import { readFile, stat } from 'node:fs/promises'
import { inspect } from 'node:util'

const REDACTED = '[REDACTED]'

/**
 * A secret that does not show: printed, logged or serialised it is `[REDACTED]`. One that came
 * from a file is read again when the file changes, so that a key can be rotated without a restart.
 */
export class Secret {
  #value: string
  readonly #known = new Set<string>()
  #readFrom: string | null
  #fileStamp = ''
  #isMissing = false

  private constructor(value: string, file: string | null) {
    this.#value = value
    this.#known.add(value)
    this.#readFrom = file
  }

  static of(value: string): Secret {
    return new Secret(value, null)
  }

  /** @param value what the file holds now */
  static fromFile(file: string, value: string): Secret {
    return new Secret(value.trim(), file)
  }

  /** The secret itself. A file that is gone or empty keeps the last value. */
  async reveal(): Promise<string> {
    if (this.#readFrom !== null) await this.#refresh(this.#readFrom)
    return this.#value
  }

  /**
   * A text with every occurrence of the secret taken out: of every value that it had, plain and in
   * the forms in which a URL or a JSON text repeats it.
   */
  redact(text: string): string {
    return [...this.#known]
      .flatMap(formsOf)
      .reduce((clean, form) => clean.replaceAll(form, REDACTED), text)
  }

  /** True while the file is gone or empty, and the last value stands. */
  get isMissing(): boolean {
    return this.#isMissing
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }

  async #refresh(file: string): Promise<void> {
    try {
      const { mtimeMs, size, ino } = await stat(file)
      const stamp = `${mtimeMs} ${size} ${ino}`
      if (stamp === this.#fileStamp) return
      const value = (await readFile(file, 'utf8')).trim()
      this.#isMissing = value === ''
      if (this.#isMissing) return
      this.#value = value
      this.#known.add(value)
      this.#fileStamp = stamp
    } catch {
      // While a file is being replaced it may be missing for a moment; the last value stands.
      this.#isMissing = true
    }
  }
}

const formsOf = (value: string): string[] => [
  value,
  encodeURIComponent(value),
  encodeURIComponent(value).replaceAll(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()),
  new URLSearchParams({ '': value }).toString().slice(1),
  JSON.stringify(value).slice(1, -1),
  value.replaceAll('/', '\\/'),
]
