import { appendFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BackgroundLoop } from './background-loop.ts'
import type { Clock } from './clock.ts'
import { DiskWork } from './disk-work.ts'
import { makeFolderSync } from './make-folder.ts'

/** What is kept of who did what. */
export type AuditEvent = 'write' | 'keyCreated' | 'keyRevoked' | 'keyRefused' | 'forbidden'

/** How it came about: by a request, whose id finds it in the log, or on the machine itself. */
type AuditVia =
  | { readonly via: 'commandLine' }
  | {
      readonly via: 'request'
      readonly requestId: string
      readonly method: string
      /** The route's pattern. */
      readonly route: string | undefined
      readonly status: number
      /** Null where the client had no valid key. */
      readonly keyId: string | null
      readonly address: string
    }

export type AuditEntry = AuditVia & {
  readonly event: AuditEvent
  /** Id of what was changed; null where the route says it all. */
  readonly subject: string | null
}

export interface AuditTrailOptions {
  readonly dataDir: string
  readonly retentionDays: number
  readonly clock: Clock
  /** Is told once each time that the trail begins to fail. */
  readonly onFault: (error: unknown) => void
}

const DAY_MS = 86_400_000
const FILE = /^(\d{4}-\d{2}-\d{2})\.jsonl$/

/**
 * Who changed what, and who was refused: JSON lines in `audit` of the data folder, a file for each
 * UTC day. Lines are only ever added, each by one write, so that several processes may do so. A
 * disk that fails fails nobody else.
 */
export class AuditTrail {
  readonly #options: AuditTrailOptions
  readonly #dir: string
  readonly #writing: DiskWork
  /** Removes what is too old, at the start and then as each UTC day begins. */
  readonly loop: BackgroundLoop

  constructor(options: AuditTrailOptions) {
    const { clock, onFault } = options
    this.#options = options
    this.#dir = join(options.dataDir, 'audit')
    this.#writing = new DiskWork(onFault)
    const pruning = new DiskWork(onFault)
    this.loop = new BackgroundLoop(clock, async () => {
      pruning.try(() => this.#prune())
      return DAY_MS - (clock.now() % DAY_MS)
    })
  }

  /** Adds an entry. Never throws. */
  record(entry: AuditEntry): void {
    const at = new Date(this.#options.clock.now()).toISOString()
    // A write that failed may have left the beginning of a line.
    const before = this.#writing.isFailing ? '\n' : ''
    const line = `${before}${JSON.stringify({ at, ...entry })}\n`
    this.#writing.try(() => {
      this.#append(`${at.slice(0, 10)}.jsonl`, line)
    })
  }

  #append(name: string, line: string): void {
    const write = (): void => appendFileSync(join(this.#dir, name), line, { mode: 0o600 })
    try {
      write()
    } catch {
      // It was not there yet, or fails again and says why.
      makeFolderSync(this.#dir, 0o700)
      write()
    }
  }

  #prune(): void {
    const { clock, retentionDays } = this.#options
    const oldest = new Date(clock.now() - retentionDays * DAY_MS).toISOString().slice(0, 10)
    makeFolderSync(this.#dir, 0o700)
    for (const name of readdirSync(this.#dir)) {
      const day = FILE.exec(name)?.[1]
      if (day !== undefined && day < oldest) rmSync(join(this.#dir, name), { force: true })
    }
  }
}
