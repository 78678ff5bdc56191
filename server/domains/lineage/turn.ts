/** One after the other, in the order in which they ask. */
export class Turn {
  #last: Promise<void> = Promise.resolve()
  #waiting = 0

  /** How many have it or wait for it. */
  get waiting(): number {
    return this.#waiting
  }

  /** Resolves to what gives the turn back, to be called once. */
  async take(): Promise<() => void> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    this.#waiting++
    await before
    return () => {
      this.#waiting--
      resolve()
    }
  }
}
