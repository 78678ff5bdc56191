/**
 * Which indexes of an axis a sketch looks at: those with the smallest hashes. So two axes of different lengths (a
 * vocabulary that has grown, a width that was cut) are sampled at nearly the same places, a smaller sample is the
 * beginning of a larger one, and a matrix and its transpose are sampled at the same values.
 */
export function sampleAxis(length: number, count: number): readonly number[] {
  const key = `${length}/${count}`
  const known = samples.get(key)
  if (known) return known
  const indexes = bottom(length, count)
  if (samples.size >= rememberedSamples) samples.clear()
  samples.set(key, indexes)
  return indexes
}

/** The finaliser of MurmurHash3, a bijection of 32-bit numbers. */
export function mix32(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const samples = new Map<string, readonly number[]>()
const rememberedSamples = 512

/** From this length on the smallest hashes are asked for their indexes: few are of none. */
const longAxis = 2 ** 20

/** One pass over an axis that is short; of a long one, the index of each hash from 0 on. Time and memory do not grow with the length. */
function bottom(length: number, count: number): number[] {
  if (length >= longAxis) {
    const indexes: number[] = []
    for (let hash = 0; indexes.length < count; hash++) {
      const index = (unmix32(hash) - 1) >>> 0
      if (index < length) indexes.push(index)
    }
    return indexes
  }
  const hashes = Uint32Array.from({ length }, (_, index) => mix32(index + 1))
  const limit = length > count ? (hashes.slice().sort()[count - 1] as number) : 0xffffffff
  const kept: number[] = []
  for (let index = 0; index < length; index++) if ((hashes[index] as number) <= limit) kept.push(index)
  return kept.sort((a, b) => (hashes[a] as number) - (hashes[b] as number))
}

/** The number whose `mix32` is `hash`: the steps back, with the inverses of both factors. */
function unmix32(hash: number): number {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x7ed1b41d)
  h = Math.imul(h ^ (h >>> 13) ^ (h >>> 26), 0xa5cb9243)
  return (h ^ (h >>> 16)) >>> 0
}
