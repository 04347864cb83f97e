import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { SECURITY_HEADERS } from '../security-headers.ts'
import { Problem } from './problem.ts'
import { renderProblem } from './render.ts'

/** The problem of a request that the HTTP parser gave up on, by the parser's error code. */
export function problemOfParser(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('payload_too_large', 'The headers are too large.')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new Problem('payload_too_large', 'The chunk extensions are too large.')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('invalid_input', 'The request did not arrive in time.')
    default:
      return new Problem('invalid_input', 'The request is not valid HTTP.')
  }
}

/** How long a client that goes on sending may take to read the answer, ms. */
const LINGER_MS = 1000

/**
 * Answers on a bare socket, where no request exists to reply to, and closes it.
 * @returns false where nobody is there any more
 */
export function writeRawProblem(socket: Duplex, problem: Problem, requestId: string): boolean {
  if (!socket.writable) return false
  const { status, headers, body } = renderProblem(problem, requestId)
  const lines = Object.entries({
    ...SECURITY_HEADERS,
    ...headers,
    date: new Date().toUTCString(),
    'x-request-id': requestId,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
  // Closed at once, it would be reset, and the answer lost, where more had arrived meanwhile.
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
  return true
}
