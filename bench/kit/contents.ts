import { randomFillSync } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { NewFile } from './hub-client.ts'

const pieceBytes = 16 * 1024 * 1024

/** Fills with bytes that no one has seen before and nothing compresses. */
export function fillRandom(bytes: Uint8Array): void {
  randomFillSync(bytes)
}

/**
 * Fills with bf16 numbers like those of trained weights: normal with deviation 0.02, little-endian. Their sign and
 * exponent take few values, their mantissa all, so that LZ4 after byte grouping saves about an eighth.
 */
export function fillWeights(bytes: Uint8Array): void {
  randomFillSync(bytes)
  const numbers = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1)
  for (let i = 0; i < numbers.length; i++) numbers[i] = quantiles[numbers[i]!]!
}

/** Writes `size` bytes, made piece by piece by `fill`. */
export async function writeContent(
  path: string,
  size: number,
  fill: (bytes: Uint8Array) => void,
): Promise<void> {
  const file = await open(path, 'w')
  try {
    const piece = new Uint8Array(Math.min(size, pieceBytes))
    for (let at = 0; at < size; at += piece.length) {
      fill(piece)
      await file.write(piece, 0, Math.min(piece.length, size - at))
    }
  } finally {
    await file.close()
  }
}

/** Small files such as a repository has: a line that tells them apart, then 1 KiB of text. */
export function smallFiles(count: number, mark: string): NewFile[] {
  return Array.from({ length: count }, (_, i) => {
    const path = `${String(i).padStart(5, '0')}.txt`
    return { path, content: Buffer.from(`${mark} ${path}\n`.padEnd(1024, 'what a small file says. ')) }
  })
}

/** The bf16 form of value (i + 1/2) / 65536 of the distribution, for each i. */
const quantiles = Uint16Array.from({ length: 65_536 }, (_, i) => {
  const value = new Float32Array([0.02 * normalQuantile((i + 0.5) / 65_536)])
  return new Uint32Array(value.buffer)[0]! >>> 16
})

/** Inverse of the normal distribution by bisection over the logistic-like approximation of Page (1977). */
function normalQuantile(p: number): number {
  let low = -6
  let high = 6
  for (let i = 0; i < 40; i++) {
    const z = (low + high) / 2
    const below = 1 / (1 + Math.exp(-(1.5976 * z + 0.07056 * z ** 3)))
    if (below < p) low = z
    else high = z
  }
  return (low + high) / 2
}
