import type { MessagePort } from 'node:worker_threads'

/**
 * Questions that a worker thread asks the thread that gave it work: bytes of a file, of an object. One port for each
 * piece of work; whoever made it closes it. `Answer` is bytes, which are handed over, not copied.
 */
interface Asked<Question> {
  readonly id: number
  readonly question: Question
}
interface Answered {
  readonly id: number
  readonly bytes?: Uint8Array
  readonly error?: Error
}

export function answerCalls<Question>(
  port: MessagePort,
  answer: (question: Question) => Promise<Uint8Array>,
): void {
  port.on('message', async ({ id, question }: Asked<Question>) => {
    try {
      const bytes = await answer(question)
      const isWhole = bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
      const own = (isWhole ? bytes : new Uint8Array(bytes)) as Uint8Array<ArrayBuffer>
      port.postMessage({ id, bytes: own } satisfies Answered, [own.buffer])
    } catch (error) {
      port.postMessage({ id, error: error as Error } satisfies Answered)
    }
  })
}

export function callsOver<Question>(port: MessagePort): (question: Question) => Promise<Uint8Array> {
  const waiting = new Map<number, PromiseWithResolvers<Uint8Array>>()
  let last = 0
  port.on('message', ({ id, bytes, error }: Answered) => {
    const { resolve, reject } = waiting.get(id) as PromiseWithResolvers<Uint8Array>
    waiting.delete(id)
    if (bytes) resolve(bytes)
    else reject(error)
  })
  return question => {
    const call = Promise.withResolvers<Uint8Array>()
    waiting.set(++last, call)
    port.postMessage({ id: last, question } satisfies Asked<Question>)
    return call.promise
  }
}
