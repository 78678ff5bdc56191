import fc from 'fast-check'
import { expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { concatChunks, packChunks, sliceChunks, totalLength } from './chunk-list.ts'

const chunk = fc.record({
  hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  length: fc.integer({ min: 0, max: 0xffff_ffff }),
})

it('is the same packed at once, or cut anywhere and joined', () => {
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 12 }), fc.nat(12), (chunks, cut) => {
      const list = packChunks(chunks)
      expect([...list.lengths]).toEqual(chunks.map(({ length }) => length))
      expect(Buffer.compare(list.hashes, Buffer.concat(chunks.map(({ hash }) => hash)))).toBe(0)
      const parts = [sliceChunks(list, 0, cut), sliceChunks(list, cut, chunks.length)]
      expect(concatChunks(parts)).toEqual(list)
      expect(totalLength(list)).toBe(chunks.reduce((sum, { length }) => sum + length, 0))
    }),
    runs(10_000),
  )
})
