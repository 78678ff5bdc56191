/**
 * What each mirror takes of the disk and when it was last opened: which of them to let go when all take more than they may.
 * In order of use, the one that nobody has opened for longest first.
 */
export class MirrorSizes {
  readonly #limit: number
  readonly #bytes = new Map<string, number>()
  #total = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** It is being used now. */
  touch(id: string): void {
    this.set(id, this.#bytes.get(id) ?? 0)
  }

  set(id: string, bytes: number): void {
    this.delete(id)
    this.#bytes.set(id, bytes)
    this.#total += bytes
  }

  delete(id: string): void {
    this.#total -= this.#bytes.get(id) ?? 0
    this.#bytes.delete(id)
  }

  get isOver(): boolean {
    return this.#total > this.#limit
  }

  ids(): string[] {
    return [...this.#bytes.keys()]
  }
}
