import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import {
  ArchiveFault,
  CUT_OFF,
  DAMAGED,
  FOREIGN,
  type Head,
  readHead,
  readTableOrTail,
  type TableLine,
  type Tail,
  UNPACKABLE,
} from './archive.ts'

/** Some rows of a table, in the order of the archive. */
export interface Part extends TableLine {
  readonly head: Head
  /** Each is a row; not looked at yet. */
  readonly lines: readonly string[]
}

/** What the first and the last line of an archive say. */
export interface Archive {
  readonly head: Head
  readonly tail: Tail
}

/** Rows of a part, and the characters after which it has enough of them. */
const ROWS = 500
const CHARACTERS = 4_000_000
/** Unpacked at once, bytes. */
const CHUNK = 256 * 1024
/** No row is longer, characters: a raw answer has 16 MiB at most, which base64 makes a third more. */
const LONGEST_LINE = 32 * 1024 * 1024

/**
 * Reads an archive to its end.
 * @param schemas the migrations that this version knows
 * @param visit told of the rows, in order; that they are right is known only when all is read
 * @throws ArchiveFault where it is not whole and unaltered, or not for this version
 * @throws the file system's error where the file cannot be read
 */
export async function readArchive(
  file: string,
  schemas: readonly string[],
  visit: (part: Part) => Promise<void>,
): Promise<Archive> {
  const handle = await open(file)
  const reader = new Reader(schemas, visit)
  const unpacked = createGunzip({ chunkSize: CHUNK }).setEncoding('utf8')
  try {
    await pipeline(handle.createReadStream(), unpacked, async (texts: AsyncIterable<string>) => {
      for await (const text of texts) await reader.take(text)
    })
  } catch (error) {
    const code = String(Object(error).code)
    if (!code.startsWith('Z_')) throw error
    throw new ArchiveFault(code === 'Z_BUF_ERROR' ? CUT_OFF : UNPACKABLE)
  }
  return reader.end()
}

class Reader {
  readonly #schemas: readonly string[]
  readonly #visit: (part: Part) => Promise<void>
  readonly #hash = createHash('sha256')
  #head: Head | null = null
  #tail: Tail | null = null
  /** Those that were begun, with their rows so far. */
  readonly #tables: (TableLine & { rows: number })[] = []
  /** Rows that nobody was told of yet. */
  #lines: string[] = []
  #characters = 0
  /** The begin of a line whose end is still to come. */
  #begun = ''

  constructor(schemas: readonly string[], visit: (part: Part) => Promise<void>) {
    this.#schemas = schemas
    this.#visit = visit
  }

  async take(text: string): Promise<void> {
    const all = this.#begun + text
    const end = all.lastIndexOf('\n') + 1
    this.#begun = all.slice(end)
    if (this.#begun.length > LONGEST_LINE) throw new ArchiveFault(FOREIGN)
    if (end > 0) for (const line of all.slice(0, end - 1).split('\n')) await this.#take(line)
  }

  end(): Archive {
    if (this.#head === null) throw new ArchiveFault(FOREIGN)
    if (this.#tail === null) throw new ArchiveFault(CUT_OFF)
    if (this.#begun !== '') throw new ArchiveFault(DAMAGED)
    return { head: this.#head, tail: this.#tail }
  }

  async #take(line: string): Promise<void> {
    if (this.#tail !== null) throw new ArchiveFault(DAMAGED)
    if (this.#head === null) this.#head = readHead(line, this.#schemas)
    else if (line.startsWith('[')) await this.#takeRow(this.#head, line)
    else {
      await this.#tell(this.#head)
      const said = readTableOrTail(line)
      if ('sha256' in said) return this.#check(said)
      this.#tables.push({ ...said, rows: 0 })
    }
    this.#hash.update(`${line}\n`)
  }

  async #takeRow(head: Head, line: string): Promise<void> {
    this.#lines.push(line)
    this.#characters += line.length
    if (this.#lines.length >= ROWS || this.#characters > CHARACTERS) await this.#tell(head)
  }

  async #tell(head: Head): Promise<void> {
    const lines = this.#lines
    if (lines.length === 0) return
    this.#lines = []
    this.#characters = 0
    const last = this.#tables.at(-1)
    if (last === undefined) throw new ArchiveFault(DAMAGED)
    last.rows += lines.length
    await this.#visit({ head, table: last.table, columns: last.columns, lines })
  }

  #check(tail: Tail): void {
    const rows = Object.fromEntries(this.#tables.map(({ table, rows }) => [table, rows]))
    const isWhole = JSON.stringify(tail.rows) === JSON.stringify(rows)
    if (!isWhole || tail.sha256 !== this.#hash.digest('hex')) throw new ArchiveFault(DAMAGED)
    this.#tail = tail
  }
}
