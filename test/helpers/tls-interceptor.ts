import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, TLSSocket } from 'node:tls'
import type { Test } from 'tap'

/** The message by which a Postgres client asks for TLS. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/**
 * Stands between a client and a Postgres server with a certificate of its own: takes the client's
 * TLS off, and passes all on to the server over another TLS.
 * @returns the port to connect to
 */
export async function interceptor(
  t: Test,
  serverPort: number,
  identity: { readonly cert: string; readonly key: string },
): Promise<number> {
  const open = new Set<Duplex>()
  const kept = <S extends Duplex>(socket: S): S => {
    open.add(socket)
    // Either side may hang up; then the other is told.
    socket.on('error', () => {})
    return socket
  }
  const intercept = async (client: Socket): Promise<void> => {
    await once(client, 'data')
    const toServer = kept(connect(serverPort, '127.0.0.1'))
    toServer.write(SSL_REQUEST)
    await once(toServer, 'data')
    const server = kept(connectTls({ socket: toServer, rejectUnauthorized: false }))
    client.write('S')
    const clear = kept(new TLSSocket(client, { isServer: true, ...identity }))
    clear.pipe(server).pipe(clear)
  }
  const listener = createServer((client) => {
    intercept(kept(client)).catch((error) => client.destroy(error))
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => {
    for (const socket of open) socket.destroy()
    listener.close()
  })
  const address = listener.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
