/**
 * Byte grouping by 4, the transform before LZ4 in frame scheme 2: first the bytes at positions 0, 4, 8 …, then those
 * at 1, 5, 9 … and so on, which lines up the exponents of floats (xet-core `bg4.rs`). Any length. Written as it is
 * told, for tests of its inverse in `lz4-kernel.ts`.
 */
export function bg4Split(raw: Uint8Array): Uint8Array {
  const grouped = new Uint8Array(raw.length)
  let at = 0
  for (let group = 0; group < 4; group++) {
    for (let i = group; i < raw.length; i += 4) grouped[at++] = raw[i]!
  }
  return grouped
}
