import type { TraceParent } from './traceparent.ts'

/** How a request ended. */
export interface RequestEnd {
  /** The route's pattern; null where there is none. */
  readonly route: string | null
  /** Null where the client went away before the answer. */
  readonly status: number | null
}

/** A request that is being traced. */
export interface RequestSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  end(how: RequestEnd): void
}

/** Tells somebody elsewhere how long requests take. */
export interface Tracer {
  /** @param parent the trace that the caller began; null where a new one begins */
  begin(
    request: { readonly method: string; readonly scheme: string },
    parent: TraceParent | null,
  ): RequestSpan
  /** Sends what is left; takes a bounded time and never rejects. */
  stop(): Promise<void>
}
