import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'

/** A request as the stand-in saw it. */
export interface Seen {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingHttpHeaders
}

/** What to answer (status 200 and no body unless said), or a function that does it, or never does. */
export type Answer =
  | {
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }
  | ((response: ServerResponse, request: Seen) => void)

export interface StandIn {
  /** Ends with a slash. */
  readonly baseUrl: URL
  /** Every request so far, in order. */
  readonly requests: readonly Seen[]
  /** Cuts every connection and stops listening, so that the next one is refused. */
  close(): Promise<void>
}

/**
 * A real HTTP server on a free loopback port that plays a provider: it gives the answers in order,
 * the last one for ever, and notes the requests. Closed after the test.
 */
export async function standIn(
  t: { teardown(work: () => unknown): void },
  ...answers: readonly [Answer, ...Answer[]]
): Promise<StandIn> {
  const requests: Seen[] = []
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)] ?? answers[0]
    const { method = '', url = '', headers } = request
    const seen = { method, url: new URL(url, baseUrl), headers }
    requests.push(seen)
    if (typeof answer === 'function') answer(response, seen)
    else response.writeHead(answer.status ?? 200, answer.headers).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it does not listen on TCP')
  const baseUrl = new URL(`http://127.0.0.1:${address.port}/`)
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  t.teardown(close)
  return { baseUrl, requests, close }
}

/** An answer that never comes. */
export const silence: Answer = () => {}

/** A connection that is reset instead of answered. */
export const reset: Answer = (response) => void response.socket?.resetAndDestroy()
