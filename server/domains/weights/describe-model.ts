import type { z } from 'zod'
import type { weightsOfModel } from '../../../contract/weights.ts'
import type { OpenModel } from './open-model.ts'
import type { WeightTensor } from './weight-tensor.ts'

type Described = Omit<z.infer<typeof weightsOfModel>, 'models' | 'file'>

const tensorLimit = 10_000

/** What a page says of a model. */
export function describeModel(model: OpenModel): Described {
  const { format, tensors, findings, tokens, tokenizerHash } = model
  const byDtype: Record<string, number> = {}
  for (const { dtype, parameters } of tensors) byDtype[dtype] = (byDtype[dtype] ?? 0) + parameters
  return {
    format,
    architecture: architectureOf(model),
    layers: layersOf(model),
    parameters: { total: Object.values(byDtype).reduce((sum, count) => sum + count, 0), byDtype },
    tokenizer: tokens && tokenizerHash ? { hash: tokenizerHash, tokens: tokens.length } : null,
    adapter: adapterOf(model),
    findings: [...findings],
    tensorCount: tensors.length,
    tensors: tensors.slice(0, tensorLimit).map(describeTensor),
  }
}

function describeTensor({ name, shape, dtype, quantized, parameters, file, transposed }: WeightTensor) {
  return { name, shape: [...shape], dtype, quantized, parameters, file, ...(transposed && { transposed }) }
}

function architectureOf({ config, gguf, tensors }: OpenModel): Described['architecture'] {
  const { architectures, model_type: type } = config ?? {}
  const told = Array.isArray(architectures) ? architectures[0] : type
  if (typeof told === 'string') return { name: told, source: 'config' }
  const ofGguf = gguf?.get('general.architecture')
  if (typeof ofGguf === 'string') return { name: ofGguf, source: 'gguf' }
  const guess = habits.find(([, pattern]) => tensors.some(({ name }) => pattern.test(name)))
  return guess ? { name: guess[0], source: 'names' } : null
}

/** How families name their matrices, the more telling first. */
const habits: readonly [string, RegExp][] = [
  ['lora', /\blora_[AB]\b/],
  ['mixtral', /block_sparse_moe\.experts/],
  ['t5', /SelfAttention\.relative_attention_bias/],
  ['bert', /attention\.self\.query/],
  ['gpt2', /\battn\.c_attn\b/],
  ['gpt_neox', /attention\.query_key_value/],
  ['falcon', /self_attention\.query_key_value/],
  ['unet', /down_blocks\.\d+\.resnets/],
  ['llama', /self_attn\.q_proj|layers\.\d+\.attention\.wq/],
]

/** As configurations call it: most models, GPT-2, DistilBERT, T5. */
const layerKeys = ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers']

function layersOf({ config, gguf, tensors }: OpenModel): number | null {
  const inner = config?.text_config
  for (const settings of [config, inner as Record<string, unknown> | undefined])
    for (const key of layerKeys) {
      const count = settings?.[key]
      if (isCount(count)) return count
    }
  const ofGguf = gguf?.get(`${gguf.get('general.architecture')}.block_count`)
  if (isCount(ofGguf)) return ofGguf
  const numbers = new Set<string>()
  for (const { name } of tensors) {
    const number = /(?:^|\.)(?:layers?|h|blk|blocks?)\.(\d{1,4})\./.exec(name)?.[1]
    if (number !== undefined) numbers.add(number)
  }
  return numbers.size > 0 ? numbers.size : null
}

function adapterOf({ adapter }: OpenModel): Described['adapter'] {
  if (!adapter) return null
  const { peft_type: type, base_model_name_or_path: base, r: rank } = adapter
  return {
    type: typeof type === 'string' ? type : null,
    base: typeof base === 'string' ? base : null,
    rank: typeof rank === 'number' ? rank : null,
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
