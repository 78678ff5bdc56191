import { Blake3Hasher } from '@napi-rs/blake-hash'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { type ChunkList, concatChunks, packChunks, sliceChunks, totalLength } from './chunk-list.ts'
import { chunkHash, FileHasher, fileHash, keyedChunkHashes, rangeHash, xorbHash } from './merkle.ts'
import { parseShard } from './shard.ts'
import { fileHashes, hfXetUpload, huggingfaceJsUpload } from './testdata/client-uploads.ts'
import { HASH_BYTES, hashToText, textToHash } from './xet-hash.ts'
import { verifyXorb } from './xorb.ts'

const zeros = '0'.repeat(64)
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })

function chunkLists(maxLength: number): fc.Arbitrary<ChunkList> {
  return fc.array(fc.record({ hash, length: fc.nat(131_072) }), { maxLength }).map(packChunks)
}

function keyed(key: string, content: string | Buffer): string {
  return Blake3Hasher.newKeyed(Buffer.from(key, 'hex')).update(content).digest('hex')
}

/** The tree as the protocol words it, on strings and big integers. */
function slowRoot(list: ChunkList): string {
  let nodes = Array.from(list.lengths, (length, i) => ({
    text: hashToText(list.hashes, i * HASH_BYTES),
    length,
  }))
  while (nodes.length > 1) {
    const merged: typeof nodes = []
    while (nodes.length > 0) {
      const cut = nodes.findIndex((node, i) => i >= 2 && BigInt(`0x${node.text.slice(48)}`) % 4n === 0n)
      const group = nodes.splice(0, Math.min(9, cut === -1 ? 9 : cut + 1))
      const lines = group.map(node => `${node.text} : ${node.length}\n`).join('')
      const digest = keyed('017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f', lines)
      const text = hashToText(Buffer.from(digest, 'hex'))
      merged.push({ text, length: group.reduce((sum, node) => sum + node.length, 0) })
    }
    nodes = merged
  }
  return nodes[0]?.text ?? zeros
}

describe('xet hashes', () => {
  it('hashes a chunk with the data key', () => {
    const raw = '0b0598d912ba76903e940f77bfc8959cb7820a49c755ad6cc2c2052a2a58f16c'
    expect(Buffer.from(chunkHash(Buffer.from('hello'))).toString('hex')).toBe(raw)
    const inside = Buffer.from('..hello..').subarray(2, 7)
    expect(Buffer.from(chunkHash(inside)).toString('hex')).toBe(raw)
  })

  it('gives zeros for no chunks, keyed or not', () => {
    const none = packChunks([])
    expect(hashToText(xorbHash(none))).toBe(zeros)
    expect(hashToText(fileHash(none))).toBe(zeros)
  })

  it('takes a single chunk for its own root, and keys it for a file', () => {
    const chunk = { hash: chunkHash(Uint8Array.of(7)), length: 1 }
    expect(xorbHash(packChunks([chunk]))).toEqual(Uint8Array.from(chunk.hash))
    expect(hashToText(fileHash(packChunks([chunk])))).toBe(fileHashes.oneByte)
    expect(hashToText(keyedChunkHashes(new Uint8Array(32), chunk.hash))).toBe(fileHashes.oneByte)
  })

  it('builds the tree that the protocol words', () => {
    fc.assert(
      fc.property(chunkLists(12), list => {
        expect(hashToText(xorbHash(list))).toBe(slowRoot(list))
      }),
      runs(2000),
    )
    fc.assert(
      fc.property(chunkLists(400), fc.nat(3), (list, everyHashCuts) => {
        const hashes = list.hashes.map((byte, i) => (i % 32 === 24 && everyHashCuts === 0 ? byte & ~3 : byte))
        expect(hashToText(xorbHash({ ...list, hashes }))).toBe(slowRoot({ ...list, hashes }))
      }),
      runs(100),
    )
  })

  it('hashes a file chunk by chunk, to the same', () => {
    fc.assert(
      fc.property(chunkLists(100), list => {
        const hasher = new FileHasher()
        for (const [i, length] of list.lengths.entries()) {
          hasher.push(list.hashes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES), length)
        }
        const [digest, whole] = [hasher.digest(), fileHash(list)]
        expect(hashToText(digest)).toBe(hashToText(whole))
      }),
      runs(1000),
    )
  })

  it('counts lengths beyond 32 bits', () => {
    const list = packChunks(
      Array.from({ length: 5 }, (_, i) => ({ hash: new Uint8Array(32).fill(i * 4), length: 0xffffffff })),
    )
    const many = concatChunks(Array.from({ length: 40 }, () => list))
    expect(totalLength(many)).toBe(200 * 0xffffffff)
    expect(hashToText(xorbHash(many))).toBe(slowRoot(many))
  })

  it('depends on every bit and on order', () => {
    fc.assert(
      fc.property(chunkLists(20), fc.nat(), (list, at) => {
        fc.pre(list.lengths.length > 1)
        const hashes = Uint8Array.from(list.hashes)
        hashes[at % hashes.length]! ^= 1 << (at % 8)
        const lengths = Uint32Array.from(list.lengths)
        lengths[at % lengths.length]! ^= 1
        const root = hashToText(xorbHash(list))
        expect(hashToText(xorbHash({ hashes, lengths: list.lengths }))).not.toBe(root)
        expect(hashToText(xorbHash({ hashes: list.hashes, lengths }))).not.toBe(root)
      }),
      runs(1000),
    )
  })

  it.each(Object.entries({ hfXetUpload, huggingfaceJsUpload }))('proves ranges as in %s', (_, upload) => {
    const indexes = new Map(upload.xorbs.map(({ hash, body }) => [hash, verifyXorb(body, hash)]))
    const { files } = parseShard(upload.shard)
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) {
      const parts = file.terms.map(term => {
        const { chunks } = indexes.get(term.xorb)!
        expect(hashToText(rangeHash(chunks, term.chunkStart, term.chunkEnd))).toBe(term.rangeHash)
        const part = sliceChunks(chunks, term.chunkStart, term.chunkEnd)
        expect(totalLength(part)).toBe(term.unpackedLength)
        return part
      })
      expect(hashToText(fileHash(concatChunks(parts)))).toBe(file.hash)
    }
  })

  it('keys every hash of a list', () => {
    fc.assert(
      fc.property(hash, chunkLists(5), (key, { hashes }) => {
        const list = keyedChunkHashes(key, hashes)
        expect(list.length).toBe(hashes.length)
        for (let at = 0; at < hashes.length; at += 32) {
          const expected = keyed(Buffer.from(key).toString('hex'), Buffer.from(hashes.subarray(at, at + 32)))
          expect(Buffer.from(list.subarray(at, at + 32)).toString('hex')).toBe(expected)
        }
      }),
      runs(500),
    )
  })

  it('refuses a key of another length instead of ending the process', () => {
    expect(() => keyedChunkHashes(new Uint8Array(31), new Uint8Array(32))).toThrow('32 bytes, not 31')
    expect(() => keyedChunkHashes(textToHash(zeros).subarray(1), new Uint8Array(32))).toThrow(TypeError)
  })
})
