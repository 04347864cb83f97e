import { spawn, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { z } from 'zod'
import { closedPort } from './ports.ts'

/* A real Prometheus for the tests, from the binaries of the machine. */

const SERVER = 'prometheus'
const TOOL = 'promtool'

const isInstalled = (binary: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((dir) => existsSync(join(dir, binary)))

/** Why the tests with Prometheus cannot run here; false when they can. CI is never excused. */
export const noPrometheus = (): string | false => {
  if (process.env.CI || [SERVER, TOOL].every(isInstalled)) return false
  return `there is no Prometheus: install ${SERVER} and ${TOOL}`
}

/** What `promtool check metrics` says of a scrape; nothing at all when it is faultless. */
export const lint = (scrape: string): string => check(['metrics'], scrape).said

/** Whether every query can be read, and what `promtool check rules` says of them. */
export function readQueries(
  folder: string,
  queries: readonly string[],
): { readonly ok: boolean; readonly said: string } {
  const file = join(folder, 'rules.yml')
  const rules = queries.map((expr, at) => ({ record: `query_${at}`, expr }))
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules }] }))
  return check(['rules', file], '')
}

function check(args: readonly string[], input: string): { ok: boolean; said: string } {
  const { stdout, stderr, status, error } = spawnSync(TOOL, ['check', ...args], {
    input,
    encoding: 'utf8',
  })
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
  const config = join(folder, 'prometheus.yml')
  const job = {
    job_name: 'ayalon',
    scrape_interval: '1s',
    static_configs: [{ targets: [target] }],
  }
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ scrape_configs: [job] }))
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
  t.teardown(() => child.kill('SIGKILL'))
  return async (query) => {
    for (;;) {
      if (child.pid === undefined || child.exitCode !== null)
        throw new Error(`${SERVER} ended:\n${said}`)
      const url = `http://${address}/api/v1/query?query=${encodeURIComponent(query)}`
      // It does not listen yet, or has not scraped: 503 without JSON is its answer to that.
      const response = await fetch(url).catch(() => null)
      const samples = response?.ok ? answer.parse(await response.json()).data.result : []
      if (samples.length > 0)
        return samples.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
      await sleep(50)
    }
  }
}
