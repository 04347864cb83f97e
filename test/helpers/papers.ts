import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** The root of the project. */
export const ROOT = resolve(import.meta.dirname, '../..')

/** A fenced block of a paper. */
export interface Fence {
  /** What stands behind the opening fence: the language and its marks. */
  readonly info: string
  readonly text: string
  /** Of its first line of text, from 1. */
  readonly line: number
}

/** A document for people. */
export interface Paper {
  /** Its path in the project. */
  readonly path: string
  readonly text: string
  readonly fences: readonly Fence[]
}

const PATHS = ['*.md', 'docs/*.md', 'deploy/**/*.md']

/** Every paper of the project, by path. */
export const papers = (): Paper[] =>
  globSync(PATHS, { cwd: ROOT })
    .toSorted()
    .map((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8')
      return { path, text, fences: fencesOf(text) }
    })

function fencesOf(text: string): Fence[] {
  const fence = /^( *)```([^\n]*)\n([\s\S]*?)^\1```$/gm
  return [...text.matchAll(fence)].map(({ 1: indent = '', 2: info = '', 3: body = '', index }) => ({
    info: info.trim(),
    text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    line: text.slice(0, index).split('\n').length + 1,
  }))
}

/** What a clone would have, and changes that are not committed yet; the installed packages are linked. */
export function copyProject(to: string): void {
  const files = execFileSync(
    'git',
    ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: ROOT, encoding: 'utf8' },
  )
  for (const file of new Set(files.split('\0').filter((name) => name !== ''))) {
    mkdirSync(dirname(join(to, file)), { recursive: true })
    cpSync(join(ROOT, file), join(to, file))
  }
  symlinkSync(join(ROOT, 'node_modules'), join(to, 'node_modules'))
}
