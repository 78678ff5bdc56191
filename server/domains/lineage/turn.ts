/** One after the other, in the order in which they ask. */
export class Turn {
  #last: Promise<void> = Promise.resolve()

  /** Resolves to what gives the turn back, to be called once. */
  async take(): Promise<() => void> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    await before
    return resolve
  }
}
