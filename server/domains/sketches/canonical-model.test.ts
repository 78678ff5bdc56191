import { describe, expect, it } from 'vitest'
import { sourceOf } from '../../formats/byte-source.ts'
import { openFile } from '../weights/index.ts'
import { canonicalModel, type ModelSource } from './canonical-model.ts'
import { q8Of } from './gguf-for-test.suite.ts'
import { makeModel, type Weights } from './model-for-test.suite.ts'
import { inMemory } from './source-for-test.suite.ts'

const range = (length: number) => Array.from({ length }, (_, index) => index)

async function valuesIn(source: ModelSource, role: string, layer: number) {
  const tensor = canonicalModel(source).tensors.find(found => found.role === role && found.layer === layer)
  if (!tensor) throw new Error(`no ${role} in layer ${layer}`)
  return { shape: [tensor.rows, tensor.columns], values: await tensor.values(range(tensor.rows)) }
}
const numbered = (...shape: number[]) => ({
  shape,
  values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, at) => at),
})

describe('canonicalModel', () => {
  it('turns what GPT-2 stores as in × out, and takes its joined projection apart', async () => {
    const weights: Weights = new Map([
      ['h.0.attn.c_attn.weight', numbered(4, 12)],
      ['h.0.attn.c_attn.bias', numbered(12)],
      ['h.0.attn.bias', numbered(1, 1, 8, 8)],
      ['h.0.mlp.c_fc.weight', numbered(4, 16)],
    ])
    const source = inMemory(weights, { heads: 2 })
    const q = await valuesIn(source, 'q', 0)
    const v = await valuesIn(source, 'v', 0)
    expect(q.shape).toEqual([4, 4])
    expect([...q.values]).toEqual([0, 1, 2, 3].flatMap(row => [0, 1, 2, 3].map(column => column * 12 + row)))
    expect([...v.values].slice(0, 4)).toEqual([8, 20, 32, 44])
    expect([...(await valuesIn(source, 'k.bias', 0)).values]).toEqual([4, 5, 6, 7])
    expect((await valuesIn(source, 'up', 0)).shape).toEqual([16, 4])
    // The mask of attention is made by code.
    expect(canonicalModel(source).tensors).toHaveLength(7)
  })

  it('takes the joined projections of Phi-3 apart, with fewer keys than queries', async () => {
    const weights: Weights = new Map([
      ['model.layers.0.self_attn.qkv_proj.weight', numbered(8, 2)],
      ['model.layers.0.mlp.gate_up_proj.weight', numbered(6, 2)],
    ])
    const source = { ...inMemory(weights), config: { num_attention_heads: 4, num_key_value_heads: 2 } }
    expect([...(await valuesIn(source, 'q', 0)).values]).toEqual(range(8))
    expect([...(await valuesIn(source, 'k', 0)).values]).toEqual([8, 9, 10, 11])
    expect([...(await valuesIn(source, 'v', 0)).values]).toEqual([12, 13, 14, 15])
    expect([...(await valuesIn(source, 'gate', 0)).values]).toEqual(range(6))
    expect([...(await valuesIn(source, 'up', 0)).values]).toEqual([6, 7, 8, 9, 10, 11])
  })

  it('leaves joined what it does not know how to take apart', () => {
    const weights: Weights = new Map([['layers.0.attention.query_key_value.weight', numbered(7, 2)]])
    expect(canonicalModel(inMemory(weights)).tensors[0]).toMatchObject({ role: 'qkv', rows: 7 })
  })

  it('undoes the order that llama.cpp gives to the rows of q and k', async () => {
    const weights = makeModel(1)
    const file = q8Of(weights, { heads: 4 })
    const model = await openFile(
      { list: () => [{ path: 'm.gguf', size: file.length }], open: async () => sourceOf(file) },
      'm.gguf',
    )
    for (const [role, name] of [
      ['q', 'q_proj'],
      ['k', 'k_proj'],
      ['v', 'v_proj'],
    ] as const) {
      const { values } = await valuesIn(model as ModelSource, role, 2)
      const stored = weights.get(`model.layers.2.self_attn.${name}.weight`)?.values as Float32Array
      const furthest = values.reduce((most, value, at) => Math.max(most, Math.abs(value - stored[at]!)), 0)
      // Half of a step of Q8_0 where the largest value is 0.08.
      expect(furthest).toBeLessThan(0.001)
    }
  })

  it('does not believe a number of heads that cannot be', () => {
    const source = {
      ...inMemory(makeModel(1)),
      config: { num_attention_heads: 1e12, num_key_value_heads: -1 },
    }
    expect(canonicalModel(source)).toMatchObject({ heads: 0, kvHeads: 0 })
  })
})
