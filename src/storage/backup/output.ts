import { existsSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Writable } from 'node:stream'

/** Where a backup goes to. */
export interface Output {
  /** @throws OutputFault */
  write(bytes: Uint8Array): Promise<void>
  /** Ends a backup that is whole. @throws OutputFault */
  keep(): Promise<void>
  /** Ends one that is not: nothing is left of it, as far as it can be taken back. */
  drop(): Promise<void>
}

/** The backup cannot be written; the message says why, and follows the name of the file. */
export class OutputFault extends Error {
  override readonly name = 'OutputFault'
}

/** Why, by the code of the system's error. */
const FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'cannot be written: access is denied',
  EDQUOT: 'cannot be written: the disk is full',
  ENOENT: 'cannot be written: its folder is not there',
  ENOSPC: 'cannot be written: the disk is full',
  ENOTDIR: 'cannot be written: its folder is not a folder',
  EPIPE: 'cannot be written: nobody reads it',
  EROFS: 'cannot be written: its folder is read-only',
}

async function inOurWords<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const code = String(Object(error).code)
    throw new OutputFault(FAULTS[code] ?? `cannot be written (${code})`)
  }
}

/**
 * A file that has its name only when it is whole and on the disk; others may not read it.
 * @throws OutputFault, also where there is one by this name
 */
export async function newFile(path: string): Promise<Output> {
  if (existsSync(path)) throw new OutputFault('is there already: it is not written over')
  const partial = `${path}.partial`
  if (existsSync(partial))
    throw new OutputFault(
      `is being written by another backup, or one was cut off: if so, delete ${partial}`,
    )
  const handle = await inOurWords(open(partial, 'wx', 0o600))
  return {
    write: (bytes) => inOurWords(handle.writeFile(bytes)),
    keep: () => inOurWords(giveName(handle, partial, path)),
    async drop() {
      await handle.close()
      await rm(partial, { force: true })
    },
  }
}

async function giveName(handle: FileHandle, partial: string, path: string): Promise<void> {
  await handle.sync()
  await rename(partial, path)
  const folder = await open(dirname(path))
  await folder.sync().finally(() => folder.close())
  await handle.close()
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
