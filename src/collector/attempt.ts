import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../clock.ts'
import type { BinIndex } from '../corridors/bins.ts'
import type { Corridor } from '../corridors/corridor.ts'
import { outcomeOf } from '../corridors/road-piece.ts'
import type { Snapshot } from '../corridors/snapshot.ts'
import { ProviderFailure } from '../providers/failure.ts'
import type { Provider, ProviderCall } from '../providers/provider.ts'
import type { Attempt } from '../storage/current-state.ts'
import { type Ending, isOfUse } from './best-of.ts'
import { isSnapshot, judge, measuredNothing } from './judge.ts'

/** One provider asked for one corridor. */
export interface Question {
  readonly corridor: Corridor
  readonly index: BinIndex
  readonly provider: Provider
  /** When the round began, epoch ms. */
  readonly roundMs: number
  /** The service stops. */
  readonly stop: AbortSignal
  /** Longest time for the answer, retries included, ms. */
  readonly mostMs: number
  /** The last good snapshot. */
  readonly previous: Snapshot | null
}

type How = Pick<Attempt, 'outcome' | 'detail'> & Pick<Ending, 'snapshot'>

/**
 * Asks a provider and judges its answer. Never rejects.
 * @returns null where it is not this process' turn to ask it
 */
export async function attempt(
  question: Question,
  clock: Clock,
  log: FastifyBaseLogger,
): Promise<Ending | null> {
  const atMs = clock.now()
  const calls: ProviderCall[] = []
  const how = await refresh(question, clock, calls).catch((error) =>
    failed(error, question.stop, log),
  )
  if (how === null) return null
  const { snapshot, ...rest } = how
  const durationMs = clock.now() - atMs
  const { name } = question.provider
  return { attempt: { atMs, provider: name, durationMs, ...rest }, snapshot, calls }
}

async function refresh(
  { corridor, index, provider, roundMs, stop, mostMs, previous }: Question,
  clock: Clock,
  calls: ProviderCall[],
): Promise<How | null> {
  if (provider.guard !== null && !(await provider.guard.budget.claim(roundMs))) return null
  const answer = await provider.refresh(corridor, {
    atMs: roundMs,
    signal: AbortSignal.any([stop, AbortSignal.timeout(mostMs)]),
    now: () => clock.now(),
    noteCall: (call) => void calls.push(call),
  })
  const fetchedAtMs = clock.now()
  const verdict = judge(corridor.id, index, answer, {
    provider: provider.name,
    fetchedAtMs,
    previous,
  })
  const snapshot = isSnapshot(verdict) ? verdict : null
  if (isOfUse({ snapshot })) return { outcome: 'ok', detail: '', snapshot }
  const { reason, detail } = isSnapshot(verdict) ? measuredNothing(verdict) : verdict
  return { outcome: outcomeOf(reason), detail, snapshot }
}

function failed(error: unknown, stop: AbortSignal, log: FastifyBaseLogger): How {
  if (error instanceof ProviderFailure)
    return { outcome: error.outcome, detail: error.message, snapshot: null }
  if (stop.aborted) return { outcome: 'stopped', detail: 'the service is stopping', snapshot: null }
  log.error({ err: error }, 'refresh broke')
  return { outcome: 'internalError', detail: 'an unexpected error', snapshot: null }
}
