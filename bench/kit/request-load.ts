import { connect } from 'node:net'

/**
 * The load generator, a process of its own: asks the same over connections that stay open, the next question as soon as
 * the answer is here, and counts. It speaks HTTP by hand, because a full client would take as much of the machine as
 * the server. Answers other than 200 end it.
 */
export interface Load {
  readonly method: 'GET' | 'HEAD'
  readonly url: string
  readonly connections: number
  readonly warmUpSeconds: number
  readonly seconds: number
}

export interface Served {
  readonly requestsPerSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

const headEnd = Buffer.from('\r\n\r\n')
const lastChunk = Buffer.from('0\r\n\r\n')

process.once('message', async message => {
  process.send?.(await run(message as Load))
  process.disconnect?.()
})

async function run(load: Load): Promise<Served> {
  const { hostname, port, host, pathname, search } = new URL(load.url)
  const question = `${load.method} ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nAccept: */*\r\n\r\n`
  const start = performance.now() + load.warmUpSeconds * 1000
  const end = start + load.seconds * 1000
  const times: number[] = []
  const connection = () =>
    new Promise<void>((settle, reject) => {
      const socket = connect(Number(port), hostname)
      const answer = new AnswerReader(load.method === 'HEAD')
      let asked = 0
      const ask = () => {
        asked = performance.now()
        socket.write(question)
      }
      socket.setNoDelay(true)
      socket.on('connect', ask)
      socket.on('error', reject)
      socket.on('close', () => reject(new Error(`${load.url}: the server closed a connection`)))
      socket.on('data', (bytes: Buffer) => {
        try {
          if (!answer.isWhole(bytes)) return
        } catch (error) {
          reject(error)
          return
        }
        const now = performance.now()
        if (asked >= start && now <= end) times.push(now - asked)
        if (now < end) ask()
        else {
          socket.removeAllListeners('close')
          socket.destroy()
          settle()
        }
      })
    })
  await Promise.all(Array.from({ length: load.connections }, connection))
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN
  return { requestsPerSecond: times.length / load.seconds, p50: at(0.5), p99: at(0.99) }
}

/** Tells when the one answer that is under way is here whole. */
class AnswerReader {
  readonly #hasNoBody: boolean
  #head: Buffer<ArrayBufferLike> = Buffer.alloc(0)
  /** Bytes of the body that are still to come; -1 while the head is read, Infinity for chunks. */
  #left = -1

  constructor(hasNoBody: boolean) {
    this.#hasNoBody = hasNoBody
  }

  isWhole(bytes: Buffer): boolean {
    let body = bytes
    if (this.#left < 0) {
      this.#head = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes])
      const at = this.#head.indexOf(headEnd)
      if (at < 0) return false
      const head = this.#head.toString('latin1', 0, at).toLowerCase()
      if (!head.startsWith('http/1.1 200')) throw new Error(`answered ${head}`)
      this.#left = this.#hasNoBody ? 0 : Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? Infinity)
      body = this.#head.subarray(at + headEnd.length)
      this.#head = Buffer.alloc(0)
    }
    if (this.#left === Infinity) {
      if (!body.subarray(-lastChunk.length).equals(lastChunk)) return false
    } else {
      this.#left -= body.length
      if (this.#left > 0) return false
    }
    this.#left = -1
    return true
  }
}
