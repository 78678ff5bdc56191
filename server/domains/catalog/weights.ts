import { type GgufHeader, type GgufTensor, parseGgufHeader } from '../../formats/gguf-header.ts'
import {
  countValues,
  parseSafetensorsHeader,
  readSafetensorsLength,
  type SafetensorsHeader,
} from '../../formats/safetensors-header.ts'
import { HubError } from '../../kernel/errors.ts'

/** What the headers of weights say: how many values of which type, and for GGUF what the model is. */

/** The first `length` bytes of a file of the commit, and its size. */
export type ReadStart = (
  path: string,
  length: number,
) => Promise<{ readonly bytes: Uint8Array; readonly size: number } | undefined>

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

/** Most headers are shorter, so one read does. */
const firstRead = 256 * 1024
const shardLimit = 1000
/** Of all headers of a model together, in bytes. */
const headerLimit = 64 * 1024 * 1024
export const indexLimit = 32 * 1024 * 1024

const single = 'model.safetensors'
const index = 'model.safetensors.index.json'

/** As clients look for them (`hf_api.py:get_safetensors_metadata`): one file, or those that an index names. */
export async function readSafetensors(
  paths: ReadonlySet<string>,
  read: ReadStart,
): Promise<SafetensorsFacts | undefined> {
  const shards = paths.has(single) ? [single] : paths.has(index) ? await readIndex(read) : []
  if (shards.length === 0 || !shards.every(path => paths.has(path))) return undefined
  return unlessBroken(async () => {
    const headers = await readHeaders(shards, read)
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
  read: ReadStart,
): Promise<Map<string, SafetensorsHeader> | undefined> {
  if (shards.length > shardLimit) return undefined
  const headers = new Map<string, SafetensorsHeader>()
  let headerBytes = 0
  for (const path of shards) {
    const header = await readHeader(path, read)
    headerBytes += header?.dataStart ?? 0
    if (!header || headerBytes > headerLimit) return undefined
    headers.set(path, header)
  }
  return headers
}

async function readHeader(path: string, read: ReadStart) {
  let start = await read(path, firstRead)
  if (!start) return undefined
  const length = readSafetensorsLength(start.bytes)
  if (length > start.bytes.length) start = await read(path, length)
  return start && parseSafetensorsHeader(start.bytes, start.size)
}

async function readIndex(read: ReadStart): Promise<readonly string[]> {
  const start = await read(index, indexLimit)
  if (!start || start.size > indexLimit) return []
  return shardsOf(start.bytes)?.shards ?? []
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
export async function readGguf(paths: ReadonlySet<string>, read: ReadStart): Promise<GgufFacts | undefined> {
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
      const header = await readGgufHeader(path, read)
      if (!header) return undefined
      if (path === first) metadata = header.metadata
      total += header.tensors.reduce((sum: number, { shape }: GgufTensor) => sum + countValues(shape), 0)
    }
    return { total, ...described(metadata) }
  })
}

/** Words of a tokenizer may make it long. */
async function readGgufHeader(path: string, read: ReadStart): Promise<GgufHeader | undefined> {
  for (let length = firstRead; length <= headerLimit; length *= 16) {
    const start = await read(path, length)
    const header = start && parseGgufHeader(start.bytes)
    if (header || !start || start.size <= length) return header
  }
  return undefined
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
