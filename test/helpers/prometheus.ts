import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { z } from 'zod'
import { isInstalled } from './installed.ts'
import { closedPort } from './ports.ts'

/* A real Prometheus for the tests, from the binaries of the machine. */

const SERVER = 'prometheus'
const TOOL = 'promtool'

/** Why the tests with Prometheus cannot run here; false when they can. CI is never excused. */
export const noPrometheus = (): string | false => {
  if (process.env.CI || [SERVER, TOOL].every((binary) => isInstalled(binary))) return false
  return `there is no Prometheus: install ${SERVER} and ${TOOL}`
}

/** What `promtool check metrics` says of a scrape; nothing at all when it is faultless. */
export const lint = (scrape: string): string => promtool(['check', 'metrics'], scrape).said

/** Whether every query can be read, and what `promtool check rules` says of them. */
export function readQueries(
  folder: string,
  queries: readonly string[],
): { readonly ok: boolean; readonly said: string } {
  const file = join(folder, 'rules.yml')
  const rules = queries.map((expr, at) => ({ record: `query_${at}`, expr }))
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules }] }))
  return promtool(['check', 'rules', file])
}

/** Runs promtool; whether it found nothing wrong, and all that it said. */
export function promtool(
  args: readonly string[],
  input = '',
): { readonly ok: boolean; readonly said: string } {
  const { stdout, stderr, status, error } = spawnSync(TOOL, args, { input, encoding: 'utf8' })
  if (error !== undefined) throw error
  return { ok: status === 0, said: stdout + stderr }
}

/** What a query gives: the values by their labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const answer = z.object({
  status: z.literal('success'),
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        value: z.tuple([z.number(), z.string()]),
      }),
    ),
  }),
})

/** Asks until there is an answer with a sample. */
export type Ask = (query: string) => Promise<readonly Sample[]>

/**
 * Starts a server that scrapes one address every second; it ends after the test.
 * @param folder where it keeps all that it has
 * @param target `host:port`
 */
export async function startPrometheus(t: Test, folder: string, target: string): Promise<Ask> {
  const job = {
    job_name: 'ayalon',
    scrape_interval: '1s',
    static_configs: [{ targets: [target] }],
  }
  const get = await runPrometheus(t, folder, { scrape_configs: [job] })
  return async (query) => {
    for (;;) {
      const samples = samplesOf(await get('query', { query }))
      if (samples.length > 0) return samples
      await sleep(50)
    }
  }
}

/** What a query of the API answered, as far as it has samples: none where it is null. */
export const samplesOf = (answered: unknown): readonly Sample[] =>
  answered === null
    ? []
    : answer.parse(answered).data.result.map(({ metric, value }) => ({
        labels: metric,
        value: Number(value[1]),
      }))

/** Asks the HTTP API for something under `/api/v1/`; null where the server is not ready yet. */
export type Get = (path: string, parameters: Readonly<Record<string, string>>) => Promise<unknown>

/**
 * Starts a server; it ends after the test.
 * @param folder where it keeps all that it has
 * @param configuration as of prometheus.yml
 */
export async function runPrometheus(t: Test, folder: string, configuration: object): Promise<Get> {
  const config = join(folder, 'prometheus.yml')
  // JSON is YAML.
  writeFileSync(config, JSON.stringify(configuration))
  const address = `127.0.0.1:${await closedPort()}`
  const child = spawn(
    SERVER,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let said = ''
  for (const output of [child.stdout, child.stderr])
    output.on('data', (chunk) => {
      said += chunk
    })
  child.on('error', (error) => {
    said += error
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  // Waited for: what still writes would keep its folder from being removed.
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  return async (path, parameters) => {
    if (child.pid === undefined || child.exitCode !== null)
      throw new Error(`${SERVER} ended:\n${said}`)
    const url = `http://${address}/api/v1/${path}?${new URLSearchParams(parameters)}`
    // It does not listen yet, or has not scraped: 503 without JSON is its answer to that.
    const response = await fetch(url).catch(() => null)
    if (response === null || response.status === 503) return null
    return await response.json()
  }
}
