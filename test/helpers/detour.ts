import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A way to a server that can be cut or can hang. */
export interface Detour {
  readonly port: number
  /** Breaks every connection and refuses new ones. */
  cut(): Promise<void>
  /** Takes connections again. */
  mend(): Promise<void>
  /** Keeps the connections, and loses what is sent over them. Resolves when something was lost. */
  hang(): Promise<void>
}

/** Passes on what comes to a free loopback port. Closed after the test. */
export async function detourTo(t: Test, target: URL): Promise<Detour> {
  const { hostname, port: targetPort } = target
  const sockets = new Set<Socket>()
  let hanging: (() => void) | null = null
  const passOn = (from: Socket, to: Socket): void => {
    sockets.add(from)
    // A broken connection is what the tests are about: the other end is told, nobody else.
    from.on('error', () => {})
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
    from.on('data', (chunk) => {
      if (hanging === null) to.write(chunk)
      else hanging()
    })
  }
  const server: Server = createServer((client) => {
    const upstream = connect(Number(targetPort || 5432), hostname)
    passOn(client, upstream)
    passOn(upstream, client)
  })
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  await listen(0)
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const cut = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve())
    })
    for (const socket of sockets) socket.destroy()
    await closed
  }
  t.teardown(cut)
  return {
    port,
    cut,
    async mend() {
      hanging = null
      await listen(port)
    },
    hang: () =>
      new Promise((resolve) => {
        hanging = resolve
      }),
  }
}
