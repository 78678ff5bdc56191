import { randomBytes } from 'node:crypto'

/** The seed of this run of fault tests, which each of them prints; BANYAN_FAULT_SEED repeats one. */
export const faultSeed = Number(process.env.BANYAN_FAULT_SEED ?? randomBytes(4).readUInt32BE())

/** Numbers from 0 to below 1 (mulberry32), and what is made of them. */
export class Random {
  #state: number

  constructor(seed = faultSeed) {
    this.#state = seed
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  /** From 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  bytes(length: number): Buffer {
    return Buffer.from(Uint8Array.from({ length }, () => this.below(256)))
  }
}
