import { tally } from '../corridors/road-piece.ts'
import { ProviderFailure } from './failure.ts'
import type { ProviderAnswer } from './provider.ts'

/**
 * One answer from several bodies of one refresh: failed ones are counted as refused.
 * @throws ProviderFailure the first one, when no body was of use
 */
export function joinAnswers(parts: readonly (ProviderAnswer | ProviderFailure)[]): ProviderAnswer {
  const failures: ProviderFailure[] = []
  const answers: ProviderAnswer[] = []
  for (const part of parts) {
    if (part instanceof ProviderFailure) failures.push(part)
    else answers.push(part)
  }
  if (answers.length === 0)
    throw failures[0] ?? new ProviderFailure('badAnswer', 'there was no body to read')
  const times = answers.map((answer) => answer.observedAtMs).filter((time) => time !== null)
  return {
    pieces: answers.flatMap((answer) => answer.pieces),
    observedAtMs: times.length === 0 ? null : Math.min(...times),
    refused: tally([
      ...answers.flatMap((answer) => answer.refused),
      ...failures.map(({ outcome }) => ({ reason: outcome, pieces: 1 })),
    ]),
  }
}

/** Runs a parser or a call and hands a provider's failure back as a value. */
export async function orFailure(
  work: () => ProviderAnswer | Promise<ProviderAnswer>,
): Promise<ProviderAnswer | ProviderFailure> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ProviderFailure) return error
    throw error
  }
}
