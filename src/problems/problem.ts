/** Every way a request can fail: the status and the short title of each code. */
export const PROBLEMS = {
  invalid_input: { status: 400, title: 'A parameter or the body is wrong' },
  unauthorized: { status: 401, title: 'A valid key is needed' },
  forbidden: { status: 403, title: 'The key does not allow this' },
  not_found: { status: 404, title: 'There is nothing here' },
  method_not_allowed: { status: 405, title: 'This method is not allowed here' },
  not_acceptable: { status: 406, title: 'No representation that the request accepts' },
  payload_too_large: { status: 413, title: 'The request is too large' },
  unsupported_media_type: { status: 415, title: 'The body has an unsupported media type' },
  conflict: { status: 409, title: 'This is at odds with how things are' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal_error: { status: 500, title: 'Something went wrong here' },
  quota_exceeded: { status: 503, title: 'The budget of calls to the traffic provider is spent' },
  source_unavailable: { status: 503, title: 'The source of the data gives none' },
  network_error: { status: 503, title: 'The traffic provider cannot be reached' },
  no_coverage: { status: 503, title: 'The traffic provider does not cover this corridor' },
  stale_data: { status: 503, title: 'The last good snapshot is too old' },
  overloaded: { status: 503, title: 'The service cannot take this request now' },
} as const

export type ProblemCode = keyof typeof PROBLEMS

/** One wrong input: where it stands (JSON Pointer) and what is wrong with it. */
export interface InputFault {
  readonly pointer: string
  readonly detail: string
}

interface ProblemExtras {
  readonly retryAfterSeconds?: number
  readonly errors?: readonly InputFault[]
  /** Methods for the `Allow` header of a 405. */
  readonly allow?: readonly string[]
}

/** A failure that the client may see. Thrown anywhere, rendered in one place. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly extras: ProblemExtras

  /** @param detail for a person; holds no internal message, URL or key */
  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail)
    this.code = code
    this.extras = extras
  }

  get status(): number {
    return PROBLEMS[this.code].status
  }
}
