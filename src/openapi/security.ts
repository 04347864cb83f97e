import type { Access } from '../access/scopes.ts'

/** How a client may show its key. */
export const SECURITY_SCHEMES = {
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'A key as it is.' },
  bearer: { type: 'http', scheme: 'bearer', description: 'The same key as a Bearer token.' },
} as const

const WITH_KEY: Record<string, []>[] = [{ apiKey: [] }, { bearer: [] }]

/** Reading is open unless the operator has set AUTH_READS=key: there the key is an alternative. */
export function securityOf(access: Access): Record<string, []>[] {
  if (access === 'open') return []
  return access === 'read' ? [{}, ...WITH_KEY] : WITH_KEY
}
