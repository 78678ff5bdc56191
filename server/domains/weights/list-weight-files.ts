import type { ModelFiles } from './model-files.ts'

export type WeightFormat = 'safetensors' | 'pytorch' | 'gguf' | 'onnx'

/** Files that hold one model together: one, or its parts. */
export interface WeightFiles {
  readonly format: WeightFormat
  /** The first of `paths`, by which `openFile` knows them. */
  readonly path: string
  readonly paths: readonly string[]
  /** Of all together, in bytes. */
  readonly size: number
}

const formats: readonly [WeightFormat, RegExp][] = [
  ['safetensors', /\.safetensors$/i],
  ['pytorch', /\.(?:bin|pt|pth|ckpt|pkl|jit)$/i],
  ['gguf', /\.gguf$/i],
  ['onnx', /\.onnx$/i],
]
/** What ends so and holds no model: states of training, tokenizers, arguments. */
const otherThings =
  /(?:^|\/)(?:training_args|optimizer|scheduler|rng_state|scaler)[^/]*$|(?:ggml-|openvino_)[^/]*\.bin$/
const partOf = /-(\d{5})-of-(\d{5})(?=\.[a-z]+$)/i

/**
 * Every model of a folder, the best first: safetensors, PyTorch, GGUF, ONNX; of each the one that loaders take by
 * itself, then those nearer to the root, then the larger, which of several quantisations is the most precise.
 */
export function listWeightFiles(files: Pick<ModelFiles, 'list'>): WeightFiles[] {
  const sets = new Map<string, { format: WeightFormat; paths: string[]; size: number }>()
  for (const { path, size } of files.list()) {
    const format = formats.find(([, pattern]) => pattern.test(path))?.[0]
    if (!format || otherThings.test(path)) continue
    const key = path.replace(partOf, '-of-$2')
    const set = sets.get(key) ?? { format, paths: [], size: 0 }
    set.paths.push(path)
    set.size += size
    sets.set(key, set)
  }
  return [...sets.values()]
    .map(set => ({ ...set, paths: set.paths.sort(), path: set.paths.sort()[0]! }))
    .map(set => ({ set, rank: rankOf(set) }))
    .sort((a, b) => compare(a.rank, b.rank))
    .map(({ set }) => set)
}

/** What loaders look for by name: transformers, diffusers, PEFT. */
const wellKnown = [
  /^model(?:-\d{5}-of-\d{5})?\.safetensors$/,
  /^pytorch_model(?:-\d{5}-of-\d{5})?\.bin$/,
  /^diffusion_pytorch_model/,
  /^adapter_model\./,
]

function rankOf({ format, path, size }: WeightFiles): number[] {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const known = wellKnown.findIndex(pattern => pattern.test(name))
  const isBeside = /mmproj|imatrix|\.fp16\.|\.bf16\./i.test(name)
  return [
    formats.findIndex(([other]) => other === format),
    path.split('/').length,
    isBeside ? 1 : 0,
    known < 0 ? wellKnown.length : known,
    -size,
  ]
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, n) => value !== b[n])
  return at < 0 ? 0 : a[at]! - b[at]!
}

/** How many parts a file says that there are, and which one it is, from 1; undefined when it is no part. */
export function partNumber(path: string): { part: number; parts: number } | undefined {
  const [, part, parts] = partOf.exec(path) ?? []
  return part === undefined ? undefined : { part: Number(part), parts: Number(parts) }
}
