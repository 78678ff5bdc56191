import { basename, dirname, join } from 'node:path/posix'
import type { GgufValue } from '../../formats/gguf-header.ts'
import { assembleTensors } from './assemble-tensors.ts'
import { listWeightFiles, partNumber, type WeightFiles, type WeightFormat } from './list-weight-files.ts'
import { isRecord, type ModelFiles, readNearestJson } from './model-files.ts'
import { openGguf } from './open-gguf.ts'
import { openOnnx } from './open-onnx.ts'
import { openPytorch } from './open-pytorch.ts'
import { openSafetensors } from './open-safetensors.ts'
import { hashTokens, readGgufTokens, readTokens } from './read-tokens.ts'
import {
  type Finding,
  type OpenedPart,
  refusal,
  type StoredTensor,
  type WeightTensor,
} from './weight-tensor.ts'

/** A model whose tensors can be read. */
export interface OpenModel {
  readonly format: WeightFormat
  readonly tensors: readonly WeightTensor[]
  /** What is malformed or unsafe, in which file. */
  readonly findings: readonly Finding[]
  /** `config.json` of its folder, of at most 1 MiB. */
  readonly config?: Record<string, unknown>
  /** `adapter_config.json` of its folder. */
  readonly adapter?: Record<string, unknown>
  /** Metadata of a GGUF file; of a list only where it lies. */
  readonly gguf?: ReadonlyMap<string, GgufValue>
  /** Token of each id. */
  readonly tokens?: readonly string[]
  /** Sha256 of that vocabulary: its strings in order, whichever file they come from. */
  readonly tokenizerHash?: string
}

const partLimit = 1000
const tensorLimit = 250_000
const findingLimit = 1000
const indexLimit = 12 * 1024 * 1024

/** The best model of a folder (`listWeightFiles`); undefined when there are no weights in it. */
export async function openModel(files: ModelFiles): Promise<OpenModel | undefined> {
  return (await openBest(files, listWeightFiles(files)))?.model
}

const triesLimit = 8

/** The first of `sets` in which there are tensors; the first of all when there are none in those tried. */
export async function openBest(
  files: ModelFiles,
  sets: readonly WeightFiles[],
): Promise<{ readonly file: string; readonly model: OpenModel } | undefined> {
  let first: { file: string; model: OpenModel } | undefined
  for (const set of sets.slice(0, triesLimit)) {
    const opened = { file: set.path, model: await openSet(files, set) }
    if (opened.model.tensors.length > 0) return opened
    first ??= opened
  }
  return first
}

/** The model that a file holds, alone or with the other parts of it; undefined when it holds no weights. */
export async function openFile(files: ModelFiles, path: string): Promise<OpenModel | undefined> {
  const set = listWeightFiles(files).find(({ paths }) => paths.includes(path))
  return set && openSet(files, set)
}

async function openSet(files: ModelFiles, set: WeightFiles): Promise<OpenModel> {
  const findings: Finding[] = [...missingParts(set)]
  const stored: StoredTensor[] = []
  /** What is refused in words becomes a finding. */
  const attempt = async <Result>(file: string, read: () => Promise<Result>) => {
    try {
      return await read()
    } catch (error) {
      findings.push(refusal(file, error))
      return undefined
    }
  }
  let gguf: OpenedPart['gguf']
  for (const path of set.paths.slice(0, partLimit)) {
    const part = await attempt(path, () => openPart(files, set.format, path))
    for (const finding of part?.findings ?? []) findings.push(finding)
    for (const tensor of part?.tensors ?? []) stored.push(tensor)
    gguf ??= part?.gguf
    if (stored.length <= tensorLimit) continue
    stored.length = tensorLimit
    findings.push({ kind: 'malformed', file: path, message: `has more than ${tensorLimit} tensors` })
    break
  }
  findings.push(...(await missingTensors(files, set, stored)))
  const config = await readNearestJson(files, set.path, 'config.json')
  const assembled = await assembleTensors(stored, config)
  const adapter = await readNearestJson(files, set.path, 'adapter_config.json')
  const tokens = await attempt(set.path, async () =>
    gguf ? readGgufTokens(gguf.source, gguf.metadata) : readTokens(files, set.path),
  )
  return {
    format: set.format,
    tensors: assembled.tensors,
    findings: [...findings, ...assembled.findings].slice(0, findingLimit),
    ...(config && { config }),
    ...(adapter && { adapter }),
    ...(gguf && { gguf: gguf.metadata }),
    ...(tokens && { tokens, tokenizerHash: hashTokens(tokens) }),
  }
}

async function openPart(files: ModelFiles, format: WeightFormat, path: string): Promise<OpenedPart> {
  const source = await files.open(path)
  switch (format) {
    case 'safetensors':
      return openSafetensors(path, source)
    case 'gguf':
      return openGguf(path, source)
    case 'pytorch':
      return openPytorch(path, source)
    case 'onnx':
      return openOnnx(path, source, files)
  }
}

/** Those that the index of a model in parts names (transformers `utils/hub.py:get_checkpoint_shard_files`). */
async function missingTensors(
  files: ModelFiles,
  { path }: WeightFiles,
  stored: readonly StoredTensor[],
): Promise<Finding[]> {
  const index = partNumber(path) && `${basename(path).replace(/-\d{5}-of-\d{5}/, '')}.index.json`
  const map = index && (await readNearestJson(files, path, index, indexLimit))?.weight_map
  if (!index || !isRecord(map)) return []
  const found = new Set(stored.map(({ name }) => name))
  const missing = Object.keys(map).filter(name => !found.has(name))
  const named = missing.slice(0, 3).map(name => JSON.stringify(name.slice(0, 200)))
  if (missing.length === 0) return []
  const message = `names ${missing.length} tensors that no part has, such as ${named.join(', ')}`
  return [{ kind: 'missing', file: join(dirname(path), index), message }]
}

function missingParts({ path, paths }: WeightFiles): Finding[] {
  const parts = partNumber(path)?.parts ?? 1
  if (parts === paths.length) return []
  return [
    { kind: 'missing', file: path, message: `is one of ${parts} parts; there are ${paths.length} of them` },
  ]
}
