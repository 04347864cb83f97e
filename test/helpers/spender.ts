import { closeSync, openSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { QuotaWindow, SharedStore } from '../../src/storage/shared/shared-store.ts'
import { storeAt } from './shared-stores.ts'

/*
 * A process that shares a store with others like it. It says that it is ready, waits for a line, does
 * its work and prints what came of it. Its one argument is JSON: what is to be done, and where.
 */

/** What a spender is told to do. */
export type Work =
  /** Tries to count calls; prints how many were granted. */
  | {
      readonly do: 'spend'
      readonly provider: string
      readonly windows: readonly QuotaWindow[]
      readonly attempts: number
    }
  /** Takes the lease so many times; prints how often another had it as well. */
  | { readonly do: 'lead'; readonly owner: string; readonly turns: number; readonly file: string }

async function spend(
  store: SharedStore,
  { provider, windows, attempts }: Extract<Work, { do: 'spend' }>,
): Promise<number> {
  let granted = 0
  for (let attempt = 0; attempt < attempts; attempt += 1)
    if ((await store.countCall(provider, windows)).granted) granted += 1
  return granted
}

async function lead(
  store: SharedStore,
  { owner, turns, file }: Extract<Work, { do: 'lead' }>,
): Promise<number> {
  let shared = 0
  for (let turn = 0; turn < turns; ) {
    if (await store.holdLease(owner, Date.now(), 60_000)) {
      turn += 1
      if (!(await alone(file))) shared += 1
      await store.releaseLease(owner)
    }
    // Whoever has just had it lets the others come first.
    await sleep(1)
  }
  return shared
}

/** Whether no other process has the file, which is there as long as one does. */
async function alone(file: string): Promise<boolean> {
  try {
    closeSync(openSync(file, 'wx'))
  } catch {
    return false
  }
  await sleep(1)
  rmSync(file)
  return true
}

const { place, work } = JSON.parse(process.argv[2] ?? '')
const { store, close } = await storeAt(place)
const input = createInterface(process.stdin)
process.stdout.write('ready\n')
await new Promise((resolve) => input.once('line', resolve))
input.close()
process.stdout.write(`${await (work.do === 'spend' ? spend(store, work) : lead(store, work))}\n`)
await close()
