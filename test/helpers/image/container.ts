import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { closedPort } from '../ports.ts'
import type { Image } from './build.ts'
import { endOf, startBeside, startInside } from './machine.ts'

/** The container that an engine would make of an image, its root read-only. */
export interface Container {
  readonly url: string
  /** Runs a command beside the service, as its user and with its variables. */
  exec(...command: string[]): Promise<{ code: number | null; said: string }>
  /** Sends the image's signal to its first process; with what the container ended, and all it said. */
  stop(): Promise<{ code: number | null; said: string }>
}

/**
 * Starts the image's own command and waits until it is ready.
 * @param volume folder that is mounted as /data
 */
export async function startContainer(
  t: Test,
  image: Image,
  options: {
    readonly volume: string
    readonly base: string
    readonly folder: string
    readonly env?: Readonly<Record<string, string>>
  },
): Promise<Container> {
  const { base, folder, volume } = options
  const port = await closedPort()
  const env = new Map([
    ...image.env,
    ['PORT', String(port)],
    ...Object.entries(options.env ?? {}),
  ] as const)
  const inside = { env, dir: image.dir, user: image.user, volume }
  const command = [...image.entrypoint, ...image.command]
  const place = { base, layer: image.layer, isWritable: false, folder }
  const child = startInside(place, { ...inside, command })
  const ended = endOf(child)
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  const url = `http://127.0.0.1:${port}`
  let isOver = false
  const over = ended.then(() => {
    isOver = true
  })
  for (;;) {
    const isReady = await fetch(`${url}/health/ready`).then(
      ({ status }) => status === 200,
      () => false,
    )
    if (isReady) break
    await Promise.race([sleep(50), over])
    if (isOver) throw new Error(`the container ended:\n${(await ended).said}`)
  }
  const first = firstOf(child.pid ?? 0)
  return {
    url,
    exec: (...words) => endOf(startBeside(first, { ...inside, command: words })),
    async stop() {
      process.kill(first, image.stopSignal)
      return ended
    },
  }
}

/** The process that is the first of its container, as this machine numbers it. */
const firstOf = (unshare: number): number =>
  Number(readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8').trim())
