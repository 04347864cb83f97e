import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Writable } from 'node:stream'

/** Where a backup goes to. */
export interface Output {
  /** @throws OutputFault */
  write(bytes: Uint8Array): Promise<void>
  /** Ends a backup that is whole. @throws OutputFault */
  keep(): Promise<void>
  /**
   * Ends one that is not: nothing is left of it, as far as it can be taken back. That is done when
   * this returns; what is waited for is of no matter to a process that ends.
   */
  drop(): Promise<void>
}

/** The backup cannot be written; the message says why, and follows the name of the file. */
export class OutputFault extends Error {
  override readonly name = 'OutputFault'
}

const IS_THERE = 'is there already: it is not written over'

/** Why, by the code of the system's error. */
const FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'cannot be written: access is denied',
  EDQUOT: 'cannot be written: the disk is full',
  EEXIST: IS_THERE,
  ENOENT: 'cannot be written: its folder is not there',
  ENOSPC: 'cannot be written: the disk is full',
  ENOTDIR: 'cannot be written: its folder is not a folder',
  EPIPE: 'cannot be written: nobody reads it',
  EROFS: 'cannot be written: its folder is read-only',
}
/** The same at the end, when all is written. */
const LATE_FAULTS = { ...FAULTS, ENOENT: 'cannot be written: it was deleted meanwhile' }

async function inOurWords<T>(work: Promise<T>, faults = FAULTS): Promise<T> {
  try {
    return await work
  } catch (error) {
    const code = String(Object(error).code)
    throw new OutputFault(faults[code] ?? `cannot be written (${code})`)
  }
}

/**
 * A file that has its name only when it is whole and on the disk; others may not read it. Of several
 * that are made at once the first that is whole gets the name.
 * @throws OutputFault, also where there is one by this name
 */
export async function newFile(path: string): Promise<Output> {
  if (existsSync(path)) throw new OutputFault(IS_THERE)
  // A name of its own: what a killed process left is in nobody's way.
  const partial = `${path}.${randomBytes(4).toString('hex')}.partial`
  const handle = await inOurWords(open(partial, 'wx', 0o600))
  return {
    write: (bytes) => inOurWords(handle.writeFile(bytes)),
    keep: () => inOurWords(giveName(handle, partial, path), LATE_FAULTS),
    async drop() {
      rmSync(partial, { force: true })
      await handle.close()
    },
  }
}

async function giveName(handle: FileHandle, partial: string, path: string): Promise<void> {
  await handle.sync()
  takeName(partial, path)
  const folder = await open(dirname(path))
  await folder.sync().finally(() => folder.close())
  await handle.close()
}

/**
 * Renames a file, but not over another one. A hard link would do the same, but not on every file
 * system that backups are kept on. No signal comes in between.
 */
function takeName(partial: string, path: string): void {
  closeSync(openSync(path, 'wx'))
  try {
    renameSync(partial, path)
  } catch (error) {
    rmSync(path)
    throw error
  }
}

/** A stream that another program reads. */
export function toStream(stream: Writable): Output {
  // Told to whoever writes; without a listener it would end the process as well.
  stream.on('error', () => {})
  return {
    write: (bytes) =>
      inOurWords(
        new Promise((resolve, reject) => {
          stream.write(bytes, (error) => (error ? reject(error) : resolve()))
        }),
      ),
    async keep() {},
    async drop() {},
  }
}
