import fc from 'fast-check'
import { compressFrameSync, compressSync, decompressFrameSync } from 'lz4-napi'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { MalformedInput } from '../kernel/errors.ts'
import { decodeLz4Frame } from './lz4-frame.ts'
import { splitmix64 } from './testdata/splitmix64.ts'

const decode = (frame: Uint8Array, length: number) => decodeLz4Frame('it', frame, length)

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}

/** An LZ4 block without the length that the library puts before it. */
const block = (raw: Uint8Array): Buffer => compressSync(Buffer.from(raw)).subarray(4)
const stored = (raw: Uint8Array): Buffer => Buffer.concat([u32(0x80000000 + raw.length), raw])
const compressed = (content: Uint8Array): Buffer => Buffer.concat([u32(content.length), content])

/** Headers with their checksum, as lz4_flex and lz4.js write them. */
const independent64K = Buffer.from('04224d18604082', 'hex')
const linked4M = Buffer.from('04224d184070df', 'hex')
const frameOf = (header: Buffer, ...blocks: Buffer[]): Buffer => Buffer.concat([header, ...blocks, u32(0)])

/** Contents from incompressible to one long run. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.record({ byte: fc.nat(255), length: fc.integer({ min: 1, max: 3000 }) }).map(({ byte, length }) => {
        return new Uint8Array(length).fill(byte)
      }),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map(parts => Buffer.concat(parts))

describe('LZ4 frame', () => {
  it('decodes what lz4_flex encodes, with and without checksums', () => {
    fc.assert(
      fc.property(content, fc.boolean(), fc.boolean(), (raw, contentChecksum, blockChecksums) => {
        const frame = compressFrameSync(raw, { contentChecksum, blockChecksums })
        expect(Buffer.compare(decode(frame, raw.length), raw)).toBe(0)
        const inside = Buffer.concat([Buffer.from('xyz'), frame]).subarray(3)
        expect(Buffer.compare(decode(inside, raw.length), raw)).toBe(0)
      }),
      runs(10_000),
    )
  })

  it('refuses what its checksums do not fit', () => {
    fc.assert(
      fc.property(content, fc.boolean(), fc.integer({ min: 1, max: 255 }), (raw, isBlock, bits) => {
        const options = isBlock ? { blockChecksums: true } : { contentChecksum: true }
        const frame = compressFrameSync(raw, options)
        // The checksum of the block stands before the end mark, that of the content after it.
        frame[frame.length - (isBlock ? 5 : 1)]! ^= bits
        expect(() => decode(frame, raw.length)).toThrow(
          `wrong checksum of its ${isBlock ? 'block' : 'content'}`,
        )
      }),
    )
  })

  it('decodes several blocks, stored and compressed, independent and linked', () => {
    const noise = splitmix64(65_536, 1n)
    const dull = new Uint8Array(65_536).fill(9)
    const whole = Buffer.concat([noise, dull])
    for (const header of [independent64K, linked4M]) {
      const frame = frameOf(header, stored(noise), compressed(block(dull)))
      expect(Buffer.compare(decode(frame, 131_072), whole)).toBe(0)
    }
    // A match that reaches 5 bytes back, into the block before, then the five literals that must end a block.
    const reaching = compressed(Buffer.from([0x04, 5, 0, 0x50, ...Buffer.from('67890')]))
    const linked = frameOf(linked4M, stored(Buffer.from('12345')), reaching)
    expect(Buffer.from(decode(linked, 18)).toString()).toBe('123451234512367890')
    const unlinked = frameOf(independent64K, stored(Buffer.from('12345')), reaching)
    expect(() => decode(unlinked, 18)).toThrow('it: LZ4 frame block 1 is not an LZ4 block')
  })

  it('decodes a frame that declares its content size only if it is the right one', () => {
    const header = (size: number, checksum: number) => {
      const descriptor = [Buffer.from('6840', 'hex'), u32(size), u32(0), Buffer.of(checksum)]
      return Buffer.concat([Buffer.from('04224d18', 'hex'), ...descriptor])
    }
    const raw = Buffer.from('abc')
    const accepts = (decoder: (frame: Buffer) => unknown) =>
      Array.from({ length: 256 }, (_, sum) => sum).filter(sum => {
        try {
          return decoder(frameOf(header(3, sum), stored(raw)))
        } catch {
          return false
        }
      })
    expect(accepts(frame => decode(frame, 3))).toHaveLength(1)
    expect(accepts(frame => decode(frame, 3))).toEqual(accepts(decompressFrameSync))
    expect(() => decode(frameOf(header(4, 0), stored(raw)), 3)).toThrow(
      'declares 4 decoded bytes, expected 3',
    )
  })

  it('refuses a bomb before it goes off', () => {
    // 255 bytes of output a byte of input: 64 MiB in one 256 KiB block of a frame that may hold 4 MiB blocks.
    const long = Buffer.concat([
      Buffer.from([0x1f, 0, 1, 0]),
      Buffer.alloc(262_000, 255),
      Buffer.from([0, 0x50, 1, 2, 3, 4, 5]),
    ])
    const before = process.memoryUsage()
    for (let i = 0; i < 20; i++) {
      expect(() => decode(frameOf(linked4M, compressed(long)), 131_072)).toThrow(
        'more than the 131072 bytes declared',
      )
    }
    const small = Buffer.concat([
      Buffer.from([0x1f, 0, 1, 0]),
      Buffer.alloc(250, 255),
      Buffer.from([0, 0x50, 1, 2, 3, 4, 5]),
    ])
    const many = Array.from({ length: 900 }, () => compressed(small))
    expect(() => decode(frameOf(independent64K, ...many), 131_072)).toThrow(
      'more than the 131072 bytes declared',
    )
    const after = process.memoryUsage()
    expect(after.arrayBuffers + after.external - before.arrayBuffers - before.external).toBeLessThan(
      32 * 1024 * 1024,
    )
  })

  it('refuses a frame of another length than declared', () => {
    const raw = splitmix64(500, 4n)
    const frame = compressFrameSync(Buffer.from(raw))
    expect(() => decode(frame, 499)).toThrow('decodes to more than the 499 bytes declared')
    expect(() => decode(frame, 501)).toThrow('decodes to 500 bytes, declared are 501')
  })

  it.each([
    ['nothing', '', 'ends inside its header'],
    ['another magic number', '04224d19604082 00000000', 'magic number'],
    ['a dictionary', '04224d18614082 00000000', 'dictionary'],
    ['version 0', '04224d18204082 00000000', 'version 0'],
    ['a block size below 64 KiB', '04224d18603082 00000000', 'block size byte 0x30'],
    ['a wrong header checksum', '04224d18604083 00000000', 'header checksum'],
    ['no end mark', '04224d18604082 01000080 61', 'ends inside its block 1 header'],
    ['a block that is cut short', '04224d18604082 02000080 61', 'ends inside its block 0'],
    ['a block above the maximum', '04224d18604082 01000180', 'allowed 1 to 65536'],
    ['an empty block', '04224d18604082 00000080 00000000', 'allowed 1 to 65536'],
    ['bytes after the end mark', '04224d18604082 01000080 61 00000000 00', 'followed by 1 bytes'],
  ])('refuses %s', (_, hex, message) => {
    const attempt = () => decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'), 1)
    expect(attempt).toThrow(MalformedInput)
    expect(attempt).toThrow(message)
  })

  it.each([
    ['without literals at its end', '10 61 0100'],
    ['with an offset of 0', '10 61 0000 10 62'],
    ['with an offset to before it', '10 61 0200 10 62'],
  ])('refuses a block %s', (_, hex) => {
    const frame = frameOf(independent64K, compressed(Buffer.from(hex.replaceAll(' ', ''), 'hex')))
    expect(() => decode(frame, 6)).toThrow('it: LZ4 frame block 0 is not an LZ4 block')
  })

  it('throws nothing but MalformedInput, and decodes exactly what it said it would, whatever it is given', () => {
    fc.assert(
      fc.property(
        content,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
        fc.nat(),
        (raw, flips, cut) => {
          const frame = Buffer.from(compressFrameSync(raw, { blockChecksums: cut % 3 === 0 }))
          for (const [at, bits] of flips) frame[at % frame.length]! ^= bits
          const given = cut % 2 === 0 ? frame : frame.subarray(0, cut % frame.length)
          try {
            expect(decode(given, raw.length).length).toBe(raw.length)
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedInput)
          }
        },
      ),
      runs(10_000),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(200), (tail, length) => {
        try {
          expect(decode(frameOf(independent64K, compressed(tail)), length).length).toBe(length)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedInput)
        }
      }),
      runs(10_000),
    )
  })
})
