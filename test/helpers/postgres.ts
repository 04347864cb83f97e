import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { closedPort } from './ports.ts'

/*
 * A real Postgres server for the tests: the one that DATABASE_URL_TEST names, or one that is started
 * here, on a free port and a new data folder, from the binaries of the machine.
 */

/** A server that the tests may do with as they like. */
export interface PostgresServer {
  /** `postgres://…/postgres`; the user may create databases. */
  readonly url: string
  /** Kills the server, and starts it again on the same data; null for a server that is not ours. */
  readonly restart: { kill(): Promise<void>; start(): Promise<void> } | null
  stop(): Promise<void>
}

const BINARIES = 'postgres'

/** Of the user of a server that is started here. */
export const PASSWORD = 'canary-of-the-test-server'

function binDir(): string | null {
  const installed = '/usr/lib/postgresql'
  const versions = existsSync(installed) ? readdirSync(installed).toSorted().toReversed() : []
  const dirs = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...versions.map((version) => join(installed, version, 'bin')),
  ]
  const holds = (dir: string): boolean =>
    existsSync(join(dir, BINARIES)) && existsSync(join(dir, 'initdb'))
  return dirs.find(holds) ?? null
}

/** Why the tests on Postgres cannot run here; false when they can. CI is never excused. */
export const noPostgres = (): string | false => {
  if (process.env.DATABASE_URL_TEST || process.env.CI || binDir() !== null) return false
  return 'there is no Postgres: set DATABASE_URL_TEST, or install postgres and initdb'
}

/** The same for tests that need a server with settings of their own. */
export const noOwnPostgres = (): string | false => {
  if (binDir() !== null || (process.env.CI && !process.env.DATABASE_URL_TEST)) return false
  return 'no server can be started here: install postgres and initdb'
}

/** How a server of our own differs from the usual one. */
export interface ServerSetup {
  /** Settings of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
  /** Files of the data folder, by name, with what they hold; the server alone may read them. */
  readonly files?: Readonly<Record<string, string>>
}

/** The server refuses to run as root; then it runs as a user without rights. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/**
 * Starts a server, or takes the one that is given.
 * @param setup only a server that is started here can have one, so the given one is not taken
 * @throws Error where there is none and none can be started
 */
export async function startPostgres(setup?: ServerSetup): Promise<PostgresServer> {
  const given = process.env.DATABASE_URL_TEST
  if (given && setup === undefined) return { url: given, restart: null, async stop() {} }
  const bin = binDir()
  if (bin === null) throw new Error('no postgres and initdb on this machine')
  const user = unprivileged()
  const dir = mkdtempSync(join(tmpdir(), 'postgres-'))
  if (user) chownSync(dir, user.uid, user.gid)
  const data = join(dir, 'data')
  const keep = (file: string, content: string): void => {
    writeFileSync(file, content, { mode: 0o600 })
    if (user) chownSync(file, user.uid, user.gid)
  }
  // Like a server in use it asks for a password, which must not show in any output.
  const passwordFile = join(dir, 'password')
  keep(passwordFile, PASSWORD)
  // Options that every released version of the last ten years has.
  execFileSync(
    join(bin, 'initdb'),
    [
      ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`],
      ['-E', 'UTF8', '--locale=C', '-N'],
    ].flat(),
    { ...user, cwd: dir, stdio: 'pipe' },
  )
  for (const [name, content] of Object.entries(setup?.files ?? {})) keep(join(data, name), content)
  const settings = Object.entries(setup?.settings ?? {}).map(([name, value]) => `${name}=${value}`)
  const port = await closedPort()
  const url = `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`
  let server: ChildProcess | null = null
  const start = async (): Promise<void> => {
    const child = spawn(
      join(bin, BINARIES),
      [
        ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', dir],
        settings.flatMap((setting) => ['-c', setting]),
      ].flat(),
      { ...user, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let said = ''
    child.stderr.on('data', (chunk) => {
      said += chunk
    })
    server = child
    await answering(url, () => {
      if (child.exitCode !== null) throw new Error(`postgres ended:\n${said}`)
    })
  }
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const child = server
    server = null
    if (child === null || child.exitCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await exited
  }
  await start()
  return {
    url,
    restart: { kill: () => kill('SIGKILL'), start: () => again(start) },
    async stop() {
      await kill('SIGQUIT')
      rmSync(dir, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

/** After a kill the old server's processes may hold its memory for a moment longer. */
async function again(start: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await start()
    } catch (error) {
      if (attempt > 100 || !String(error).includes('shared memory')) throw error
      await sleep(50)
    }
  }
}

/** Resolves when the server takes connections. */
async function answering(url: string, check: () => void): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    check()
    try {
      return await execute(url, 'SELECT 1')
    } catch (error) {
      if (attempt > 600) throw error
      await sleep(25)
    }
  }
}

/** Runs one statement on a connection of its own. */
export async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

let databases = 0

/** A new, empty database on the server; its URL. */
export async function newDatabase({ url }: PostgresServer): Promise<string> {
  databases += 1
  const name = `test_${process.pid}_${Date.now()}_${databases}`
  await execute(url, `CREATE DATABASE ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return own.href
}
