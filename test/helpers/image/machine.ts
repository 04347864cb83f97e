import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isInstalled } from '../installed.ts'

const ENTER = join(import.meta.dirname, 'enter.sh')
const CHECKOUT = resolve(import.meta.dirname, '../../..')
const TOOLS = ['unshare', 'nsenter', 'setpriv', 'tini']

/** The layers of a root, all on one file system. */
export interface Place {
  /** What makes a base of this machine's root. */
  readonly base: string
  /** The layer above it. */
  readonly layer: string
  /** Whether that layer is written to; else the root is read-only. */
  readonly isWritable: boolean
  /** Folder for the mounts. */
  readonly folder: string
}

/** A process in it. */
export interface Inside {
  readonly command: readonly string[]
  readonly env: ReadonlyMap<string, string>
  readonly dir: string
  /** `uid:gid`, without any capability; null: root. */
  readonly user: string | null
  /** Folder that is mounted as /data. */
  readonly volume: string | null
}

/** Why no image can be put together here; false when it can. CI is never excused. */
export function noMachine(): string | false {
  const missing = TOOLS.filter((tool) => !isInstalled(tool))
  if (process.env.CI || (process.getuid?.() === 0 && missing.length === 0)) return false
  return `an image is put together by root, with ${TOOLS.join(', ')}`
}

/** Starts a process where the layers lie over this machine's root; only its own namespaces see it. */
export function startInside(place: Place, inside: Inside): ChildProcess {
  const { base, layer, isWritable, folder } = place
  // npm keeps what it has fetched in /root.
  const hidden = isWritable ? [CHECKOUT, '/tmp'] : [CHECKOUT, '/home', '/root', '/tmp']
  return spawn(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', 'sh', ENTER, ...wordsOf(inside)],
    {
      env: {
        PATH: process.env.PATH,
        WORK: mkdtempSync(join(folder, 'mounts-')),
        BASE: base,
        LOWER: isWritable ? '' : layer,
        UPPER: isWritable ? layer : '',
        HIDDEN: hidden.join(' '),
        VOLUME: inside.volume ?? '',
        DROP: dropTo(inside.user).join(' '),
        DIR: inside.dir,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
}

/** Starts another process beside the one with this id, as an engine's `exec` does. */
export function startBeside(pid: number, inside: Inside): ChildProcess {
  const enter = ['--target', String(pid), '--mount', '--pid', '--root']
  const env = ['/usr/bin/env', '-i', `--chdir=${inside.dir}`, ...wordsOf(inside)]
  return spawn('nsenter', [...enter, ...dropTo(inside.user), ...env], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

const wordsOf = ({ env, command }: Inside): string[] => [
  ...[...env].map(([name, value]) => `${name}=${value}`),
  ...command,
]

function dropTo(user: string | null): string[] {
  if (user === null) return []
  const [uid = '', gid = ''] = user.split(':')
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
  return ['setpriv', ...ids, '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all']
}

/** What a process wrote and how it ended. */
export async function endOf(child: ChildProcess): Promise<{ code: number | null; said: string }> {
  let said = ''
  for (const output of [child.stdout, child.stderr])
    output?.on('data', (chunk) => {
      said += chunk
    })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, said }))
  })
}
