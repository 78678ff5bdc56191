import type { ByteSource } from '../../formats/byte-source.ts'
import { ggmlTypes } from '../../formats/ggml-types.ts'
import { type GgufHeader, type GgufTensor, readGgufHeader } from '../../formats/gguf-header.ts'
import { matrixBytes, matrixShape } from '../../formats/matrix.ts'
import { type Finding, type OpenedPart, type StoredTensor, storedTensor } from './weight-tensor.ts'

/** Tensors of one file; those that cannot be where they say are findings. Throws MalformedInput or LimitExceeded. */
export async function openGguf(file: string, source: ByteSource): Promise<OpenedPart> {
  const header = await readGgufHeader(source)
  const tensors: StoredTensor[] = []
  const findings: Finding[] = []
  let end = 0
  for (const tensor of [...header.tensors].sort((a, b) => a.offset - b.offset)) {
    const placed = place(file, source, header, tensor, end)
    if (typeof placed === 'string') {
      const message = `tensor ${JSON.stringify(tensor.name.slice(0, 200))} ${placed}`
      findings.push({ kind: 'malformed', file, message })
    } else {
      tensors.push(placed.stored)
      end = placed.end
    }
  }
  return { tensors, findings, gguf: { source, metadata: header.metadata } }
}

/** A tensor, and where it ends, counted like its offset; or what is wrong with it. */
function place(
  file: string,
  source: ByteSource,
  { dataStart }: GgufHeader,
  { name, shape: reversed, type: number, offset }: GgufTensor,
  endBefore: number,
): { stored: StoredTensor; end: number } | string {
  const type = ggmlTypes.get(number)
  if (!type) return `has type ${number}, which is not known`
  const shape = reversed.toReversed()
  if ((reversed[0] ?? 1) % type.values !== 0)
    return `has rows of ${reversed[0]} values; ${type.name} has blocks of ${type.values}`
  const { rows, columns } = matrixShape(shape)
  const end = offset + matrixBytes({ rows, columns, type })
  if (dataStart + end > source.size) return `ends at byte ${dataStart + end}; the file has ${source.size}`
  if (offset < endBefore) return `begins at byte ${offset} of the data; the one before ends at ${endBefore}`
  return { stored: storedTensor({ name, shape, file }, { source, begin: dataStart + offset, type }), end }
}
