import { describe, expect, it } from 'vitest'
import { sourceOf } from '../../formats/byte-source.ts'
import { fixtures } from './folder-for-test.suite.ts'
import { type ModelFiles, openModel } from './index.ts'

const quantized = fixtures('quantized')
interface Told {
  readonly config: object
  readonly expected: readonly { name: string; shape: number[]; rows: number[] }[]
}

/** The model with the config.json that goes with it. */
async function modelOf(name: string, config?: object): Promise<ModelFiles> {
  const files = await quantized.files(new RegExp(`^${name}\\.safetensors$`))
  const json = Buffer.from(JSON.stringify(config ?? (await quantized.json<Told>(`${name}.json`)).config))
  return {
    list: () => [...files.list(), { path: 'config.json', size: json.length }],
    open: async path => (path === 'config.json' ? sourceOf(json) : files.open(path)),
  }
}

describe('a quantised model', () => {
  it.each([
    ['gptq2', 'GPTQ2'],
    ['gptq3', 'GPTQ3'],
    ['gptq4', 'GPTQ4'],
    ['gptq8', 'GPTQ8'],
    ['awq4', 'AWQ4'],
    ['bnb8', 'BNB8'],
    ['nf4', 'NF4'],
    ['nf4-nested', 'NF4'],
    ['fp4', 'FP4'],
    ['fp4-nested', 'FP4'],
    ['fp8-blocks', 'F8_E4M3'],
    ['fp8-tensor', 'F8_E4M3'],
    ['packed4', 'I4'],
  ])('gives the matrices that its library makes of its parts: %s', async (name, dtype) => {
    const { tensors, findings } = (await openModel(await modelOf(name)))!
    const { expected } = await quantized.json<Told>(`${name}.json`)
    const values = await quantized.floats(`${name}.f32`)
    expect(findings).toEqual([])
    expect(tensors.map(tensor => tensor.name)).toEqual(expected.map(({ name }) => name))
    let at = 0
    for (const { name, shape, rows } of expected) {
      const tensor = tensors.find(tensor => tensor.name === name)!
      const [height, width] = shape as [number, number]
      const part = values.subarray(at, at + rows.length * width)
      at += part.length
      expect(tensor).toMatchObject({ shape, dtype, quantized: true, parameters: height * width })
      // bitsandbytes multiplies by 1/127, rounded.
      const digits = dtype === 'BNB8' ? 6 : 45
      const compare = (found: Float32Array, wanted: readonly number[]) => {
        expect(found).toHaveLength(wanted.length)
        for (const [n, value] of wanted.entries()) expect(found[n]).toBeCloseTo(value, digits)
      }
      compare(await tensor.values(rows), [...part])
      const columns = [width - 1, 0, width >> 1]
      const last = rows.length - 1
      const some = [last, 0].flatMap(row => columns.map(column => part[row * width + column]!))
      compare(await tensor.values([rows[last]!, rows[0]!], columns), some)
    }
  })

  it('is read without its configuration, by the shapes of its parts', async () => {
    for (const name of ['gptq4', 'awq4', 'fp8-blocks']) {
      const { tensors, findings } = (await openModel(await modelOf(name, {})))!
      expect([findings, tensors[0]?.name]).toEqual([[], 'layer.weight'])
    }
  })

  it('says what does not go together, and gives the parts as they are', async () => {
    const files = await modelOf('gptq4')
    const source = await files.open('gptq4.safetensors')
    const bytes = Buffer.from(await source.read(0, source.size))
    const changed = Buffer.from(bytes.toString('latin1').replace('layer.qzeros', 'layer.xzeros'), 'latin1')
    const { tensors, findings } = (await openModel({
      list: () => [{ path: 'model.safetensors', size: changed.length }],
      open: async () => sourceOf(changed),
    }))!
    expect(findings).toEqual([
      { kind: 'malformed', file: 'model.safetensors', message: expect.stringContaining('layer.qzeros') },
    ])
    expect(tensors.map(({ name }) => name).sort()).toEqual(
      ['g_idx', 'qweight', 'scales', 'xzeros'].map(part => `layer.${part}`),
    )
  })
})

it('an adapter of PEFT gives its matrices and its configuration', async () => {
  const model = (await openModel(await fixtures('quantized/adapter').files(/^/)))!
  expect(model.adapter).toMatchObject({ peft_type: 'LORA', r: 2 })
  expect(model.tensors.map(({ name, shape }) => [name, shape])).toEqual([
    ['base_model.model.0.lora_A.weight', [2, 6]],
    ['base_model.model.0.lora_B.weight', [4, 2]],
  ])
})
