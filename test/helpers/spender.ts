import { closeSync, openSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { createUpstream } from '../../src/providers/upstream/client.ts'
import type { SharedStore } from '../../src/storage/shared/shared-store.ts'
import { guardOf } from './guards.ts'
import { NOW, storeAt } from './shared-stores.ts'

/*
 * A process that shares a store with others like it. It says that it is ready, waits for a line, does
 * its work and prints what came of it. Its one argument is JSON: what is to be done, and where.
 */

/** What a spender is told to do. */
export type Work =
  /** Tries to call an address within a month's budget; prints how many calls were answered. */
  | {
      readonly do: 'spend'
      readonly url: string
      readonly mostCalls: number
      readonly attempts: number
    }
  /** Takes the lease so many times; prints how often another had it as well. */
  | { readonly do: 'lead'; readonly owner: string; readonly turns: number; readonly file: string }

async function spend(
  store: SharedStore,
  { url, mostCalls, attempts }: Extract<Work, { do: 'spend' }>,
): Promise<number> {
  const now = (): number => NOW
  const guard = guardOf('here', { store, limits: { month: mostCalls }, now })
  const upstream = createUpstream({ timeoutMs: 30_000, maxBytes: 1000, now })
  const never = new AbortController().signal
  let answered = 0
  for (let attempt = 0; attempt < attempts; attempt += 1)
    try {
      await guard.run(never, () => upstream.get(new URL(url), never))
      answered += 1
    } catch (error) {
      // A budget that cannot be counted is not one that is spent.
      if (!(error instanceof ProviderFailure && /is spent until/.test(error.message))) throw error
    }
  await upstream.close()
  return answered
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
