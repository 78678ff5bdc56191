import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countDiffering, mostRows } from './differing-bits.ts'

const word = fc.nat(0xffff_ffff)

test.each([8, 14, 16])('bits of rows of %i words that differ are counted for each query', words => {
  const row = fc.array(word, { minLength: words, maxLength: words })
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), fc.tuple(row, row), (rows, asked) => {
      const queries = asked.map(query => ({ words: Uint32Array.from(query), into: new Uint32Array(20) }))
      countDiffering(Uint32Array.from(rows.flat()), queries)
      for (const [index, { into }] of queries.entries())
        expect([...into.subarray(0, rows.length)]).toEqual(rows.map(one => differing(one, asked[index]!)))
    }),
  )
})

test('as many rows as there is room for', () => {
  const rows = new Uint32Array(mostRows * 16).fill(0xffff_ffff)
  const into = new Uint32Array(mostRows)
  countDiffering(rows, [{ words: new Uint32Array(16), into }])
  expect(into.every(count => count === 512)).toBe(true)
})

function differing(a: readonly number[], b: readonly number[]): number {
  const bits = a.map((value, at) => ((value ^ b[at]!) >>> 0).toString(2).replaceAll('0', '').length)
  return bits.reduce((sum, count) => sum + count, 0)
}
