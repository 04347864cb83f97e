import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { newFolder } from './databases.ts'

/** A file system of its own, of two megabytes. Unmounted after the test. */
export function smallDisk(t: Test): string {
  const dir = newFolder(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir], { stdio: 'pipe' })
  t.teardown(() => execFileSync('umount', ['-l', dir]))
  return dir
}

/** Takes all the room there is; gives it back when it is called. */
export function fillDisk(dir: string): () => void {
  const file = join(dir, 'filler')
  const handle = openSync(file, 'w')
  for (const size of [65_536, 4096, 1])
    try {
      for (;;) writeSync(handle, Buffer.alloc(size))
    } catch {
      // No room for a piece of this size: smaller ones fill the rest.
    }
  closeSync(handle)
  return () => rmSync(file)
}

/** Why no disk can be full here; false where one can. */
export function noFullDisk(): string | false {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'pipe' })
    return false
  } catch {
    return 'only an administrator may mount a small disk'
  }
}
