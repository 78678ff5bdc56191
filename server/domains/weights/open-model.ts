import { dirname, join } from 'node:path/posix'
import type { GgufValue } from '../../formats/gguf-header.ts'
import { HubError } from '../../kernel/errors.ts'
import { listWeightFiles, partNumber, type WeightFiles, type WeightFormat } from './list-weight-files.ts'
import { type ModelFiles, readJson } from './model-files.ts'
import { openSafetensors } from './open-safetensors.ts'
import { type Finding, plainTensor, type StoredTensor, type WeightTensor } from './weight-tensor.ts'

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
  /** Metadata of a GGUF file; of a list only its length. */
  readonly gguf?: ReadonlyMap<string, GgufValue>
  /** Token of each id. */
  readonly tokens?: readonly string[]
  /** Sha256 of that vocabulary: its strings in order, whichever file they come from. */
  readonly tokenizerHash?: string
}

const configLimit = 1024 * 1024
const partLimit = 1000
const tensorLimit = 250_000

/** The best model of a folder (`listWeightFiles`); undefined when there are no weights in it. */
export async function openModel(files: ModelFiles): Promise<OpenModel | undefined> {
  const [best] = listWeightFiles(files)
  return best && openSet(files, best)
}

/** The model that a file holds, alone or with the other parts of it; undefined when it holds no weights. */
export async function openFile(files: ModelFiles, path: string): Promise<OpenModel | undefined> {
  const set = listWeightFiles(files).find(({ paths }) => paths.includes(path))
  return set && openSet(files, set)
}

async function openSet(files: ModelFiles, set: WeightFiles): Promise<OpenModel> {
  const findings: Finding[] = []
  const stored: StoredTensor[] = []
  for (const path of set.paths.slice(0, partLimit)) {
    try {
      stored.push(...(await openPart(files, set.format, path)))
      if (stored.length > tensorLimit) break
    } catch (error) {
      if (!(error instanceof HubError)) throw error
      findings.push({ kind: 'malformed', file: path, message: error.message })
    }
  }
  findings.push(...missingParts(set))
  const config = await readNear(files, set.path, 'config.json')
  const adapter = await readNear(files, set.path, 'adapter_config.json')
  return {
    format: set.format,
    tensors: stored.map(plainTensor),
    findings,
    ...(config && { config }),
    ...(adapter && { adapter }),
  }
}

async function openPart(files: ModelFiles, format: WeightFormat, path: string): Promise<StoredTensor[]> {
  const source = await files.open(path)
  switch (format) {
    case 'safetensors':
      return openSafetensors(path, source)
    default:
      return []
  }
}

function missingParts({ path, paths }: WeightFiles): Finding[] {
  const parts = partNumber(path)?.parts ?? 1
  if (parts === paths.length) return []
  return [
    { kind: 'missing', file: path, message: `is one of ${parts} parts; there are ${paths.length} of them` },
  ]
}

/** Of the folder in which the weights are, or of the root. */
async function readNear(files: ModelFiles, path: string, name: string) {
  return (await readJson(files, join(dirname(path), name), configLimit)) ?? readJson(files, name, configLimit)
}
