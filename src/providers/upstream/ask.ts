import { ProviderFailure } from '../failure.ts'
import type { LiveOptions } from '../live-options.ts'
import type { ProviderCall, RefreshContext } from '../provider.ts'
import type { UpstreamAnswer } from './client.ts'

/**
 * Asks a live provider for one thing, through its guard; every call is noted, whatever comes of it.
 * @param name what is asked for
 * @param failureOf what is wrong with an answer by its status; null for one that is to be read
 * @returns the body
 * @throws ProviderFailure when there is no answer to read; the abort reason when it was stopped
 */
export function ask(
  { upstream, key, guard }: LiveOptions,
  name: string,
  url: URL,
  context: RefreshContext,
  failureOf: (answer: UpstreamAnswer) => ProviderFailure | null,
): Promise<string> {
  return guard.run(context.signal, async () => {
    const atMs = context.now()
    const note = (outcome: ProviderCall['outcome'], body: string | null): void =>
      context.noteCall({ name, atMs, durationMs: context.now() - atMs, outcome, body })
    const answer = await upstream.get(url, context.signal).catch((error) => {
      note(error instanceof ProviderFailure ? error.outcome : 'stopped', null)
      throw error
    })
    const failure = failureOf(answer)
    note(failure?.outcome ?? 'ok', failure === null ? key.redact(answer.body) : null)
    if (failure !== null) throw failure
    return answer.body
  })
}
