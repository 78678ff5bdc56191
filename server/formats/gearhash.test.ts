import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { packChunks } from './chunk-list.ts'
import { findGearCut, GEAR_WARM_UP } from './gear-kernel.ts'
import { gearTable } from './gear-table.ts'
import { findChunkEnds, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES } from './gearhash.ts'
import { chunkHash, fileHash } from './merkle.ts'
import { clientFiles, hashedContents } from './testdata/client-files.ts'
import { fileHashes } from './testdata/client-uploads.ts'
import { splitmix64 } from './testdata/splitmix64.ts'
import { hashToText } from './xet-hash.ts'

/** What is left after one block goes before the next. */
function chunksOf(blocks: readonly Uint8Array[]): Uint8Array[] {
  const content = Buffer.concat(blocks)
  const chunks: Uint8Array[] = []
  let start = 0
  let upTo = 0
  let longest = 0
  for (const { length } of blocks) {
    const scanned = upTo - start
    upTo += length
    const from = start
    for (const end of findChunkEnds(content.subarray(from, upTo), scanned)) {
      chunks.push(content.subarray(start, from + end))
      start = from + end
    }
    longest = Math.max(longest, upTo - start)
  }
  expect(longest).toBeLessThan(MAX_CHUNK_BYTES)
  return start < upTo ? [...chunks, content.subarray(start)] : chunks
}

function endsOf(chunks: readonly Uint8Array[]): number[] {
  let end = 0
  return chunks.map(chunk => {
    end += chunk.length
    return end
  })
}

/** The protocol's words, byte by byte with big integers. */
function slowEnds(bytes: Uint8Array): number[] {
  const ends: number[] = []
  let hash = 0n
  let size = 0
  for (const [i, byte] of bytes.entries()) {
    hash = BigInt.asUintN(64, (hash << 1n) + gearTable[byte]!)
    size++
    const isMatch = (hash & 0xffff000000000000n) === 0n
    if ((isMatch && size >= MIN_CHUNK_BYTES) || size === MAX_CHUNK_BYTES || i === bytes.length - 1) {
      ends.push(i + 1)
      hash = 0n
      size = 0
    }
  }
  return ends
}

const megabyte = splitmix64(1_000_000, 0n)

describe('chunker', () => {
  it('has the right test data', () => {
    expect(createHash('sha256').update(megabyte).digest('hex')).toBe(
      'b3d0a1f7938cd4d8413a4dcffd4313e2e8ac0cb61cb1090eb140ea8e9154befb',
    )
  })

  it('cuts random data where xet-core does (chunking.rs:test_correctness_1mb_random_data)', () => {
    const chunks = chunksOf([megabyte])
    expect(endsOf(chunks)).toEqual([
      84493, 134421, 144853, 243318, 271793, 336457, 467529, 494581, 582000, 596735, 616815, 653164, 678202,
      724510, 815591, 827760, 958832, 991092, 1000000,
    ])
    expect(hashToText(chunkHash(chunks[0]!))).toBe(
      '6eca1e7dadaf08cca5d82d318c800f07c2ddcec115a7e8627e5edd9605b94b8d',
    )
  })

  it('cuts constant data at the maximum', () => {
    expect(endsOf(chunksOf([new Uint8Array(1_000_000).fill(59)]))).toEqual([
      131072, 262144, 393216, 524288, 655360, 786432, 917504, 1000000,
    ])
  })

  it.each(Object.keys({ ...clientFiles, ...hashedContents }))('gives %s the file hash of hf_xet', name => {
    const content = hashedContents[name]?.() ?? clientFiles[name as keyof typeof clientFiles]
    const chunks = chunksOf([content])
    const list = packChunks(chunks.map(chunk => ({ hash: chunkHash(chunk), length: chunk.length })))
    expect(hashToText(fileHash(list))).toBe(fileHashes[name])
  })

  it('passes over matches below the minimum and goes on', () => {
    const content = hashedContents.matchBelowMinimum!()
    // Clients skip 8127 bytes and hash on from there: this byte alone is a match for them, and a trap.
    expect(gearTable[content[8127]!]! >> 48n).toBe(0n)
    expect(endsOf(chunksOf([content]))).toEqual(slowEnds(content))
    expect(endsOf(chunksOf([content]))[0]).toBeGreaterThanOrEqual(MIN_CHUNK_BYTES)
  })

  it('cuts at the minimum and not a byte before', () => {
    expect(endsOf(chunksOf([hashedContents.matchAtMinimum!()]))[0]).toBe(8192)
    const below = endsOf(chunksOf([hashedContents.matchJustBelowMinimum!()]))[0]
    expect(below).toBeGreaterThan(8192)
  })

  it('gives no chunk of nothing, nor of what may go on', () => {
    expect(findChunkEnds(new Uint8Array(0))).toEqual([])
    expect(findChunkEnds(megabyte.subarray(0, 5000))).toEqual([])
    expect(findChunkEnds(megabyte.subarray(0, 84_492))).toEqual([])
    expect(findChunkEnds(megabyte.subarray(0, 84_493))).toEqual([84_493])
  })

  it('cuts alike however the stream is split', () => {
    const content = new Uint8Array(700_000)
    content.set(megabyte.subarray(0, 300_000))
    content.set(new Uint8Array(200_000).fill(17), 300_000)
    content.set(megabyte.subarray(500_000, 700_000), 500_000)
    const expected = slowEnds(content)
    // Around the places where something begins or ends: maximum, minimum, warm-up, the kernel's piece, a loop step.
    const interesting = [1, 7, 8, 62, 63, 64, 8127, 8128, 8191, 8192, 16384, 65536, 131071, 131072, 131073]
    const size = fc.oneof(fc.constantFrom(...interesting), fc.integer({ min: 0, max: 200_000 }))
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 12 }), sizes => {
        const blocks: Uint8Array[] = []
        for (let at = 0, i = 0; at < content.length; i++) {
          const length = Math.max(sizes[i % sizes.length]!, i % sizes.length === 0 ? 60 : 0)
          blocks.push(content.slice(at, at + length))
          at += length
        }
        const chunks = chunksOf(blocks)
        expect(endsOf(chunks)).toEqual(expected)
        expect(Buffer.compare(Buffer.concat(chunks), content)).toBe(0)
      }),
      runs(100),
    )
    expect(endsOf(chunksOf(Array.from(content.subarray(0, 250_000), byte => Uint8Array.of(byte))))).toEqual(
      slowEnds(content.subarray(0, 250_000)),
    )
  })

  it('cuts like the protocol read literally, for bytes that match often', () => {
    // Constants of these bytes begin with 16 zero bits, so runs of them match at odd places.
    const eager = Array.from(gearTable.entries()).flatMap(([byte, constant]) =>
      constant >> 48n === 0n ? [byte] : [],
    )
    expect(eager.length).toBeGreaterThan(10)
    const run = fc.record({
      byte: fc.constantFrom(...eager, 0, 255),
      length: fc.integer({ min: 1, max: 12_000 }),
    })
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 12 }), fc.nat(900_000), (runs, from) => {
        const parts = runs.flatMap(({ byte, length }, i) => [
          megabyte.subarray(from + i * 100, from + i * 100 + (length % 997)),
          new Uint8Array(length % 70).fill(byte),
          megabyte.subarray(from, from + length),
        ])
        const content = Buffer.concat(parts)
        expect(endsOf(chunksOf([content]))).toEqual(content.length === 0 ? [] : slowEnds(content))
      }),
      runs(100),
    )
  })

  it('finds the same cut from any start and with any limit', () => {
    const cuts: number[] = []
    for (let from = GEAR_WARM_UP; ; ) {
      const cut = findGearCut(megabyte, from, megabyte.length)
      if (cut === 0) break
      cuts.push(cut)
      from = cut
    }
    expect(cuts.length).toBeGreaterThan(5)
    fc.assert(
      fc.property(fc.integer({ min: GEAR_WARM_UP, max: 1_000_000 }), fc.nat(40_000), (from, span) => {
        const to = Math.min(from + span, megabyte.length)
        expect(findGearCut(megabyte, from, to)).toBe(cuts.find(cut => cut > from && cut <= to) ?? 0)
      }),
      runs(10_000),
    )
  })
})
