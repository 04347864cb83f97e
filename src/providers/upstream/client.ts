import { Agent, errors, request } from 'undici'
import { ProviderFailure } from '../failure.ts'
import { decode, tooLarge } from './decode.ts'
import { retryAfterMs } from './retry-after.ts'
import { throwIfStopped } from './stopped.ts'

export interface UpstreamLimits {
  /** Longest time for a whole call, ms; connecting may take half of it. */
  readonly timeoutMs: number
  /** Largest body, bytes, packed or not. */
  readonly maxBytes: number
  /** Epoch ms, to read a `Retry-After` that is a date. */
  now(): number
}

/** 16 MiB: ten times the largest flow answer of a city. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024

export interface UpstreamAnswer {
  readonly status: number
  /** Empty where an answer that reports a failure cannot be read. */
  readonly body: string
  /** How long the provider asks us to wait, ms; null where it says nothing. */
  readonly retryAfterMs: number | null
}

/** The one way out of the process to a provider. */
export interface Upstream {
  /**
   * One GET, without redirects.
   * @throws ProviderFailure `timeout`, also when the signal's own time is over, `unreachable`, or
   * `badAnswer` for a body that is too large, not JSON by its type, or cannot be unpacked;
   * the abort reason when `signal` ended it otherwise
   */
  get(url: URL, signal: AbortSignal): Promise<UpstreamAnswer>
  close(): Promise<void>
}

const OK = 200

/** An HTTP client with bounded time and size. Its errors never name the URL, which holds the key. */
export function createUpstream(limits: UpstreamLimits): Upstream {
  const { timeoutMs, maxBytes } = limits
  const agent = new Agent({
    connect: { timeout: timeoutMs / 2 },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: maxBytes,
  })
  const ask = async (url: URL, signal: AbortSignal): Promise<UpstreamAnswer> => {
    const { statusCode, headers, body } = await request(url, {
      dispatcher: agent,
      signal,
      headers: { accept: 'application/json', 'accept-encoding': 'gzip' },
    })
    const coding = String(headers['content-encoding'] ?? 'identity').toLowerCase()
    const read = async (): Promise<string> =>
      decode(Buffer.from(await body.arrayBuffer()), coding, maxBytes)
    const answer = {
      status: statusCode,
      retryAfterMs: retryAfterMs(headers['retry-after'], limits.now()),
    }
    // What failed is known by the status; its body need not be readable.
    if (statusCode !== OK) return { ...answer, body: await read().catch(() => '') }
    const type = headers['content-type'] ?? 'application/json'
    if (!/^application\/(\S+\+)?json\s*(;|$)/i.test(String(type))) {
      // A body that nobody reads would hold the connection; that it is torn off is no error.
      body.on('error', () => {}).destroy()
      throw new ProviderFailure('badAnswer', 'the answer is not JSON by its content type')
    }
    return { ...answer, body: await read() }
  }
  return {
    async get(url, signal) {
      const deadline = AbortSignal.timeout(timeoutMs)
      try {
        return await ask(url, AbortSignal.any([signal, deadline]))
      } catch (error) {
        throwIfStopped(signal)
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
  if (error instanceof errors.ResponseExceededMaxSizeError) return tooLarge(limits.maxBytes)
  return new ProviderFailure('unreachable', 'the connection failed or broke off')
}
