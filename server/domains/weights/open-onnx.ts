import { dirname, join } from 'node:path/posix'
import { type ByteSource, sourceOf } from '../../formats/byte-source.ts'
import { matrixBytes, matrixShape } from '../../formats/matrix.ts'
import { decodeVarints, type OnnxTensor, readOnnxModel } from '../../formats/onnx-model.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import type { ModelFiles } from './model-files.ts'
import { type Finding, type OpenedPart, type StoredTensor, storedTensor } from './weight-tensor.ts'

/** Models with more keep their values as bytes. */
const varintLimit = 4 * 1024 * 1024

/** Throws MalformedInput or LimitExceeded. */
export async function openOnnx(file: string, source: ByteSource, files: ModelFiles): Promise<OpenedPart> {
  const sizes = new Map(files.list().map(({ path, size }) => [path, size]))
  const others = new Map<string, ByteSource>()
  const open = async (path: string) => {
    const opened = others.get(path) ?? (await files.open(path))
    others.set(path, opened)
    return opened
  }
  const tensors: StoredTensor[] = []
  const findings: Finding[] = []
  for (const tensor of await readOnnxModel(source)) {
    // Text, such as the names of classes.
    if (tensor.typeNumber === 8) continue
    const placed = await place(file, source, tensor, sizes, open)
    if ('matrix' in placed) tensors.push(placed)
    else {
      const message = `tensor ${JSON.stringify(tensor.name.slice(0, 200))} ${placed.message}`
      findings.push({ ...placed, file, message })
    }
  }
  return { tensors, findings }
}

/** The tensor, or what is wrong with it. */
async function place(
  file: string,
  source: ByteSource,
  { name, shape, type, typeNumber, data, transposed }: OnnxTensor,
  sizes: ReadonlyMap<string, number>,
  open: (path: string) => Promise<ByteSource>,
): Promise<StoredTensor | Pick<Finding, 'kind' | 'message'>> {
  if (!type) return { kind: 'unsupported', message: `has type ${typeNumber}, which is not read` }
  const bytes = matrixBytes({ ...matrixShape(shape), type })
  if (!Number.isSafeInteger(bytes)) return { kind: 'malformed', message: 'has a shape that is too large' }
  const at = { name, shape, ...(transposed && { transposed }) }
  const tooShort = (found: number) => ({
    kind: 'malformed' as const,
    message: `takes ${bytes} bytes; there are ${found}`,
  })
  switch (data.kind) {
    case 'bytes':
      if (data.end - data.begin !== bytes) return tooShort(data.end - data.begin)
      return storedTensor({ ...at, file }, { source, begin: data.begin, type })
    case 'varints': {
      if (type.values !== 1)
        return { kind: 'unsupported', message: `has ${type.name} as numbers, not as bytes` }
      const decoded = decodedSource(source, { ...data, bytes }, varints => decodeVarints(varints, type))
      return storedTensor({ ...at, file }, { source: decoded, begin: 0, type })
    }
    case 'external': {
      const path = join(dirname(file), data.location)
      const size = sizes.get(path)
      if (size === undefined)
        return {
          kind: 'missing',
          message: `lies in ${JSON.stringify(data.location.slice(0, 200))}, which is not there`,
        }
      if (!Number.isSafeInteger(data.offset) || data.offset < 0 || data.offset + bytes > size)
        return tooShort(size - data.offset)
      return storedTensor({ ...at, file: path }, { source: await open(path), begin: data.offset, type })
    }
  }
}

/** Bytes that come of others when they are read. */
function decodedSource(
  source: ByteSource,
  { begin, end, bytes }: { begin: number; end: number; bytes: number },
  decode: (encoded: Uint8Array) => Uint8Array,
): ByteSource {
  return {
    size: bytes,
    async read(from, to) {
      if (end - begin > varintLimit) throw new LimitExceeded('numbers of a tensor', varintLimit, 'bytes')
      const decoded = decode(await source.read(begin, end))
      if (decoded.length !== bytes)
        throw new MalformedInput('tensor', `takes ${bytes} bytes; there are ${decoded.length}`)
      return sourceOf(decoded).read(from, to)
    },
  }
}
