import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { AuditEvent, AuditTrail } from '../audit-trail.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What the route did, where it says more than that something was written; else null. */
    audited: { readonly event: 'keyCreated' | 'keyRevoked'; readonly subject: string } | null
  }
}

export interface AuditOptions {
  readonly trail: AuditTrail
}

/**
 * Keeps who wrote and who was refused, in the audit trail and in the log. What a limit refused is
 * only in the request log: it changed nothing, and nothing bounds how often it comes.
 */
export const audit = fp(async (app: FastifyInstance, { trail }: AuditOptions) => {
  app.decorateRequest('audited', null)
  // Not at the end of the answer: for a client that went away there is none.
  app.addHook('onSend', async (request, reply) => {
    const event = eventOf(request, reply)
    if (event === null) return
    const entry = {
      event,
      subject: request.audited?.subject ?? null,
      via: 'request',
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      keyId: request.apiKey?.id ?? null,
      address: request.ip,
    } as const
    trail.record(entry)
    const { requestId: _, ...line } = entry
    request.log.info(line, 'audit')
  })
})

function eventOf(request: FastifyRequest, reply: FastifyReply): AuditEvent | null {
  if (reply.exceeded !== null) return null
  if (request.showedWrongKey) return 'keyRefused'
  if (reply.problemCode === 'unauthorized') return null
  if (reply.problemCode === 'forbidden') return 'forbidden'
  if (request.audited !== null) return request.audited.event
  const { access } = request.routeOptions.config
  const isWrite = request.method !== 'GET' && request.method !== 'HEAD'
  return isWrite && (access === 'write' || access === 'admin') ? 'write' : null
}
