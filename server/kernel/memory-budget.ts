import { HubBusy } from './errors.ts'

/**
 * Bounds what requests hold in memory together. When the budget is used up a request reads on no further until others
 * are done, for a bounded time; only the oldest one always may, so that all of them come to their ends.
 */
export class MemoryBudget {
  readonly #what: string
  readonly #waitMs: number
  #free: number
  /** Bytes of each request, oldest first. */
  readonly #held = new Map<object, number>()
  readonly #waiting = new Set<() => void>()

  /** `what` is waited for, in words. At most `bytes` and one request are held. */
  constructor(what: string, bytes: number, waitMs: number) {
    this.#what = what
    this.#free = bytes
    this.#waitMs = waitMs
  }

  /** Runs `work`, which is given `body` as fast as there is room for it. Throws HubBusy. */
  async hold<T>(
    body: AsyncIterable<Uint8Array>,
    work: (metered: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T> {
    const request = {}
    this.#held.set(request, 0)
    try {
      return await work(this.#meter(request, body))
    } finally {
      this.#free += this.#held.get(request) ?? 0
      this.#held.delete(request)
      for (const look of [...this.#waiting]) look()
    }
  }

  async *#meter(request: object, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      const deadline = Date.now() + this.#waitMs
      // Others that were woken with this one may have been faster.
      while (!this.#hasRoom(request, piece.length)) await this.#wait(request, piece.length, deadline)
      this.#free -= piece.length
      this.#held.set(request, (this.#held.get(request) ?? 0) + piece.length)
      yield piece
    }
  }

  #hasRoom(request: object, bytes: number): boolean {
    return this.#free >= bytes || this.#held.keys().next().value === request
  }

  async #wait(request: object, bytes: number, deadline: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const look = () => {
      if (this.#hasRoom(request, bytes)) resolve()
    }
    this.#waiting.add(look)
    const giveUp = () => reject(new HubBusy(this.#what, this.#waitMs))
    const patience = setTimeout(giveUp, Math.max(0, deadline - Date.now()))
    try {
      await promise
    } finally {
      clearTimeout(patience)
      this.#waiting.delete(look)
    }
  }
}
