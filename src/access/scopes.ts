/** What a key allows; each allows what those before it do. */
export const SCOPES = ['read', 'write', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** What a route asks of whoever calls it: a key of a scope, or nothing. */
export type Access = Scope | 'open'

/** True where a scope allows what another asks for. */
export const allows = (scope: Scope, needed: Scope): boolean =>
  SCOPES.indexOf(scope) >= SCOPES.indexOf(needed)
