import { appendFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DiskWork } from '../disk-work.ts'

export interface LogFileOptions {
  readonly path: string
  /** Size at which a new file is begun, bytes. */
  readonly maxBytes: number
  /** How many old files are kept. */
  readonly keep: number
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Is told once each time that the file begins to fail. */
  readonly onFault: (error: unknown) => void
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/**
 * Lines in a file that is put aside, as `<path>.<UTC day>.<number>`, when its day is over or it
 * would grow too large. The oldest of these go. What was written is with the system when
 * `write` returns; a disk that fails loses lines and fails nobody.
 */
export class LogFile {
  readonly #options: LogFileOptions
  readonly #writing: DiskWork
  readonly #rotating: DiskWork
  /** The day of what is in the file. */
  #day: string
  #bytes: number

  /** @throws Error when the file cannot be written */
  constructor(options: LogFileOptions) {
    this.#options = options
    this.#writing = new DiskWork(options.onFault)
    this.#rotating = new DiskWork(options.onFault)
    const before = statSync(options.path, { throwIfNoEntry: false })
    this.#day = dayOf(before?.mtimeMs ?? options.now())
    this.#bytes = before?.size ?? 0
    this.#append('')
  }

  /** Adds a line, which ends with a line break. Never throws. */
  write(line: string): void {
    const today = dayOf(this.#options.now())
    // A write that failed may have left the beginning of a line.
    const text = this.#writing.isFailing ? `\n${line}` : line
    const bytes = Buffer.byteLength(text)
    const isFull = this.#bytes > 0 && this.#bytes + bytes > this.#options.maxBytes
    if (today !== this.#day || isFull) {
      this.#rotating.try(() => this.#rotate())
      // Where that failed the file goes on, and it is tried again when this much more is in it.
      this.#day = today
      this.#bytes = 0
    }
    this.#writing.try(() => {
      this.#append(text)
      this.#bytes += bytes
    })
  }

  #append(text: string): void {
    appendFileSync(this.#options.path, text, { mode: 0o640 })
  }

  #rotate(): void {
    const { path, keep } = this.#options
    const numbers = this.#old().flatMap(({ day, number }) => (day === this.#day ? [number] : []))
    renameSync(path, `${path}.${this.#day}.${Math.max(0, ...numbers) + 1}`)
    for (const { name } of this.#old().slice(keep)) rmSync(join(dirname(path), name))
  }

  /** What was put aside, the latest first. */
  #old(): { readonly name: string; readonly day: string; readonly number: number }[] {
    const { path } = this.#options
    const own = `${basename(path)}.`
    return readdirSync(dirname(path))
      .filter((name) => name.startsWith(own))
      .flatMap((name) => {
        const [, day, number] = /^(\d{4}-\d{2}-\d{2})\.(\d+)$/.exec(name.slice(own.length)) ?? []
        return day === undefined ? [] : [{ name, day, number: Number(number) }]
      })
      .toSorted((a, b) => b.day.localeCompare(a.day) || b.number - a.number)
  }
}
