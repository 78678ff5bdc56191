import { splitmix64 } from './splitmix64.ts'

/**
 * The files behind `client-uploads.json`, which holds what real clients made of them. Between them they make a client
 * use every frame scheme, and both sizes of LZ4 block that hf_xet chooses from.
 */
export const clientFiles: Readonly<Record<'noise' | 'text' | 'floats' | 'zeros', Uint8Array>> = {
  noise: splitmix64(300, 5n),
  text: Buffer.from(
    Array.from({ length: 100 }, (_, i) => `{"row": ${i}, "name": "value ${i % 7}"}\n`).join(''),
  ),
  floats: splitmix64(4003, 6n).map((byte, i) => (i % 4 === 3 ? 0x3d : i % 4 === 2 ? byte & 0x7f : byte)),
  zeros: new Uint8Array(150_000),
}

/** Further contents, whose file hashes hf_xet's `hash_files` gave: see `fileHashes` in the same JSON. */
export const hashedContents: Readonly<Record<string, () => Uint8Array>> = {
  empty: () => new Uint8Array(0),
  oneByte: () => Uint8Array.of(7),
  belowFirstCut: () => splitmix64(8191, 1n),
  megabyte: () => splitmix64(1_000_000, 0n),
  threeMegabytes: () => splitmix64(3_000_000, 2n),
  /** All chunks alike, so the tree sees long runs of one hash. */
  repeated: () => new Uint8Array(20_000_000).fill(59),
  repeatedOther: () => new Uint8Array(20_000_000).fill(3),
  /** The gear constant of byte 17 begins with 16 zero bits: a match one byte into the scan, 64 before it may count. */
  matchBelowMinimum: () => splitmix64(200_000, 3n).map((byte, i) => (i === 8127 ? 17 : byte)),
  /** The match that ends the first chunk of `megabyte` at 84493, here after 8192 bytes: the earliest that counts. */
  matchAtMinimum: () => splitmix64(300_000, 0n).subarray(84_493 - 8192),
  matchJustBelowMinimum: () => splitmix64(300_000, 0n).subarray(84_493 - 8191),
}
