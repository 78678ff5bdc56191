import { connect } from 'node:net'

/**
 * The load generator, a process of its own: asks over connections that stay open, the next question as soon as the
 * answer is here, and counts. It speaks HTTP by hand, because a full client would take as much of the machine as the
 * server. Answers other than 200 end it.
 */
export interface Load {
  /** To one server. Each connection asks them in turn, and begins at another one. */
  readonly questions: readonly Question[]
  readonly token?: string
  readonly connections: number
  /** Between an answer and the next question of the connection; none when absent. */
  readonly pauseMs?: number
  readonly warmUpSeconds: number
  /** At most; the message `stop` ends it earlier. */
  readonly seconds: number
}

export interface Question {
  readonly method: 'GET' | 'HEAD'
  readonly url: string
}

export interface Served {
  readonly requests: number
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
  const start = performance.now() + load.warmUpSeconds * 1000
  let end = start + load.seconds * 1000
  process.once('message', () => {
    end = Math.min(end, performance.now())
  })
  const times: number[] = []
  const count = (asked: number, answered: number) => {
    if (asked >= start && answered <= end) times.push(answered - asked)
    return answered < end
  }
  await Promise.all(Array.from({ length: load.connections }, (_, number) => connection(load, number, count)))
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN
  return {
    requests: times.length,
    requestsPerSecond: times.length / ((end - start) / 1000),
    p50: at(0.5),
    p99: at(0.99),
  }
}

/** One connection, until `count`, which is told when a question was asked and answered, says that it is enough. */
function connection(
  { questions, token, connections, pauseMs }: Load,
  number: number,
  count: (asked: number, answered: number) => boolean,
): Promise<void> {
  const { hostname, port, host, origin } = new URL(questions[0]!.url)
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
  const texts = questions.map(
    ({ method, url }) =>
      `${method} ${url.slice(origin.length)} HTTP/1.1\r\nHost: ${host}\r\n${authorization}Accept: */*\r\n\r\n`,
  )
  return new Promise((settle, reject) => {
    const socket = connect(Number(port), hostname)
    const answer = new AnswerReader()
    let next = Math.floor((number * questions.length) / connections)
    let asked = 0
    const ask = () => {
      const at = next++ % questions.length
      answer.begin(questions[at]!.method === 'HEAD')
      asked = performance.now()
      socket.write(texts[at]!)
    }
    socket.setNoDelay(true)
    socket.on('connect', ask)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`${origin}: the server closed a connection`)))
    socket.on('data', (bytes: Buffer) => {
      try {
        if (!answer.isWhole(bytes)) return
      } catch (error) {
        reject(error)
        return
      }
      if (count(asked, performance.now())) {
        if (pauseMs === undefined) ask()
        else setTimeout(ask, pauseMs)
      } else {
        socket.removeAllListeners('close')
        socket.destroy()
        settle()
      }
    })
  })
}

/** Tells when the one answer that is under way is here whole. */
class AnswerReader {
  #hasNoBody = false
  #head: Buffer<ArrayBufferLike> = Buffer.alloc(0)
  /** Bytes of the body that are still to come; -1 while the head is read, Infinity for chunks. */
  #left = -1

  begin(hasNoBody: boolean): void {
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
