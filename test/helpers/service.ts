import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { z } from 'zod'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { sectionsOf } from '../../src/corridors/corridor.ts'
import type { ProviderName } from '../../src/corridors/snapshot.ts'
import { createProvider } from '../../src/providers/create.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { createUpstream, MAX_BODY_BYTES } from '../../src/providers/upstream/client.ts'
import { Secret } from '../../src/secret.ts'
import type { Making } from './build-app.ts'
import { guardOf } from './guards.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

/** A line of the service's log. */
export type LogLine = Record<string, unknown>

/** The real process, run as a user would, in an empty folder and with only the given variables. */
export interface Service {
  readonly process: ChildProcess
  /** Everything it wrote to standard output and error. */
  output(): string
  /** Resolves with the first log line, past or coming, that has this message. */
  line(message: string): Promise<LogLine>
  /** Its exit code. */
  exited: Promise<number | null>
}

/** Starts `main.ts` with arguments and an environment; it is killed after the test. */
export function startProcess(
  t: Test,
  environment: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Service {
  const { PATH = '', NODE_OPTIONS = '', ...inherited } = process.env
  // The test runner's own variables let it see which lines of the process were run.
  const runner = Object.entries(inherited).filter(([name]) => /^_?TAP/.test(name))
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: t.testdirName,
    env: {
      ...Object.fromEntries(runner),
      PATH,
      NODE_OPTIONS,
      PORT: '0',
      RATE_LIMIT_PER_MINUTE: '100000',
      RATE_LIMIT_PER_HOUR: '100000',
      // A process that was stopped and goes on, or that others keep from running, has a late event loop.
      SHED_EVENT_LOOP_DELAY_MS: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  createInterface(child.stdout).on('line', (text) => {
    output += `${text}\n`
    if (text.startsWith('{')) lines.push(JSON.parse(text))
    for (const look of waiting) look()
  })
  const exited = once(child, 'close').then(([code]): number | null => code)
  // Waited for: what still writes would keep its folder from being removed.
  t.teardown(() => {
    child.kill('SIGKILL')
    return exited
  })
  return {
    process: child,
    output: () => output,
    exited,
    line: (message) =>
      new Promise((found, lost) => {
        const look = (): void => {
          const line = lines.find(({ msg }) => String(msg).startsWith(message))
          if (line !== undefined) found(line)
        }
        waiting.add(look)
        look()
        exited.then(
          () => lost(new Error(`the process ended before "${message}":\n${output}`)),
          lost,
        )
      }),
  }
}

/** A process that can be asked. */
export type Serving = Service & { readonly url: string; readonly port: number }

/** Starts the service and waits until it listens. */
export async function startListening(
  t: Test,
  environment: Readonly<Record<string, string>> = {},
): Promise<Serving> {
  const service = startProcess(t, environment)
  const { msg } = await service.line('Server listening at')
  const url = String(msg).replace('Server listening at ', '')
  return { ...service, url, port: Number(new URL(url).port) }
}

/** Starts the service and waits until it listens and has its first snapshot or failure. */
export async function startService(
  t: Test,
  environment: Readonly<Record<string, string>> = {},
): Promise<Serving> {
  const service = await startListening(t, environment)
  await service.line('refresh')
  return service
}

/** What HERE says of the whole Ayalon, at 36 km/h; it tells no time. */
export const HERE_SAYS = JSON.stringify({
  results: sectionsOf(AYALON).map(({ points }) => ({
    location: { shape: { links: [{ points: points.map(([lat, lng]) => ({ lat, lng })) }] } },
    currentFlow: { speed: 10, freeFlow: 25, confidence: 0.9 },
  })),
})

/** For `buildApp`: HERE as the only provider, asked where a stand-in is, with a guard on the app's clock. */
export function liveHere(t: Test, baseUrl: URL, guard: Parameters<typeof guardOf>[1] = {}) {
  const client = createUpstream({ timeoutMs: 10_000, maxBytes: MAX_BODY_BYTES, now: Date.now })
  t.teardown(() => client.close())
  const config = {
    HERE_API_KEY: Secret.of('canary-here'),
    HERE_BASE_URL: baseUrl,
    TOMTOM_API_KEY: null,
    TOMTOM_BASE_URL: baseUrl,
  }
  return {
    names: ['here'] as const,
    make: ({ store, clock, owner, lines }: Making): [Provider] => {
      const own = { store, owner, lines, address: baseUrl, now: () => clock.now() }
      const make = (name: ProviderName) => guardOf(name, { ...own, ...guard })
      return [createProvider('here', config, client, make, () => {})]
    },
  }
}

const rates = z.looseObject({ delay: z.looseObject({ central: z.number() }) }).nullable()
const section = z.looseObject({
  id: z.string(),
  status: z.string(),
  speedKmh: z.number().nullable(),
  rates,
})
const direction = z.looseObject({ status: z.string(), rates, sections: z.array(section) })

/** As much of a snapshot as the tests look at; in their own words, not the service's. */
const snapshot = z.looseObject({
  corridor: z.string(),
  snapshot: z.looseObject({ provider: z.string(), tier: z.string() }),
  coverage: z.number(),
  rates,
  directions: z.tuple([direction, direction]),
  quality: z.looseObject({ refused: z.array(z.unknown()) }),
})

/** The current snapshot of the Ayalon. */
export async function getSnapshot(url: string): Promise<z.infer<typeof snapshot>> {
  const response = await fetch(`${url}/v1/traffic/ayalon`)
  return snapshot.parse(await response.json())
}

/** What a replica says of itself, in the tests' own words. */
const upstreamView = z.object({
  collects: z.boolean().nullable(),
  store: z.string(),
  plan: z.object({ nextPollAt: z.string(), limitedBy: z.string() }).nullable(),
  providers: z.tuple([
    z.looseObject({
      breaker: z.object({ state: z.string(), until: z.string().nullable() }),
      quota: z
        .array(z.looseObject({ period: z.string(), used: z.number(), left: z.number().nullable() }))
        .nullable(),
    }),
  ]),
})

/** One process of several that share. */
export interface Replica extends Serving {
  /** The key by which HERE knows who asks. */
  readonly key: string
  upstream(): Promise<z.infer<typeof upstreamView>>
  collects(): Promise<boolean | null>
  used(): Promise<number | undefined>
  /** Status and id of the snapshot of the Ayalon. */
  snapshot(): Promise<{ status: number; id: string; freshness: string; code: string }>
  health(): Promise<{ status: string; checks: Record<string, { status: string }> }>
}

const snapshotView = z.object({
  snapshot: z.object({ id: z.string(), freshness: z.string() }).default({ id: '', freshness: '' }),
  code: z.string().default(''),
})
const healthView = z.object({
  status: z.string(),
  checks: z.record(z.string(), z.looseObject({ status: z.string() })),
})

/** @param admin the secret of a client that may see `/v1/upstream` */
export function replicaOf(service: Serving, key: string, admin: string): Replica {
  const get = (path: string) =>
    fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${admin}` } })
  const upstream = async () => upstreamView.parse(await (await get('/v1/upstream')).json())
  return {
    ...service,
    key,
    upstream,
    collects: async () => (await upstream()).collects,
    used: async () => (await upstream()).providers[0].quota?.[2]?.used,
    async snapshot() {
      const response = await get('/v1/traffic/ayalon')
      const { snapshot, code } = snapshotView.parse(await response.json())
      return { status: response.status, ...snapshot, code }
    },
    health: async () => healthView.parse(await (await get('/health')).json()),
  }
}
