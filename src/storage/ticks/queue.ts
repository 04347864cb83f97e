import { randomUUID } from 'node:crypto'
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { makeFolder } from '../../make-folder.ts'
import { type Tick, tickSchema } from './tick.ts'

const compress = promisify(gzip)
const expand = promisify(gunzip)

/** What waits may take this much of the disk, bytes: a month of one corridor, and more. */
const MOST_BYTES = 256 * 1024 * 1024
const SUFFIX = '.json.gz'
/** What can never be written is kept under this ending, for a person to look at. */
const REJECTED = '.rejected'

/** Ticks that wait on disk until the database takes them, oldest first. */
export class TickQueue {
  readonly #dir: string
  readonly #mostBytes: number
  /** What is being written; one name, so that a full disk is not filled with what is half written. */
  readonly #unfinished: string
  /** Bytes by file name; null until the folder was looked at. */
  #files: Map<string, number> | null = null

  constructor(dir: string, mostBytes = MOST_BYTES) {
    this.#dir = dir
    this.#mostBytes = mostBytes
    this.#unfinished = join(dir, `${randomUUID()}.part`)
  }

  /** How many wait, as far as it is known. */
  get length(): number {
    return this.#files?.size ?? 0
  }

  /** The name of the oldest; null where none waits. */
  async oldest(): Promise<string | null> {
    return [...(await this.#known()).keys()].toSorted()[0] ?? null
  }

  /**
   * Adds a tick, which is on the disk when this resolves. Where all would take too much room, the
   * oldest make way.
   * @returns how many made way
   * @throws the file system's error when it cannot be written
   */
  async append(tick: Tick): Promise<number> {
    const bytes = await compress(JSON.stringify(tick))
    await makeFolder(this.#dir)
    const files = await this.#known()
    const name = `${String(tick.endedAtMs).padStart(15, '0')}-${randomUUID()}${SUFFIX}`
    await this.#write(name, bytes)
    files.set(name, bytes.length)
    let dropped = 0
    for (const oldest of [...files.keys()].toSorted()) {
      const total = [...files.values()].reduce((sum, size) => sum + size, 0)
      if (total <= this.#mostBytes || oldest === name) break
      await this.remove(oldest)
      dropped += 1
    }
    return dropped
  }

  /** @throws Error when the file is gone or damaged */
  async read(name: string): Promise<Tick> {
    const bytes = await expand(await readFile(join(this.#dir, name)))
    return tickSchema.parse(JSON.parse(bytes.toString()))
  }

  /** Takes a tick out that is written, or that another process took out before. */
  async remove(name: string): Promise<void> {
    await rm(join(this.#dir, name), { force: true })
    this.#files?.delete(name)
  }

  /**
   * Takes a tick out that can never be written, and keeps its file beside the queue.
   * @throws the file system's error where there is no such file; then it is taken out all the same
   */
  async reject(name: string): Promise<void> {
    this.#files?.delete(name)
    const file = join(this.#dir, name)
    await rename(file, `${file}${REJECTED}`)
  }

  async #known(): Promise<Map<string, number>> {
    if (this.#files !== null) return this.#files
    const names = await readdir(this.#dir).catch((error) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    const waiting = names.filter((name) => name.endsWith(SUFFIX))
    const sizes = waiting.map(
      async (name) => [name, (await stat(join(this.#dir, name))).size] as const,
    )
    this.#files = new Map(await Promise.all(sizes))
    return this.#files
  }

  /** Written under another name first: a file of the queue is whole, or is not there. */
  async #write(name: string, bytes: Buffer): Promise<void> {
    const handle = await open(this.#unfinished, 'w')
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(this.#unfinished, join(this.#dir, name))
    const folder = await open(this.#dir)
    await folder.sync().finally(() => folder.close())
  }
}
