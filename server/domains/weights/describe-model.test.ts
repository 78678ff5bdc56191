import { describe, expect, it } from 'vitest'
import { describeModel, type Finding, type OpenModel, type WeightTensor } from './index.ts'

const tensor = (name: string, dtype = 'F32', parameters = 4): WeightTensor => ({
  name,
  shape: [parameters],
  dtype,
  quantized: false,
  parameters,
  file: 'model.safetensors',
  values: async () => new Float32Array(),
})
const model = (facts: Partial<OpenModel>): OpenModel => ({
  format: 'safetensors',
  tensors: [],
  findings: [],
  ...facts,
})
const told = (facts: Partial<OpenModel>) => describeModel(model(facts))

describe('describeModel', () => {
  it('counts parameters by type', () => {
    const tensors = [tensor('a', 'BF16', 10), tensor('b', 'BF16', 5), tensor('c', 'I8', 1)]
    expect(told({ tensors }).parameters).toEqual({ total: 16, byDtype: { BF16: 15, I8: 1 } })
  })

  it.each<[string, Partial<OpenModel>, string | undefined, number | null]>([
    [
      'its configuration',
      { config: { architectures: ['LlamaForCausalLM'], num_hidden_layers: 32 } },
      'LlamaForCausalLM',
      32,
    ],
    [
      'its configuration of text',
      { config: { model_type: 'gemma3', text_config: { num_hidden_layers: 18 } } },
      'gemma3',
      18,
    ],
    [
      'its GGUF metadata',
      {
        gguf: new Map<string, string | number>([
          ['general.architecture', 'qwen2'],
          ['qwen2.block_count', 24],
        ]),
      },
      'qwen2',
      24,
    ],
    [
      'its names',
      {
        tensors: [
          tensor('model.layers.0.self_attn.q_proj.weight'),
          tensor('model.layers.7.mlp.up_proj.weight'),
        ],
      },
      'llama',
      2,
    ],
    ['the names of BERT', { tensors: [tensor('encoder.layer.3.attention.self.query.weight')] }, 'bert', 1],
    [
      'nothing',
      { tensors: [tensor('conv1.weight')], config: { architectures: [7], num_hidden_layers: -1 } },
      undefined,
      null,
    ],
  ])('takes architecture and layers from %s', (_, facts, architecture, layers) => {
    expect([told(facts).architecture?.name, told(facts).layers]).toEqual([architecture, layers])
  })

  it('says what is wrong, and of an adapter what it goes with', () => {
    const findings: Finding[] = [
      { kind: 'unsafe', file: 'a.bin', message: 'names os.system', global: 'os.system' },
    ]
    const adapter = { peft_type: 'LORA', base_model_name_or_path: 'ada/base', r: 8, lora_alpha: 16 }
    expect(told({ findings, adapter })).toMatchObject({
      findings,
      adapter: { type: 'LORA', base: 'ada/base', rank: 8 },
    })
    expect(told({ adapter: { r: 'x' } }).adapter).toEqual({ type: null, base: null, rank: null })
  })

  it('has the first ten thousand tensors, and their number', () => {
    const { tensors, tensorCount } = told({
      tensors: Array.from({ length: 10_001 }, (_, n) => tensor(`t${n}`)),
    })
    expect([tensors.length, tensorCount]).toEqual([10_000, 10_001])
  })
})
