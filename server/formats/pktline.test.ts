import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { encodePktLine, encodePktMarker, encodeSideband, type PktLine, PktLineReader } from './pktline.ts'

const cases = runs(10_000)

async function* streamOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces
}

function readerOf(bytes: string | Uint8Array): PktLineReader {
  return new PktLineReader(streamOf([Buffer.from(bytes as string)]))
}

async function readAll(reader: PktLineReader): Promise<string[]> {
  const seen: string[] = []
  for (;;) {
    const packet = await reader.next()
    if (packet.type === 'end') return seen
    seen.push(shown(packet))
  }
}

function shown(packet: PktLine): string {
  return packet.type === 'data' ? `=${Buffer.from(packet.payload).toString('latin1')}` : packet.type
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces).toString('latin1')
}

/** Packets as [wire, shown], then raw bytes, cut into pieces anywhere. */
const packet = fc.oneof(
  fc
    .uint8Array({ maxLength: 20 })
    .map(payload => [encodePktLine(payload), shown({ type: 'data', payload })] as const),
  fc.constantFrom('flush', 'delim', 'response-end').map(type => [encodePktMarker(type), type] as const),
)
const body = fc.record({
  packets: fc.array(packet, { maxLength: 6 }),
  raw: fc.uint8Array({ maxLength: 20 }),
  cuts: fc.array(fc.nat({ max: 120 }), { maxLength: 8 }),
})

function piecesOf(bytes: Buffer, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map(cut => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

describe('pkt-line', () => {
  it('is written as in gitprotocol-common', () => {
    expect(Buffer.from(encodePktLine('a\n')).toString()).toBe('0006a\n')
    expect(Buffer.from(encodePktLine('foobar\n')).toString()).toBe('000bfoobar\n')
    expect(Buffer.from(encodePktLine('')).toString()).toBe('0004')
    expect(Buffer.from(encodePktLine('é')).toString()).toBe('0006é')
    expect((['flush', 'delim', 'response-end'] as const).map(type => String(encodePktMarker(type)))).toEqual(
      ['flush', 'delim', 'response-end'].map((_, i) => String(Buffer.from(`000${i}`))),
    )
  })

  it('holds 65516 bytes and no more', async () => {
    const most = encodePktLine(new Uint8Array(65_516))
    expect(Buffer.from(most.subarray(0, 4)).toString()).toBe('fff0')
    expect(await readerOf(most).next()).toMatchObject({ payload: { length: 65_516 } })
    expect(() => encodePktLine(new Uint8Array(65_517))).toThrow(LimitExceeded)
    await expect(readerOf('fff1').next()).rejects.toThrow(/65521 is not from 4 to 65520/)
  })

  it('is read however the stream is cut, and the rest after it', async () => {
    await fc.assert(
      fc.asyncProperty(body, async ({ packets, raw, cuts }) => {
        const bytes = Buffer.concat([...packets.map(([wire]) => wire), raw])
        const reader = new PktLineReader(streamOf(piecesOf(bytes, cuts)))
        for (const [, expected] of packets) expect(shown(await reader.next())).toBe(expected)
        expect(await textOf(reader.rest())).toBe(Buffer.from(raw).toString('latin1'))
      }),
      cases,
    )
  })

  it('is read in full up to the end', async () => {
    expect(await readAll(readerOf('0006a\n0001000400020000'))).toEqual([
      '=a\n',
      'delim',
      '=',
      'response-end',
      'flush',
    ])
    expect(await readAll(readerOf(''))).toEqual([])
    expect(await readAll(readerOf('000Aabcdef'))).toEqual(['=abcdef'])
  })

  it.each(['0', '000', '0003', '+006ab', '0x10', ' 006', 'zzzz', 'PACK', '0006', '0006a', 'fff0abc', 'ffff'])(
    'is refused as %j',
    async text => {
      await expect(readerOf(text).next()).rejects.toThrow(MalformedInput)
    },
  )

  it('gives nothing but MalformedInput when damaged', async () => {
    await fc.assert(
      fc.asyncProperty(body, fc.nat(), fc.nat({ max: 8 }), async ({ packets, raw, cuts }, where, how) => {
        const whole = Buffer.concat([...packets.map(([wire]) => wire), raw])
        const at = where % Math.max(whole.length, 1)
        const bytes = how === 8 ? whole.subarray(0, at) : Buffer.from(whole)
        if (how < 8 && bytes.length > 0) bytes[at]! ^= 1 << how
        try {
          await readAll(new PktLineReader(streamOf(piecesOf(bytes, cuts))))
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedInput)
        }
      }),
      cases,
    )
  })

  it('passes on a fault of the stream and lets go of it after the rest', async () => {
    let isLetGo = false
    async function* failing(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.from('0000ab')
        yield Buffer.from('cd')
        throw new Error('socket closed')
      } finally {
        isLetGo = true
      }
    }
    const reader = new PktLineReader(failing())
    await reader.next()
    await expect(textOf(reader.rest())).rejects.toThrow('socket closed')
    expect(isLetGo).toBe(true)

    isLetGo = false
    const early = new PktLineReader(failing())
    await early.next()
    for await (const piece of early.rest()) {
      expect(Buffer.from(piece).toString()).toBe('ab')
      break
    }
    expect(isLetGo).toBe(true)
  })
})

describe('side-band', () => {
  it('puts the band before the payload', () => {
    expect(Buffer.from(encodeSideband(2, 'hi\n')).toString()).toBe('0008\x02hi\n')
    expect(encodeSideband(1, '')).toHaveLength(0)
  })

  it('cuts at 65515 bytes', async () => {
    const payload = Buffer.alloc(65_515 * 2 + 1, 7)
    const reader = readerOf(encodeSideband(3, payload))
    for (const length of [65_516, 65_516, 2]) {
      const packet = await reader.next()
      expect(packet).toMatchObject({ type: 'data', payload: { length, 0: 3, 1: 7 } })
    }
    expect(await reader.next()).toEqual({ type: 'end' })
  })
})
