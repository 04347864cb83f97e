import { statfs } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
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

const SAMPLE_EVERY_MS = 10_000

/** Measures the machine in the background, so that no probe waits for it. */
export class HostSampler {
  readonly #clock: Clock
  readonly #memory: Memory
  readonly #disk: string
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #cpu = cpuTimes()
  load: HostLoad = { cpuPercent: null, memoryPercent: null, diskPercent: null }

  /** @param disk a folder on the disk to watch */
  constructor(clock: Clock, memory: Memory, disk: string) {
    this.#clock = clock
    this.#memory = memory
    this.#disk = disk
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.load = await this.#sample()
      await this.#clock.sleep(SAMPLE_EVERY_MS, this.#stop.signal)
    }
  }

  async #sample(): Promise<HostLoad> {
    const before = this.#cpu
    this.#cpu = cpuTimes()
    const totalMs = this.#cpu.total - before.total
    const limit = this.#memory.limit()
    const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
    const disk = await statfs(this.#disk)
    return {
      // The first sample follows at once on the start, before there is a span to measure.
      cpuPercent: totalMs > 0 ? percent(this.#cpu.busy - before.busy, totalMs) : null,
      memoryPercent: percent(memory - this.#memory.available(), memory),
      diskPercent: percent(disk.blocks - disk.bavail, disk.blocks),
    }
  }
}

const percent = (part: number, whole: number): number =>
  Math.min(100, Math.max(0, Math.round((1000 * part) / whole) / 10))

function cpuTimes(): { total: number; busy: number } {
  let total = 0
  let idle = 0
  for (const { times } of cpus()) {
    total += times.user + times.nice + times.sys + times.irq + times.idle
    idle += times.idle
  }
  return { total, busy: total - idle }
}
