import type { Corridor } from '../../src/corridors/corridor.ts'
import { sectionsOf } from '../../src/corridors/corridor.ts'
import type { RoadPiece } from '../../src/corridors/road-piece.ts'
import type {
  Provider,
  ProviderAnswer,
  ProviderCall,
  RefreshContext,
} from '../../src/providers/provider.ts'

/** Pieces that cover the corridor's sections at a speed; free flow is 95 km/h. */
export const piecesOf = (corridor: Corridor, speedKmh: number, first = 99): RoadPiece[] =>
  sectionsOf(corridor)
    .slice(0, first)
    .map(({ points }) => ({ points, speedKmh, freeFlowKmh: 95, confidence: 0.9, closed: false }))

/** A good answer: the whole corridor at a speed. */
export const answerOf = (
  corridor: Corridor,
  speedKmh: number,
  observedAtMs: number | null = null,
): ProviderAnswer => ({ pieces: piecesOf(corridor, speedKmh), observedAtMs, refused: [] })

/** What a scripted provider does at one call: answer, or throw. */
export type Turn = (
  corridor: Corridor,
  context: RefreshContext,
) => ProviderAnswer | Promise<ProviderAnswer>

/** A provider that plays turns in order, the last one for ever, and counts its calls. */
export function scripted(
  name: Provider['name'],
  ...turns: readonly [Turn, ...Turn[]]
): Provider & { calls: number } {
  const provider = {
    name,
    guard: null,
    callsFor: () => 0,
    calls: 0,
    async refresh(corridor: Corridor, context: RefreshContext) {
      const turn = turns[Math.min(provider.calls, turns.length - 1)] ?? turns[0]
      provider.calls += 1
      return turn(corridor, context)
    },
  }
  return provider
}

/** A turn that fails. */
export const failing =
  (error: Error): Turn =>
  () => {
    throw error
  }

const never = new AbortController().signal

/** What a provider is called with; every call over the network is added to the list. */
export const contextAt = (
  atMs: number,
  signal: AbortSignal = never,
  calls: ProviderCall[] = [],
): RefreshContext => ({ atMs, signal, now: () => atMs, noteCall: (call) => void calls.push(call) })
