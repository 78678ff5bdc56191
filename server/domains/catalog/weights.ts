import type { ByteSource } from '../../formats/byte-source.ts'
import { type GgufHeader, type GgufTensor, readGgufHeader } from '../../formats/gguf-header.ts'
import {
  countValues,
  readSafetensorsHeader,
  type SafetensorsHeader,
} from '../../formats/safetensors-header.ts'
import { HubError } from '../../kernel/errors.ts'

/** What the headers of weights say: how many values of which type, and for GGUF what the model is. */

/** A file of the commit; undefined when it is absent. */
export type OpenFile = (path: string) => Promise<ByteSource | undefined>

/** `hf_api.py:SafeTensorsInfo` */
export interface SafetensorsFacts {
  readonly parameters: Readonly<Record<string, number>>
  readonly total: number
}

export interface GgufFacts {
  readonly total: number
  readonly architecture?: string
  readonly context_length?: number
  readonly chat_template?: string
}

const shardLimit = 1000
/** Of all headers of a model together, in bytes. */
const headerLimit = 64 * 1024 * 1024
export const indexLimit = 32 * 1024 * 1024

const single = 'model.safetensors'
const index = 'model.safetensors.index.json'

/** As clients look for them (`hf_api.py:get_safetensors_metadata`): one file, or those that an index names. */
export async function readSafetensors(
  paths: ReadonlySet<string>,
  open: OpenFile,
): Promise<SafetensorsFacts | undefined> {
  const shards = paths.has(single) ? [single] : paths.has(index) ? await readIndex(open) : []
  if (shards.length === 0 || !shards.every(path => paths.has(path))) return undefined
  return unlessBroken(async () => {
    const headers = await readHeaders(shards, open)
    if (!headers) return undefined
    const parameters = new Map<string, number>()
    for (const { tensors } of headers.values()) {
      for (const { dtype, shape } of tensors)
        parameters.set(dtype, (parameters.get(dtype) ?? 0) + countValues(shape))
    }
    const total = [...parameters.values()].reduce((sum, count) => sum + count, 0)
    return { parameters: Object.fromEntries(parameters), total }
  })
}

/** By path; undefined when one is absent, or when they are too many or too long. Throws MalformedInput about a broken one. */
export async function readHeaders(
  shards: readonly string[],
  open: OpenFile,
): Promise<Map<string, SafetensorsHeader> | undefined> {
  if (shards.length > shardLimit) return undefined
  const headers = new Map<string, SafetensorsHeader>()
  let headerBytes = 0
  for (const path of shards) {
    const file = await open(path)
    const header = file && (await readSafetensorsHeader(file))
    headerBytes += header?.dataStart ?? 0
    if (!header || headerBytes > headerLimit) return undefined
    headers.set(path, header)
  }
  return headers
}

async function readIndex(open: OpenFile): Promise<readonly string[]> {
  const file = await open(index)
  if (!file || file.size > indexLimit) return []
  return shardsOf(await file.read(0, file.size))?.shards ?? []
}

/** The files that an index names, and what it says of the whole; undefined when it is broken. */
export function shardsOf(
  bytes: Uint8Array,
): { readonly shards: readonly string[]; readonly metadata: Record<string, unknown> } | undefined {
  try {
    const { weight_map: files, metadata } = JSON.parse(Buffer.from(bytes).toString('utf8'))
    const shards = new Set(Object.values(files as Record<string, unknown>))
    return { shards: [...shards].filter(path => typeof path === 'string'), metadata: metadata ?? {} }
  } catch {
    // A broken index is its owner's business.
    return undefined
  }
}

const shardOf = /-(\d{5})-of-(\d{5})\.gguf$/

/** Of the first GGUF model of a repository, which often holds the same one in several quantizations. */
export async function readGguf(paths: ReadonlySet<string>, open: OpenFile): Promise<GgufFacts | undefined> {
  const first = [...paths].find(path => path.endsWith('.gguf') && !/mmproj|imatrix/i.test(path))
  if (first === undefined) return undefined
  const [ending, , count] = shardOf.exec(first) ?? []
  const shards = ending
    ? [...paths].filter(
        path => path.startsWith(first.slice(0, -ending.length)) && path.endsWith(`-of-${count}.gguf`),
      )
    : [first]
  if (shards.length > shardLimit) return undefined
  return unlessBroken(async () => {
    let total = 0
    let metadata: GgufHeader['metadata'] = new Map()
    for (const path of shards) {
      const file = await open(path)
      if (!file) return undefined
      const header = await readGgufHeader(file)
      if (path === first) metadata = header.metadata
      total += header.tensors.reduce((sum: number, { shape }: GgufTensor) => sum + countValues(shape), 0)
    }
    return { total, ...described(metadata) }
  })
}

function described(metadata: GgufHeader['metadata']): Omit<GgufFacts, 'total'> {
  const architecture = metadata.get('general.architecture')
  const contextLength = metadata.get(`${architecture}.context_length`)
  const template = metadata.get('tokenizer.chat_template')
  return {
    ...(typeof architecture === 'string' && { architecture }),
    ...(typeof contextLength === 'number' && { context_length: contextLength }),
    ...(typeof template === 'string' && { chat_template: template }),
  }
}

/** Broken weights are their owner's business: of them nothing is said. */
async function unlessBroken<Facts>(read: () => Promise<Facts | undefined>): Promise<Facts | undefined> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof HubError) return undefined
    throw error
  }
}
