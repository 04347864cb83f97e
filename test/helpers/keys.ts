import type { Connection } from '../../src/storage/connection.ts'

/** Puts so many keys into the database that nobody has. */
export async function fillKeys(connection: Connection, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, index) => ({
    id: String(index).padStart(16, '0'),
    name: 'one of many',
    scope: 'read' as const,
    hash: '0'.repeat(64),
    created_ms: 0,
  }))
  await connection.use(({ write }) => write.insertInto('api_keys').values(rows).execute())
}
