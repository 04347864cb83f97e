import { Agent, errors, request } from 'undici'
import { ProviderFailure } from '../failure.ts'

export interface UpstreamLimits {
  /** Longest time for a whole call, ms. */
  readonly timeoutMs: number
  /** Largest body, bytes. */
  readonly maxBytes: number
}

/** 16 MiB: ten times the largest flow answer of a city. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024

export interface UpstreamAnswer {
  readonly status: number
  readonly body: string
}

/** The one way out of the process to a provider. */
export interface Upstream {
  /**
   * One GET, without redirects.
   * @throws ProviderFailure `timeout`, `unreachable`, or `badAnswer` for a body over the limit;
   * the abort reason when `signal` ended it
   */
  get(url: URL, signal: AbortSignal): Promise<UpstreamAnswer>
  close(): Promise<void>
}

/** An HTTP client with bounded time and size. Its errors never name the URL, which holds the key. */
export function createUpstream(limits: UpstreamLimits): Upstream {
  const agent = new Agent({
    connect: { timeout: limits.timeoutMs },
    headersTimeout: limits.timeoutMs,
    bodyTimeout: limits.timeoutMs,
    maxResponseSize: limits.maxBytes,
  })
  return {
    async get(url, signal) {
      const deadline = AbortSignal.timeout(limits.timeoutMs)
      try {
        const response = await request(url, {
          dispatcher: agent,
          signal: AbortSignal.any([signal, deadline]),
          headers: { accept: 'application/json', 'accept-encoding': 'identity' },
        })
        const coding = response.headers['content-encoding'] ?? 'identity'
        const body = await response.body.text()
        if (coding === 'identity') return { status: response.statusCode, body }
        throw new ProviderFailure('badAnswer', 'the answer is compressed, which was not asked for')
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof ProviderFailure) throw error
        throw toFailure(error, deadline, limits)
      }
    },
    close: () => agent.close(),
  }
}

function toFailure(error: unknown, deadline: AbortSignal, limits: UpstreamLimits): ProviderFailure {
  const timedOut = [
    errors.ConnectTimeoutError,
    errors.HeadersTimeoutError,
    errors.BodyTimeoutError,
  ].some((kind) => error instanceof kind)
  if (deadline.aborted || timedOut)
    return new ProviderFailure('timeout', `no answer within ${limits.timeoutMs} ms`)
  if (error instanceof errors.ResponseExceededMaxSizeError)
    return new ProviderFailure('badAnswer', `the answer is larger than ${limits.maxBytes} bytes`)
  return new ProviderFailure('unreachable', 'the connection failed or broke off')
}
