import { MalformedInput } from '../kernel/errors.ts'

const subject = 'pickle'

/** The bytes of a pickle, taken one after the other. Each throws MalformedInput when they end before. */
export class PickleBytes {
  at: number
  readonly #bytes: Buffer

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.at = at
  }

  take(length: number): Buffer {
    if (length > this.#bytes.length - this.at)
      throw new MalformedInput(subject, `ends in the middle: byte ${this.at} begins something of ${length}`)
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  u8(): number {
    return this.take(1).readUInt8()
  }

  u32(): number {
    return this.take(4).readUInt32LE()
  }

  u64(): number {
    return Number(this.take(8).readBigUInt64LE())
  }

  line(): string {
    const end = this.#bytes.indexOf(10, this.at)
    if (end < 0) throw new MalformedInput(subject, `has a line that does not end, at byte ${this.at}`)
    const line = this.take(end - this.at).toString('utf8')
    this.at++
    return line
  }
}
