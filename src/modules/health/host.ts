import { statfs } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { BackgroundLoop } from '../../background-loop.ts'
import type { Clock } from '../../clock.ts'

/** How full the machine is, percent; null until it was measured. */
export interface HostLoad {
  readonly cpuPercent: number | null
  readonly memoryPercent: number | null
  readonly diskPercent: number | null
}

/** Memory as the process may use it, bytes: of the container where there is one. */
export interface Memory {
  available(): number
  /** The container's limit, or some huge number or 0 where there is none. */
  limit(): number
}

/** What the process may use in all, bytes: the container's limit, else the machine's memory. */
export function memoryBytes(memory: Memory): number {
  const limit = memory.limit()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

const SAMPLE_EVERY_MS = 10_000

/** Measures the machine in the background, so that no probe waits for it. */
export class HostSampler {
  readonly #memory: Memory
  readonly #disk: string
  readonly loop: BackgroundLoop
  /** Null before the first sample, which has no span to measure. */
  #cpu: CpuTimes | null = null
  load: HostLoad = { cpuPercent: null, memoryPercent: null, diskPercent: null }

  /** @param disk a folder on the disk to watch */
  constructor(clock: Clock, memory: Memory, disk: string) {
    this.#memory = memory
    this.#disk = disk
    this.loop = new BackgroundLoop(clock, async () => {
      this.load = await this.#sample()
      return SAMPLE_EVERY_MS
    })
  }

  async #sample(): Promise<HostLoad> {
    const before = this.#cpu
    const now = cpuTimes()
    this.#cpu = now
    const memory = memoryBytes(this.#memory)
    return {
      cpuPercent: before && percent(now.busy - before.busy, now.total - before.total),
      memoryPercent: percent(memory - this.#memory.available(), memory),
      diskPercent: await diskPercent(this.#disk),
    }
  }
}

/** Null where the folder cannot be looked at, which is no reason to stop serving. */
async function diskPercent(folder: string): Promise<number | null> {
  const disk = await statfs(folder).catch(() => null)
  return disk && percent(disk.blocks - disk.bavail, disk.blocks)
}

/** Null where there is nothing to be a part of: no span between two samples, say. */
const percent = (part: number, whole: number): number | null =>
  whole > 0 ? Math.min(100, Math.max(0, Math.round((1000 * part) / whole) / 10)) : null

interface CpuTimes {
  readonly total: number
  readonly busy: number
}

function cpuTimes(): CpuTimes {
  let total = 0
  let idle = 0
  for (const { times } of cpus()) {
    total += times.user + times.nice + times.sys + times.irq + times.idle
    idle += times.idle
  }
  return { total, busy: total - idle }
}
