import type { MessagePort } from 'node:worker_threads'

/**
 * Questions that a worker thread asks the thread that gave it work: bytes of a file, of an object. One port for each
 * piece of work; whoever made it closes it.
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
      // A copy: others may keep what they have read.
      const own = new Uint8Array(bytes)
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
