import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { isInstalled } from './installed.ts'
import { closedPort, isOpen } from './ports.ts'

/* A real HAProxy for the tests, with the configuration that users get. */

const BINARY = 'haproxy'
/** Where Debian has it. */
const DEBIANS = '/usr/sbin'
const SETTINGS = resolve(import.meta.dirname, '../../deploy/haproxy/haproxy.cfg')

/** Why the tests with HAProxy cannot run here; false when they can. CI is never excused. */
export const noProxy = (): string | false => {
  if (process.env.CI || isInstalled(BINARY, DEBIANS)) return false
  return `there is no HAProxy: install ${BINARY}`
}

/** Starts a proxy before three replicas; it is ended after the test. Resolves with its address. */
export async function startProxy(
  t: Test,
  ports: readonly [number, number, number],
): Promise<string> {
  const port = await closedPort()
  const at = (number: number): string => `127.0.0.1:${number}`
  const child = spawn(BINARY, ['-f', SETTINGS, '-db'], {
    env: {
      PATH: `${process.env.PATH}${delimiter}${DEBIANS}`,
      LISTEN: at(port),
      REPLICA_1: at(ports[0]),
      REPLICA_2: at(ports[1]),
      REPLICA_3: at(ports[2]),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const ended = once(child, 'exit')
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  while (!(await isOpen(port))) {
    if (child.exitCode !== null) throw new Error(`${BINARY} ended:\n${said}`)
    await sleep(25)
  }
  return `http://${at(port)}`
}
