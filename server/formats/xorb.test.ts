import fc from 'fast-check'
import { compressFrameSync } from 'lz4-napi'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { packChunks, sliceChunks } from './chunk-list.ts'
import { findChunkEnds, MAX_CHUNK_BYTES } from './gearhash.ts'
import { chunkHash, xorbHash } from './merkle.ts'
import { bg4Split } from './testdata/bg4-split.ts'
import { clientFiles } from './testdata/client-files.ts'
import { hfXetUpload, huggingfaceJsUpload } from './testdata/client-uploads.ts'
import { splitmix64 } from './testdata/splitmix64.ts'
import { hashToText, textToHash } from './xet-hash.ts'
import { MAX_XORB_BYTES, verifyXorb } from './xorb.ts'
import {
  decodeXorbFooter,
  encodeXorbFooter,
  MAX_XORB_CHUNKS,
  type XorbIndex,
  xorbFooterLength,
} from './xorb-footer.ts'
import {
  decodeFrame,
  decodeFrames,
  encodeStoredFrame,
  type FrameScheme,
  readFrameHeader,
  writeFrameHeader,
} from './xorb-frame.ts'

interface Made {
  readonly hash: string
  readonly frames: Buffer
  readonly chunks: readonly Uint8Array[]
}

function encodeFrame(raw: Uint8Array, scheme: FrameScheme): Uint8Array {
  if (scheme === 0) return encodeStoredFrame(raw)
  const stored = compressFrameSync(Buffer.from(scheme === 2 ? bg4Split(raw) : raw))
  const frame = Buffer.alloc(8 + stored.length)
  writeFrameHeader(frame, 0, { scheme, storedLength: stored.length, rawLength: raw.length })
  frame.set(stored, 8)
  return frame
}

function make(parts: readonly (readonly [Uint8Array, FrameScheme])[]): Made {
  const chunks = parts.map(([raw]) => raw)
  const list = packChunks(chunks.map(raw => ({ hash: chunkHash(raw), length: raw.length })))
  const frames = Buffer.concat(parts.map(([raw, scheme]) => encodeFrame(raw, scheme)))
  return { hash: hashToText(xorbHash(list)), frames, chunks }
}

/** The old footer, which no client of today writes (xet-core `xorb_object_format.rs:XorbObjectInfoV0`). */
function encodeFooterV0(index: XorbIndex): Buffer {
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer)
  const footer = Buffer.concat([
    Buffer.from('XETBLOB\0'),
    textToHash(index.hash),
    u32(index.frameEnds.length),
    ...Array.from(index.frameEnds, u32),
    index.chunks.hashes,
    Buffer.alloc(16),
  ])
  return Buffer.concat([footer, u32(footer.length)])
}

const chunk = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 80 }),
  fc.integer({ min: 1, max: 2000 }).map(length => new Uint8Array(length).fill(length)),
)
const scheme = fc.constantFrom<FrameScheme>(0, 1, 2)
const made = fc.array(fc.tuple(chunk, scheme), { minLength: 1, maxLength: 6 }).map(make)

const example = make([
  [splitmix64(100, 1n), 0],
  [new Uint8Array(5000).fill(4), 1],
  [splitmix64(203, 2n), 2],
])

/** Runs `attempt`; whatever it throws has to be a typed refusal. */
function refusal(attempt: () => unknown): MalformedInput | LimitExceeded | undefined {
  try {
    attempt()
    return undefined
  } catch (error) {
    if (error instanceof MalformedInput || error instanceof LimitExceeded) return error
    throw error
  }
}

function flip(bytes: Uint8Array, at: number, bits: number): Buffer {
  const flipped = Buffer.from(bytes)
  flipped[at]! ^= bits
  return flipped
}

describe('frame', () => {
  it('has the header of the protocol', () => {
    const header = Buffer.alloc(8)
    writeFrameHeader(header, 0, { scheme: 2, storedLength: 0x010203, rawLength: 0x01f0f1 })
    expect(header.toString('hex')).toBe('0003020102f1f001')
    expect(readFrameHeader('it', header, 0)).toEqual({
      scheme: 2,
      storedLength: 0x010203,
      rawLength: 0x01f0f1,
    })
    expect(Buffer.from(encodeStoredFrame(Buffer.from('abc'))).toString('latin1')).toBe(
      '\0\x03\0\0\0\x03\0\0abc',
    )
  })

  it.each([
    ['version 1', '01030000 00030000', 'version 1'],
    ['scheme 3', '00030000 03030000', 'scheme 3'],
    ['scheme 99', '00030000 63030000', 'scheme 99'],
    ['no bytes', '00000000 00000000', 'no bytes'],
    ['an empty chunk of LZ4', '000b0000 01000000', 'no bytes'],
    ['two lengths of a stored chunk', '00030000 00040000', '3 bytes are to hold 4'],
    ['a chunk above 128 KiB', '00030000 01010002', 'limit of 131072 bytes (found 131073)'],
    ['a frame above 256 KiB', '00010004 01030000', 'limit of 262144 bytes (found 262145)'],
    ['half a header', '00030000', 'needs 8 bytes at 0, there are 4'],
  ])('refuses %s', (_, hex, message) => {
    const error = refusal(() => readFrameHeader('it', Buffer.from(hex.replace(' ', ''), 'hex'), 0))
    expect(error?.message).toContain(message)
  })

  it('goes there and back by every scheme, at any length', () => {
    fc.assert(
      fc.property(chunk, scheme, (raw, scheme) => {
        const frame = encodeFrame(raw, scheme)
        const header = readFrameHeader('it', frame, 0)
        expect(Buffer.compare(decodeFrame('it', header, frame.subarray(8)), raw)).toBe(0)
      }),
      runs(10_000),
    )
    const largest = splitmix64(MAX_CHUNK_BYTES, 9n)
    for (const scheme of [0, 1, 2] as const) {
      const frame = encodeFrame(largest, scheme)
      const raw = decodeFrame('it', readFrameHeader('it', frame, 0), frame.subarray(8))
      expect(Buffer.compare(raw, largest)).toBe(0)
    }
  })
})

describe('verifyXorb', () => {
  it.each([...hfXetUpload.xorbs, ...huggingfaceJsUpload.xorbs])(
    'takes $hash as a client sent it',
    ({ hash, body }) => {
      const index = verifyXorb(body, hash)
      expect(index.hash).toBe(hash)
      expect(index.framesLength).toBe(body.length)
      const raw = Buffer.concat([...decodeFrames('it', body, index.chunks.lengths)])
      const contained = Object.values(clientFiles).filter(file => raw.includes(file))
      expect(contained.length).toBe(body === hfXetUpload.xorbs[0]!.body ? 4 : 1)
      expect(raw.length).toBe(contained.reduce((sum, file) => sum + file.length, 0))
    },
  )

  it('sees every scheme in the uploads', () => {
    const schemes = [hfXetUpload, huggingfaceJsUpload].map(upload => {
      const found = upload.xorbs.flatMap(({ hash, body }) => {
        const ends = [0, ...verifyXorb(body, hash).frameEnds.slice(0, -1)]
        return ends.map(start => readFrameHeader('it', body, start).scheme)
      })
      return [...new Set(found)].sort()
    })
    expect(schemes).toEqual([
      [0, 1, 2],
      [1, 2],
    ])
  })

  it('indexes what it is given, with either footer or none', () => {
    fc.assert(
      fc.property(made, ({ hash, frames, chunks }) => {
        const index = verifyXorb(frames, hash)
        expect([...index.chunks.lengths]).toEqual(chunks.map(raw => raw.length))
        expect(index.framesLength).toBe(frames.length)
        expect(index.frameEnds.at(-1)).toBe(frames.length)
        for (const footer of [encodeXorbFooter(index), encodeFooterV0(index)]) {
          expect(verifyXorb(Buffer.concat([frames, footer]), hash)).toEqual(index)
        }
      }),
      runs(1000),
    )
  })

  it('names the chunk and the reason', () => {
    const { hash, frames } = example
    const index = verifyXorb(frames, hash)
    const second = index.frameEnds[0]!
    const says = (bytes: Uint8Array, claimed: string, message: string) => {
      expect(refusal(() => verifyXorb(bytes, claimed))?.message).toBe(message)
    }
    says(frames, 'f'.repeat(64), `xorb ${'f'.repeat(64)}: its 3 chunks hash to ${hash}`)
    says(frames, 'nonsense', 'xorb hash: "nonsense" is not 64 lower-case hex digits')
    says(Buffer.alloc(0), hash, `xorb ${hash}: holds no chunks`)
    says(encodeXorbFooter(index), hash, `xorb ${hash}: holds no chunks`)
    says(
      flip(frames, second, 1),
      hash,
      `xorb ${hash}, chunk 1: frame header at ${second} has version 1, expected 0`,
    )
    says(
      flip(frames, second + 8, 1),
      hash,
      `xorb ${hash}, chunk 1: LZ4 frame does not begin with the magic number 04 22 4d 18`,
    )
    says(
      frames.subarray(0, -1),
      hash,
      `xorb ${hash}, chunk 2: ends at ${frames.length}, but the xorb has ${frames.length - 1} bytes`,
    )
    says(
      Buffer.concat([frames, Buffer.from('XETBLOB')]),
      hash,
      `xorb ${hash}: footer: is cut short inside it: 7 bytes`,
    )
  })

  it('refuses a footer that tells something else than the frames', () => {
    const { hash, frames } = example
    const index = verifyXorb(frames, hash)
    const chunks = { ...index.chunks, hashes: index.chunks.hashes.map(byte => byte ^ 1) }
    const lengths = index.chunks.lengths.map((length, i) => length + [1, -1, 0][i]!)
    const frameEnds = index.frameEnds.map((end, i) => end + (i === 1 ? 1 : 0))
    const cases: [Partial<XorbIndex>, string][] = [
      [{ hash: '0'.repeat(64) }, 'names the xorb 000'],
      [{ chunks }, 'chunk hashes differ'],
      [{ frameEnds }, 'frame ends differ'],
      [{ chunks: { ...index.chunks, lengths } }, 'chunk ends differ'],
      [
        { chunks: sliceChunks(index.chunks, 0, 2), frameEnds: index.frameEnds.slice(0, 2) },
        'chunk hashes differ',
      ],
    ]
    for (const [change, message] of cases) {
      const body = Buffer.concat([frames, encodeXorbFooter({ ...index, ...change })])
      expect(refusal(() => verifyXorb(body, hash))?.message).toContain(message)
    }
    const trailed = Buffer.concat([frames, encodeXorbFooter(index), Buffer.of(0)])
    expect(refusal(() => verifyXorb(trailed, hash))?.message).toContain('its end is')
  })

  it('refuses any flipped byte, or proves that it changed nothing', () => {
    fc.assert(
      fc.property(made, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(2), (xorb, at, bits, footer) => {
        const index = verifyXorb(xorb.frames, xorb.hash)
        const tail = [Buffer.alloc(0), encodeXorbFooter(index), encodeFooterV0(index)][footer]!
        const whole = Buffer.concat([xorb.frames, tail])
        const position = at % whole.length
        const bytes = flip(whole, position, bits)
        let accepted: XorbIndex
        try {
          accepted = verifyXorb(bytes, xorb.hash)
        } catch (error) {
          if (!(error instanceof MalformedInput || error instanceof LimitExceeded)) throw error
          return
        }
        // The reserved bytes of a footer may change, and a compressed frame may spell the same chunk otherwise.
        expect(accepted).toEqual(index)
        const isReserved = footer > 0 && position >= whole.length - 20 && position < whole.length - 4
        const decoded = [...decodeFrames('it', bytes.subarray(0, index.framesLength), index.chunks.lengths)]
        expect(decoded.map(raw => Buffer.from(raw))).toEqual(xorb.chunks.map(raw => Buffer.from(raw)))
        const frame = index.frameEnds.findIndex(end => position < end)
        const isCompressed = frame !== -1 && xorb.frames[(index.frameEnds[frame - 1] ?? 0) + 4] !== 0
        expect(isReserved || isCompressed).toBe(true)
      }),
      runs(10_000),
    )
  })

  it('refuses every cut and every insertion', () => {
    const { hash, frames } = example
    const whole = Buffer.concat([frames, encodeXorbFooter(verifyXorb(frames, hash))])
    for (let length = 0; length < whole.length; length++) {
      if (length === frames.length) continue
      expect(refusal(() => verifyXorb(whole.subarray(0, length), hash))).toBeDefined()
    }
    fc.assert(
      fc.property(fc.nat(whole.length), fc.uint8Array({ minLength: 1, maxLength: 9 }), (at, more) => {
        const bytes = Buffer.concat([whole.subarray(0, at), more, whole.subarray(at)])
        expect(refusal(() => verifyXorb(bytes, hash))).toBeDefined()
      }),
      runs(2000),
    )
  })

  it('throws nothing else for arbitrary bytes', () => {
    const start = fc.constantFrom(
      Buffer.alloc(0),
      Buffer.from('XETBLOB\0'),
      Buffer.from('XETBLOB\x01'),
      example.frames,
    )
    fc.assert(
      fc.property(start, fc.uint8Array({ minLength: 1, maxLength: 200 }), (head, bytes) => {
        expect(refusal(() => verifyXorb(Buffer.concat([head, bytes]), example.hash))).toBeDefined()
      }),
      runs(10_000),
    )
  })

  it('takes the largest xorb that hf_xet sends and no larger', () => {
    // 512 chunks of 128 KiB that do not compress: hf_xet was seen to send just this, 4096 bytes above 64 MiB.
    const raw = splitmix64(MAX_CHUNK_BYTES, 3n)
    const body = Buffer.concat(Array.from({ length: 512 }, () => encodeStoredFrame(raw)))
    const list = packChunks(Array.from({ length: 512 }, () => ({ hash: chunkHash(raw), length: raw.length })))
    const hash = hashToText(xorbHash(list))
    expect(body.length).toBe(67_112_960)
    expect(verifyXorb(body, hash).frameEnds.length).toBe(512)
    const over = Buffer.concat([body, encodeStoredFrame(raw)])
    expect(() => verifyXorb(over, hash)).toThrow(LimitExceeded)
    expect(() => verifyXorb(new Uint8Array(MAX_XORB_BYTES + 1), hash)).toThrow(LimitExceeded)
  })

  it('takes 8192 chunks and no more', () => {
    const frame = encodeStoredFrame(Uint8Array.of(7))
    const list = packChunks(
      Array.from({ length: MAX_XORB_CHUNKS }, () => ({ hash: chunkHash(Uint8Array.of(7)), length: 1 })),
    )
    const hash = hashToText(xorbHash(list))
    const body = Buffer.concat(Array.from({ length: MAX_XORB_CHUNKS }, () => frame))
    const index = verifyXorb(body, hash)
    expect(index.frameEnds.length).toBe(MAX_XORB_CHUNKS)
    expect(decodeXorbFooter('it', encodeXorbFooter(index))).toEqual(index)
    expect(() => verifyXorb(Buffer.concat([body, frame]), hash)).toThrow(LimitExceeded)
  })
})

describe('xorb footer', () => {
  it('has the bytes of the format', () => {
    const index = verifyXorb(example.frames, example.hash)
    const footer = Buffer.from(encodeXorbFooter(index))
    expect(footer.length).toBe(xorbFooterLength(3))
    expect(footer.readUInt32LE(footer.length - 4)).toBe(footer.length - 4)
    expect(footer.subarray(0, 8).toString('latin1')).toBe('XETBLOB\x01')
    expect(footer.subarray(40, 48).toString('latin1')).toBe('XBLBHSH\0')
    expect(footer.readUInt32LE(48)).toBe(3)
    expect(footer.subarray(148, 156).toString('latin1')).toBe('XBLBBND\x01')
    expect(footer.readUInt32LE(156)).toBe(3)
    expect([160, 164, 168].map(at => footer.readUInt32LE(at))).toEqual([...index.frameEnds])
    expect([172, 176, 180].map(at => footer.readUInt32LE(at))).toEqual([100, 5100, 5303])
    expect([184, 188, 192].map(at => footer.readUInt32LE(at))).toEqual([3, 172, 64])
    expect(footer.subarray(196, 212).every(byte => byte === 0)).toBe(true)
    // xet-core `xorb_object_format.rs:XORB_OBJECT_INFO_DEFAULT_LENGTH`, without the length field.
    expect(xorbFooterLength(0)).toBe(92 + 4)
  })

  it('goes there and back from any tail that holds it', () => {
    fc.assert(
      fc.property(made, fc.nat(), ({ hash, frames }, before) => {
        const index = verifyXorb(frames, hash)
        const object = Buffer.concat([frames, encodeXorbFooter(index)])
        const tail = object.subarray(before % (frames.length + 1))
        expect(decodeXorbFooter('it', tail)).toEqual(index)
      }),
      runs(2000),
    )
  })

  it('refuses any flipped byte that matters, and every cut', () => {
    const index = verifyXorb(example.frames, example.hash)
    const footer = Buffer.from(encodeXorbFooter(index))
    const reserved = new Set(Array.from({ length: 16 }, (_, i) => footer.length - 20 + i))
    for (let at = 0; at < footer.length; at++) {
      for (const bits of [1, 0x80, 0xff]) {
        const flipped = flip(footer, at, bits)
        const error = refusal(() => decodeXorbFooter('it', flipped))
        // Where frames end is not under the hash: such a flip passes if they stay in order.
        const isFrameEnd = at >= 160 && at < 172
        if (reserved.has(at)) expect(decodeXorbFooter('it', flipped)).toEqual(index)
        else if (!isFrameEnd) expect(error, `byte ${at} ^ ${bits}`).toBeInstanceOf(MalformedInput)
      }
      expect(refusal(() => decodeXorbFooter('it', footer.subarray(0, at)))).toBeInstanceOf(MalformedInput)
      if (at > 0)
        expect(refusal(() => decodeXorbFooter('it', footer.subarray(at)))).toBeInstanceOf(MalformedInput)
    }
    expect(() => decodeXorbFooter('it', footer.subarray(10))).toThrow(
      `it: the footer begins 10 bytes before the ${footer.length - 10} bytes given`,
    )
    const old = encodeFooterV0(index)
    expect(refusal(() => decodeXorbFooter('it', old))?.message).toContain('version 0')
  })
})

describe('decodeFrames', () => {
  it('decodes any run of frames', () => {
    fc.assert(
      fc.property(made, fc.nat(), fc.nat(), ({ hash, frames, chunks }, a, b) => {
        const index = verifyXorb(frames, hash)
        const start = a % chunks.length
        const end = start + 1 + (b % (chunks.length - start))
        const range = frames.subarray(index.frameEnds[start - 1] ?? 0, index.frameEnds[end - 1])
        const decoded = [...decodeFrames('it', range, index.chunks.lengths.subarray(start, end))]
        expect(decoded.map(raw => Buffer.from(raw))).toEqual(
          chunks.slice(start, end).map(raw => Buffer.from(raw)),
        )
      }),
      runs(2000),
    )
  })

  it('decodes one frame at a time', () => {
    const broken = flip(example.frames, example.frames.length - 1, 1)
    const frames = decodeFrames('it', broken, verifyXorb(example.frames, example.hash).chunks.lengths)
    expect(Buffer.from(frames.next().value!)).toEqual(Buffer.from(example.chunks[0]!))
    expect(Buffer.from(frames.next().value!)).toEqual(Buffer.from(example.chunks[1]!))
    expect(() => frames.next()).toThrow(MalformedInput)
  })

  it.each([
    ['too few lengths', [100, 5000], 'bytes follow the last of 2 frames'],
    ['too many lengths', [100, 5000, 203, 1], 'it, frame 3: frame header needs 8 bytes'],
    ['a wrong length', [100, 5001, 203], 'it, frame 1: holds 5000 bytes, expected 5001'],
  ])('refuses %s', (_, lengths, message) => {
    expect(() => [...decodeFrames('it', example.frames, Uint32Array.from(lengths))]).toThrow(message)
  })

  it('refuses a frame that is cut short', () => {
    const frame = encodeStoredFrame(Buffer.from('abcdef')).subarray(0, -1)
    expect(() => [...decodeFrames('it', frame, Uint32Array.of(6))]).toThrow(
      'it, frame 0: ends at 14, but there are only 13 bytes',
    )
  })

  it('serves what was cut from a stream', () => {
    const content = splitmix64(400_000, 8n)
    const ends = [...findChunkEnds(content), content.length]
    const chunks = ends.map((end, i) => content.subarray(ends[i - 1] ?? 0, end))
    const { hash, frames } = make(chunks.map((raw, i) => [raw, (i % 3) as FrameScheme]))
    const raw = Buffer.concat([...decodeFrames('it', frames, verifyXorb(frames, hash).chunks.lengths)])
    expect(Buffer.compare(raw, content)).toBe(0)
  })
})
