import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { packChunks } from './chunk-list.ts'
import { keyedChunkHashes } from './merkle.ts'
import { MAX_SHARD_BYTES, parseShard, type Shard } from './shard.ts'
import { encodeDedupShard, encodeShard } from './shard-encode.ts'
import { clientFiles } from './testdata/client-files.ts'
import { fileHashes, hfXetUpload, huggingfaceJsUpload } from './testdata/client-uploads.ts'
import { hashToText } from './xet-hash.ts'
import { verifyXorb } from './xorb.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const text = hash.filter(bytes => bytes.some(byte => byte !== 0xff)).map(bytes => hashToText(bytes))
const u32 = fc.integer({ min: 0, max: 0xffffffff })
const range = fc.tuple(u32, u32).filter(([a, b]) => a !== b)

const file = fc
  .record({
    hash: text,
    terms: fc.array(
      fc.record({ xorb: hash.map(bytes => hashToText(bytes)), unpackedLength: u32, range, proof: text }),
      { maxLength: 5 },
    ),
    isVerified: fc.boolean(),
    sha256: fc.option(text, { nil: undefined }),
  })
  .map(({ hash, terms, isVerified, sha256 }) => ({
    hash,
    terms: terms.map(({ xorb, unpackedLength, range: [a, b], proof }) => ({
      xorb,
      unpackedLength,
      chunkStart: Math.min(a, b),
      chunkEnd: Math.max(a, b),
      ...(isVerified && { rangeHash: proof }),
    })),
    ...(sha256 !== undefined && { sha256 }),
  }))

const chunks = fc
  .array(fc.record({ hash, length: fc.integer({ min: 1, max: 131_072 }) }), { maxLength: 6 })
  .map(packChunks)
const xorbs = fc.array(fc.record({ hash: text, chunks }), { maxLength: 4 })
const shard: fc.Arbitrary<Shard> = fc.record({ files: fc.array(file, { maxLength: 4 }), xorbs })

function refusal(attempt: () => unknown): Error | undefined {
  try {
    attempt()
    return undefined
  } catch (error) {
    if (error instanceof MalformedInput || error instanceof LimitExceeded) return error
    throw error
  }
}

describe('uploaded shard', () => {
  it('reads what hf_xet sends', () => {
    const { files, xorbs } = parseShard(hfXetUpload.shard)
    const [xorb] = hfXetUpload.xorbs
    const index = verifyXorb(xorb!.body, xorb!.hash)
    expect(xorbs).toEqual([{ hash: xorb!.hash, chunks: index.chunks }])
    expect(files.map(found => found.hash).sort()).toEqual(
      Object.keys(clientFiles)
        .map(name => fileHashes[name]!)
        .sort(),
    )
    const zeros = files.find(found => found.hash === fileHashes.zeros)!
    expect(zeros.sha256).toBe('dd3df6b01f055a24175224d8bd5cc6f2e9b5b29e7c027a1b137cdda762aee179')
    expect(zeros.terms).toHaveLength(1)
    expect(zeros.terms[0]).toMatchObject({ xorb: xorb!.hash, unpackedLength: 150_000 })
    expect(zeros.terms[0]!.chunkEnd - zeros.terms[0]!.chunkStart).toBe(2)
  })

  it('reads what huggingface.js sends, footer and all', () => {
    const { files, xorbs } = parseShard(huggingfaceJsUpload.shard)
    expect(files).toHaveLength(1)
    expect(xorbs).toHaveLength(1)
    const sent = huggingfaceJsUpload.xorbs.find(xorb => xorb.hash === xorbs[0]!.hash)!
    expect(xorbs[0]!.chunks).toEqual(verifyXorb(sent.body, sent.hash).chunks)
    expect(Object.values(fileHashes)).toContain(files[0]!.hash)
    expect(files[0]!.terms[0]!.rangeHash).toMatch(/^[0-9a-f]{64}$/)
  })

  it('is written byte for byte as hf_xet writes it, but for the flag on chunks to deduplicate by', () => {
    const ours = Buffer.from(encodeShard(parseShard(hfXetUpload.shard)))
    const theirs = Buffer.from(hfXetUpload.shard)
    const firstChunk = theirs.length - 48 * 6
    for (let chunk = 0; chunk < 5; chunk++) theirs.writeUInt32LE(0, firstChunk + chunk * 48 + 40)
    expect(ours.toString('hex')).toBe(theirs.toString('hex'))
  })

  it('goes there and back, wherever it lies in memory', () => {
    fc.assert(
      fc.property(shard, fc.nat(9), (shard, offset) => {
        const bytes = encodeShard(shard)
        const inside = new Uint8Array(offset + bytes.length + 3).fill(0xff)
        inside.set(bytes, offset)
        const files = shard.files.map(file => ({ ...file, terms: [...file.terms] }))
        expect(parseShard(inside.subarray(offset, offset + bytes.length))).toEqual({ ...shard, files })
      }),
      runs(10_000),
    )
  })

  it('refuses every cut, with and without footer', () => {
    const answer = {
      xorbs: parseShard(hfXetUpload.shard).xorbs,
      hmacKey: randomBytes(32),
      createdAt: 1e12,
      expiresAt: 2e12,
    }
    for (const bytes of [hfXetUpload.shard, huggingfaceJsUpload.shard, encodeDedupShard(answer)]) {
      expect(refusal(() => parseShard(bytes))).toBeUndefined()
      for (let length = 0; length < bytes.length; length++) {
        expect(
          refusal(() => parseShard(bytes.subarray(0, length))),
          `${length} bytes`,
        ).toBeInstanceOf(MalformedInput)
      }
    }
  })

  it('throws nothing but refusals, whatever is flipped or made up', () => {
    fc.assert(
      fc.property(
        shard,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
        (shard, flips) => {
          const bytes = Buffer.from(encodeShard(shard))
          for (const [at, bits] of flips) bytes[at % bytes.length]! ^= bits
          refusal(() => parseShard(bytes))
        },
      ),
      runs(10_000),
    )
    const header = encodeShard({ files: [], xorbs: [] }).subarray(0, 48)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 48 * 6 }), bytes => {
        refusal(() => parseShard(Buffer.concat([header, bytes])))
      }),
      runs(10_000),
    )
  })

  it('does not believe counts, and says where the fault is', () => {
    const [hashA, hashB] = ['a'.repeat(64), 'b'.repeat(64)]
    const bytes = encodeShard({
      files: [
        {
          hash: hashA,
          terms: [{ xorb: hashB, unpackedLength: 30, chunkStart: 0, chunkEnd: 2, rangeHash: hashA }],
        },
      ],
      xorbs: [
        { hash: hashB, chunks: packChunks([10, 20].map(length => ({ hash: new Uint8Array(32), length }))) },
      ],
    })
    const says = (at: number, value: number, message: string) => {
      const changed = Buffer.from(bytes)
      changed.writeUInt32LE(value, at)
      expect(refusal(() => parseShard(changed))?.message).toBe(message)
    }
    const xorb = 48 * 5
    says(0, 0, 'shard: does not begin with the tag of a shard, HFRepoMetaData and 18 more bytes')
    says(32, 3, 'shard: has version 3, expected 2')
    says(40, 200, 'shard: declares a footer of 200 bytes, 0 are left')
    says(48 + 32, 0x80000001, 'shard file 0: has unknown flags: 0x80000001')
    says(
      48 + 36,
      0xffffffff,
      `shard file 0, its 4294967295 terms: needs ${48 * 0xffffffff} bytes at 96, the shard has ${bytes.length - 96} left`,
    )
    says(96 + 40, 2, 'shard file 0, term 0: chunk range [2, 2) is empty')
    says(
      xorb + 36,
      8192,
      `shard xorb 0, its 8192 chunks: needs 393216 bytes at ${xorb + 48}, the shard has 144 left`,
    )
    says(xorb + 36, 8193, 'shard xorb 0: its chunks is over the limit of 8192 chunks (found 8193)')
    says(xorb + 40, 31, 'shard xorb 0: declares 31 bytes, its chunks have 30')
    says(xorb + 96 + 32, 11, 'shard xorb 0, chunk 1: begins at 11, expected 10')
    says(xorb + 96 + 36, 0, 'shard xorb 0, chunk 1: has 0 bytes, allowed are 1 to 131072')
    says(xorb + 96 + 36, 131_073, 'shard xorb 0, chunk 1: has 131073 bytes, allowed are 1 to 131072')
    expect(() => parseShard(new Uint8Array(MAX_SHARD_BYTES + 1))).toThrow(LimitExceeded)
  })
})

describe('dedup answer', () => {
  it('holds the chunks under keyed hashes, the xorbs in clear', () => {
    fc.assert(
      fc.property(xorbs, hash, (xorbs, hmacKey) => {
        const answer = encodeDedupShard({ xorbs, hmacKey, createdAt: 1e12, expiresAt: 2e12 })
        const keyed = xorbs.map(({ hash, chunks }) => ({
          hash,
          chunks: { hashes: keyedChunkHashes(hmacKey, chunks.hashes), lengths: chunks.lengths },
        }))
        expect(parseShard(answer)).toEqual({ files: [], xorbs: keyed })
      }),
      runs(500),
    )
  })

  it('has a footer that both clients can follow', () => {
    const { xorbs } = parseShard(hfXetUpload.shard)
    const hmacKey = randomBytes(32)
    const bytes = Buffer.from(
      encodeDedupShard({ xorbs, hmacKey, createdAt: 1_700_000_000_999, expiresAt: 1_700_604_800_000 }),
    )
    const start = bytes.length - 200
    const u64 = (at: number) => Number(bytes.readBigUInt64LE(start + at))
    expect(bytes.readBigUInt64LE(40)).toBe(200n)
    expect([u64(0), u64(8), u64(16), u64(192)]).toEqual([1, 48, 96, start])
    // huggingface.js `shardParser.ts` reads xorbs from the offset at 16 to the one at 24.
    expect([24, 40, 56].map(u64)).toEqual([start, start, start])
    expect([32, 48, 64].map(u64)).toEqual([0, 0, 0])
    expect(bytes.subarray(start + 72, start + 104).equals(hmacKey)).toBe(true)
    expect([u64(104), u64(112)]).toEqual([1_700_000_000, 1_700_604_800])
    expect(bytes.subarray(start - 48, start).toString('hex')).toBe('ff'.repeat(32) + '00'.repeat(16))
  })
})
