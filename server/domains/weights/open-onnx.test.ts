import { describe, expect, it } from 'vitest'
import { allValues, writtenBy } from './folder-for-test.suite.ts'
import { openModel } from './index.ts'

const written = await writtenBy('write_onnx.py')
const expected = await written.json<Record<string, { shape: number[]; values: number[] }>>('expected.json')

describe('a model of ONNX', async () => {
  const model = (await openModel(await written.files(/^model\.onnx$/)))!

  it.each([
    ['in the file', /^model\.onnx$/],
    ['in a file beside it', /^outside/],
  ])('gives the values of every type as onnx does, %s', async (_, pattern) => {
    const { tensors, findings } = (await openModel(await written.files(pattern)))!
    expect(findings).toEqual([])
    const stored = tensors.filter(({ name }) => name !== 'inner_weight')
    expect(stored.map(({ name }) => name)).toEqual(Object.keys(expected))
    for (const tensor of stored) {
      const { shape, values } = expected[tensor.name]!
      expect([tensor.name, tensor.shape]).toEqual([tensor.name, shape])
      expect([tensor.name, await allValues(tensor)]).toEqual([tensor.name, Float32Array.from(values)])
    }
    expect(tensors.find(({ name }) => name === 'half')?.file).toMatch(pattern)
  })

  it('says which matrices its graph multiplies by as in × out', () => {
    const turned = model.tensors.filter(({ transposed }) => transposed).map(({ name }) => name)
    expect(new Set(turned)).toEqual(new Set(['in_by_out', 'gemm', 'quantised', 'inner_weight']))
  })

  it('has the constants of the graphs inside it', async () => {
    const inner = model.tensors.find(({ name }) => name === 'inner_weight')!
    expect(await allValues(inner)).toEqual(Float32Array.from(expected.in_by_out!.values, value => value * 2))
  })

  it('says what is missing', async () => {
    const { tensors, findings } = (await openModel(await written.files(/^outside\.onnx$/)))!
    expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(['missing']))
    expect(tensors.map(({ name }) => name)).toContain('mask')
  })
})
