import { plainTypes } from '../../formats/block-type.ts'
import type { ByteSource } from '../../formats/byte-source.ts'
import { readSafetensorsHeader } from '../../formats/safetensors-header.ts'
import { type OpenedPart, storedTensor } from './weight-tensor.ts'

/** Throws MalformedInput or LimitExceeded. */
export async function openSafetensors(file: string, source: ByteSource): Promise<OpenedPart> {
  const { tensors, dataStart } = await readSafetensorsHeader(source)
  return {
    findings: [],
    tensors: tensors.map(({ name, dtype, shape, begin }) =>
      storedTensor({ name, shape, file }, { source, begin: dataStart + begin, type: plainTypes[dtype] }),
    ),
  }
}
