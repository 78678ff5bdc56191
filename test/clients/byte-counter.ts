import { connect, createServer, type Socket } from 'node:net'

/** A wire with a meter between a client and the hub. */
export interface ByteCounter {
  /** What the client uses in place of the hub's address. */
  readonly url: string
  /** Bytes that went to the hub and that came from it, since the last `reset`; headers included. */
  readonly sent: number
  readonly received: number
  reset(): void
  close(): Promise<void>
}

/** Listens on a free port and hands every connection on to the hub, byte for byte. */
export async function countBytes(hubPort: number): Promise<ByteCounter> {
  let sent = 0
  let received = 0
  const open = new Set<Socket>()
  const server = createServer(client => {
    const hub = connect(hubPort, '127.0.0.1')
    for (const socket of [client, hub]) {
      open.add(socket)
      socket.on('close', () => open.delete(socket))
    }
    client.on('data', bytes => {
      sent += bytes.length
    })
    hub.on('data', bytes => {
      received += bytes.length
    })
    client.on('error', () => hub.destroy())
    hub.on('error', () => client.destroy())
    client.pipe(hub)
    hub.pipe(client)
  })
  await new Promise<void>((settle, reject) => {
    server.on('error', reject)
    server.listen(0, '127.0.0.1', settle)
  })
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('the system gave no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    get sent() {
      return sent
    },
    get received() {
      return received
    },
    reset: () => {
      sent = 0
      received = 0
    },
    close: async () => {
      const closed = new Promise(settle => server.close(settle))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
