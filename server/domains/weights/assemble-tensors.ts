import { assemble4bit, stateName } from './bitsandbytes-4bit.ts'
import { assembleCompressed } from './compressed-tensors.ts'
import { assemblePacked } from './gptq.ts'
import { type Assembled, type Parts, settingsOf } from './quantized-parts.ts'
import { assembleScaled } from './scaled.ts'
import { type Finding, plainTensor, refusal, type StoredTensor, type WeightTensor } from './weight-tensor.ts'

/**
 * Tensors as a model has them: those that are parts of one quantised matrix become one, named `….weight`. Parts that do
 * not go together stay what they are, with a finding.
 */
export async function assembleTensors(
  stored: readonly StoredTensor[],
  config: Record<string, unknown> | undefined,
): Promise<{ tensors: WeightTensor[]; findings: Finding[] }> {
  const parts = { byName: new Map(stored.map(part => [part.name, part])), settings: settingsOf(config) }
  const findings: Finding[] = []
  const made = new Map<string, WeightTensor>()
  const used = new Set<string>()
  for (const part of stored) {
    try {
      const assembled = await assemble(parts, part)
      if (!assembled) continue
      made.set(part.name, assembled.tensor)
      for (const name of assembled.used) used.add(name)
    } catch (error) {
      findings.push(refusal(part.file, error))
    }
  }
  const tensors = stored.flatMap(part => {
    const tensor = made.get(part.name) ?? (used.has(part.name) ? undefined : plainTensor(part))
    return tensor ? [tensor] : []
  })
  for (const { file, matrix } of stored)
    if (!matrix.type.decode && !findings.some(({ message }) => message.startsWith(matrix.type.name)))
      findings.push({
        kind: 'unsupported',
        file,
        message: `${matrix.type.name}: values of this type are not read`,
      })
  return { tensors, findings }
}

/** Undefined when the tensor is none that others belong to. */
async function assemble(parts: Parts, part: StoredTensor): Promise<Assembled | undefined> {
  const { name, matrix } = part
  if (name.endsWith('.qweight')) return assemblePacked(parts, part)
  if (name.endsWith('.weight_packed')) return assembleCompressed(parts, part)
  if (!name.endsWith('.weight')) return undefined
  const state = stateName(parts, name)
  if (state) return assemble4bit(parts, part, state)
  return /^(I8|F8_.*)$/.test(matrix.type.name) ? assembleScaled(parts, part) : undefined
}
