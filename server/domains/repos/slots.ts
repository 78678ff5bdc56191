import { HubBusy } from '../../kernel/errors.ts'

interface Waiter {
  readonly go: () => void
}

/**
 * Lets so many pieces of work run at once; more wait in the order in which they came, each for a bounded time. Work that
 * holds a slot and waits for another one of the same kind may wait in vain, so it takes one for all that it does.
 */
export class Slots {
  readonly #what: string
  readonly #waitMs: number
  readonly #queue = new Set<Waiter>()
  #free: number

  /** `what` is waited for, in words. */
  constructor(what: string, count: number, waitMs: number) {
    this.#what = what
    this.#free = count
    this.#waitMs = waitMs
  }

  /** Resolves to what gives the slot back, to be called once. Throws HubBusy, or when `signal` is aborted. */
  async take(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#wait(signal)
    return () => {
      const [next] = this.#queue
      if (!next) this.#free++
      else {
        this.#queue.delete(next)
        next.go()
      }
    }
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { go: resolve }
    this.#queue.add(waiter)
    const leave = (reason: unknown) => {
      this.#queue.delete(waiter)
      reject(reason)
    }
    const onAbort = () => leave(signal?.reason)
    const patience = setTimeout(() => leave(new HubBusy(this.#what, this.#waitMs)), this.#waitMs)
    signal?.addEventListener('abort', onAbort)
    try {
      await promise
    } finally {
      clearTimeout(patience)
      signal?.removeEventListener('abort', onAbort)
    }
  }
}
