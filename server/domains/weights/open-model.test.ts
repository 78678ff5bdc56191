import { describe, expect, it } from 'vitest'
import { safetensorsFile } from '../../formats/testdata/weight-files.ts'
import { folderOf } from './folder-for-test.suite.ts'
import { openModel } from './index.ts'

describe('a model of safetensors', () => {
  it('gives its tensors and the values in them', async () => {
    const model = await openModel(
      folderOf({ 'model.safetensors': safetensorsFile, 'config.json': '{"a":1}' }),
    )
    expect(model?.findings).toEqual([])
    expect(model?.config).toEqual({ a: 1 })
    const told = model!.tensors.map(({ name, shape, dtype, parameters }) => [name, shape, dtype, parameters])
    expect(told).toEqual([
      ['c', [], 'I64', 1],
      ['empty', [0, 4], 'F32', 0],
      ['b.weight', [2, 3], 'BF16', 6],
      ['a.bias', [5], 'F8_E4M3', 5],
      ['f4', [4], 'F4', 4],
      ['猫', [1], 'BOOL', 1],
    ])
    const values = (at: number, ...asked: [number[], number[]?]) => model!.tensors[at]!.values(...asked)
    expect([...(await values(3, [0, 4, 2], [0]))]).toHaveLength(3)
    expect([...(await values(2, [1], [2, 0]))]).toEqual(
      [...(await values(2, [1]))].filter((_, n) => n !== 1).reverse(),
    )
    expect([...(await values(5, [0]))]).toEqual([1])
  })

  it('in parts misses what its index names and no part has', async () => {
    const map = { 'b.weight': 'x', gone: 'x', 'gone.too': 'x' }
    const model = await openModel(
      folderOf({
        'model-00001-of-00002.safetensors': safetensorsFile,
        'model.safetensors.index.json': JSON.stringify({ weight_map: map }),
      }),
    )
    expect(model?.findings).toEqual([
      {
        kind: 'missing',
        file: 'model-00001-of-00002.safetensors',
        message: expect.stringContaining('2 parts'),
      },
      { kind: 'missing', file: 'model.safetensors.index.json', message: expect.stringContaining('"gone"') },
    ])
    expect(model?.tensors).toHaveLength(6)
  })
})
