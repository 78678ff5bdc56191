import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'

/** One packet. `end` is none of the wire's: the stream ended between two packets. */
export type PktLine =
  | { readonly type: 'data'; readonly payload: Uint8Array }
  | { readonly type: 'flush' | 'delim' | 'response-end' | 'end' }

// Source of this file: gitprotocol-common(5), gitprotocol-v2(5), gitprotocol-pack(5) "side-band-64k".
const lengthBytes = 4
const maxPacket = 65_520
const maxPayload = maxPacket - lengthBytes
/** What fits in one packet behind the band byte. */
const maxBandPayload = maxPayload - 1
const markers = { flush: '0000', delim: '0001', 'response-end': '0002' } as const

/** Text goes as UTF-8 and as it is: a line that git reads as text should end with `\n`. Throws LimitExceeded over 65516 bytes. */
export function encodePktLine(payload: string | Uint8Array): Uint8Array {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
  if (bytes.length > maxPayload) throw new LimitExceeded('pkt-line', maxPayload, 'bytes', bytes.length)
  return Buffer.concat([lengthPrefix(bytes.length), bytes])
}

export function encodePktMarker(type: keyof typeof markers): Uint8Array {
  return Buffer.from(markers[type])
}

/**
 * `payload` on a band of side-band-64k (1: what the client asked for, 2: progress for people, 3: a fatal error), cut
 * into as many packets as it needs. Empty payload, no packet.
 */
export function encodeSideband(band: 1 | 2 | 3, payload: string | Uint8Array): Uint8Array {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += maxBandPayload) {
    const part = bytes.subarray(at, at + maxBandPayload)
    pieces.push(lengthPrefix(part.length + 1), Uint8Array.of(band), part)
  }
  return Buffer.concat(pieces)
}

function lengthPrefix(payloadLength: number): Buffer {
  return Buffer.from((payloadLength + lengthBytes).toString(16).padStart(lengthBytes, '0'))
}

/**
 * Reads packets off a byte stream one at a time and holds at most one packet and one piece of the stream. Errors of
 * the stream itself pass through.
 */
export class PktLineReader {
  readonly #source: AsyncIterator<Uint8Array>
  /** What is left of the last piece of the stream. */
  #piece: Uint8Array = new Uint8Array(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /**
   * The next packet. A payload may be a view into the piece of the stream it came in. Throws MalformedInput when the
   * length is not four hex digits, is 3 or over 65520, or the stream ends inside a packet.
   */
  async next(): Promise<PktLine> {
    const prefix = await this.#take(lengthBytes)
    if (prefix.length === 0) return { type: 'end' }
    const text = Buffer.from(prefix).toString('latin1')
    if (!/^[0-9a-f]{4}$/i.test(text)) {
      throw new MalformedInput('pkt-line', `length ${JSON.stringify(text)} is not four hex digits`)
    }
    const length = Number.parseInt(text, 16)
    if (length === 0) return { type: 'flush' }
    if (length === 1) return { type: 'delim' }
    if (length === 2) return { type: 'response-end' }
    if (length < lengthBytes || length > maxPacket) {
      throw new MalformedInput('pkt-line', `length ${length} is not from ${lengthBytes} to ${maxPacket}`)
    }
    const payload = await this.#take(length - lengthBytes)
    if (payload.length < length - lengthBytes) {
      throw new MalformedInput(
        'pkt-line',
        `stream ends ${payload.length} bytes into a payload of ${length - lengthBytes}`,
      )
    }
    return { type: 'data', payload }
  }

  /** All bytes behind the packets read so far, for a body that goes on raw. Do not call `next` after it. */
  async *rest(): AsyncGenerator<Uint8Array> {
    try {
      do {
        const piece = this.#piece
        this.#piece = piece.subarray(piece.length)
        if (piece.length > 0) yield piece
      } while (await this.#fill())
    } finally {
      await this.#source.return?.()
    }
  }

  /** Exactly `length` bytes, or fewer at the end of the stream. */
  async #take(length: number): Promise<Uint8Array> {
    if (this.#piece.length === 0 && length > 0) await this.#fill()
    if (this.#piece.length >= length) return this.#cut(length)
    const bytes = Buffer.alloc(length)
    let filled = 0
    do {
      const part = this.#cut(Math.min(length - filled, this.#piece.length))
      bytes.set(part, filled)
      filled += part.length
    } while (filled < length && (await this.#fill()))
    return bytes.subarray(0, filled)
  }

  #cut(length: number): Uint8Array {
    const part = this.#piece.subarray(0, length)
    this.#piece = this.#piece.subarray(length)
    return part
  }

  /** Gets the next piece that has bytes, only when the last one is used up. */
  async #fill(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#source.next()
      if (done) return false
      if (value.length > 0) {
        this.#piece = value
        return true
      }
    }
  }
}
