import { connect } from 'node:net'

const bytesEach = 64 * 1024
const everyMs = 500

interface Crowd {
  readonly clients: number
  /** Of the file. Each client begins at another place of it. */
  readonly size: number
  readonly seconds: number
}

/**
 * Clients that read 64 KiB every half second and leave the rest to the system and the hub, for so long. Bytes read by all. Rejects when
 * one of them is not answered, or hung up on.
 */
export async function downloadSlowly(url: URL, { clients, size, seconds }: Crowd): Promise<number> {
  const until = performance.now() + seconds * 1000
  const read = await Promise.all(
    Array.from({ length: clients }, (_, n) => readSlowly(url, Math.floor((n * size) / clients / 2), until)),
  )
  return read.reduce((sum, bytes) => sum + bytes, 0)
}

function readSlowly(url: URL, start: number, until: number): Promise<number> {
  return new Promise((settle, reject) => {
    let bytes = 0
    const socket = connect({
      port: Number(url.port),
      host: url.hostname,
      onread: {
        buffer: Buffer.alloc(bytesEach),
        callback(read, buffer) {
          const text = Buffer.from(buffer.subarray(0, 100)).toString('latin1')
          if (bytes === 0 && !text.startsWith('HTTP/1.1 206')) reject(new Error(`${url} answered ${text}`))
          bytes += read
          setTimeout(() => {
            if (performance.now() < until) socket.resume()
            else end()
          }, everyMs)
          return false
        },
      },
    })
    const end = () => {
      socket.removeAllListeners('close')
      socket.destroy()
      settle(bytes)
    }
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`${url}: the server hung up after ${bytes} bytes`)))
    socket.on('connect', () => {
      socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nRange: bytes=${start}-\r\n\r\n`)
    })
  })
}
