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

/** An index that is larger than all that are kept is looked at once: one pass, whatever the length. */
function bottom(length: number, count: number): number[] {
  if (length <= count) {
    return Array.from({ length }, (_, index) => index).sort((a, b) => mix32(a + 1) - mix32(b + 1))
  }
  const hashes = new Uint32Array(length)
  for (let index = 0; index < length; index++) hashes[index] = mix32(index + 1)
  const limit = Uint32Array.from(hashes).sort()[count - 1] as number
  const kept: number[] = []
  for (let index = 0; index < length; index++) if ((hashes[index] as number) <= limit) kept.push(index)
  return kept.sort((a, b) => (hashes[a] as number) - (hashes[b] as number))
}
