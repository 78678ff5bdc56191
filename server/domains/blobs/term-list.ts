import type { Term } from './terms.ts'

/**
 * The terms of a file that is being taken in, chunk by chunk. Xorbs go by number, since one that is being filled has
 * no name yet. Four numbers a term, because a file may have a million.
 */
export class TermList {
  readonly #numbers: number[] = []

  add(xorb: number, position: number, rawBytes: number): void {
    const last = this.#numbers.length - 4
    if (last >= 0 && this.#numbers[last] === xorb && this.#numbers[last + 2] === position) {
      this.#numbers[last + 2]! += 1
      this.#numbers[last + 3]! += rawBytes
    } else {
      this.#numbers.push(xorb, position, position + 1, rawBytes)
    }
  }

  /** `names[number]` is the hash of a xorb. */
  resolve(names: readonly string[]): Term[] {
    const terms: Term[] = []
    for (let i = 0; i < this.#numbers.length; i += 4) {
      const [xorb, chunkStart, chunkEnd, rawBytes] = this.#numbers.slice(i, i + 4) as [
        number,
        number,
        number,
        number,
      ]
      terms.push({ xorb: names[xorb]!, chunkStart, chunkEnd, rawBytes })
    }
    return terms
  }
}
