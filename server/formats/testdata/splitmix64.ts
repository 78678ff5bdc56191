/** `length` pseudo-random bytes: SplitMix64 from `seed`, little-endian, the generator that Xet test vectors use. */
export function splitmix64(length: number, seed: bigint): Uint8Array {
  const words = new BigUint64Array(Math.ceil(length / 8))
  let state = seed
  for (let i = 0; i < words.length; i++) {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n)
    let mixed = state
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n)
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn)
    words[i] = mixed ^ (mixed >> 31n)
  }
  return new Uint8Array(words.buffer, 0, length)
}
