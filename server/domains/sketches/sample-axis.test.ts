import { describe, expect, it } from 'vitest'
import { mix32, sampleAxis } from './sample-axis.ts'

/** What the rule says, at its word. */
function smallestHashes(length: number, count: number): number[] {
  const all = Array.from({ length }, (_, index) => index)
  return all.sort((a, b) => mix32(a + 1) - mix32(b + 1)).slice(0, count)
}

describe('sampleAxis', () => {
  it.each([
    [0, 32],
    [1, 32],
    [31, 32],
    [33, 32],
    [4096, 80],
    [151_936, 64],
    [1_100_000, 128],
  ])('gives of %i indexes the %i with the smallest hashes, in their order', (length, count) => {
    expect(sampleAxis(length, count)).toEqual(smallestHashes(length, count))
  })

  it('gives the beginning of what a larger count gives', () => {
    expect(sampleAxis(5000, 128).slice(0, 32)).toEqual(sampleAxis(5000, 32))
  })

  it('gives most of the same indexes when the axis has grown a little', () => {
    const before = new Set(sampleAxis(32_000, 64))
    const kept = sampleAxis(32_064, 64).filter(index => before.has(index))
    expect(kept.length).toBeGreaterThanOrEqual(62)
  })

  it('asks for no memory by the length of the axis', () => {
    for (const length of [2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      const indexes = sampleAxis(length, 128)
      expect(new Set(indexes).size).toBe(128)
      expect(indexes.every(index => index >= 0 && index < length)).toBe(true)
    }
  })
})
