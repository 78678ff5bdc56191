import { describe, expect, it } from 'vitest'
import { allValues, fixtures, folderOf } from './folder-for-test.suite.ts'
import { openFile, openModel } from './index.ts'

const torch = fixtures('pytorch')
const opened = async (path: string) => (await openFile(await torch.files(/^/), path))!

describe('a model of PyTorch', () => {
  it('gives the values of every type and layout as torch does', async () => {
    const model = await opened('pytorch_model.bin')
    const expected = await torch.json<Record<string, { shape: number[]; values: number[] }>>('expected.json')
    expect(model.tensors.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort())
    for (const tensor of model.tensors) {
      const { shape, values } = expected[tensor.name]!
      expect([tensor.name, tensor.shape]).toEqual([tensor.name, shape])
      expect([tensor.name, await allValues(tensor)]).toEqual([tensor.name, Float32Array.from(values)])
    }
    const dtype = Object.fromEntries(model.tensors.map(({ name, dtype }) => [name, dtype]))
    expect(dtype).toMatchObject({ half: 'F16', brain: 'BF16', eight: 'F8_E4M3', long: 'I64', mask: 'BOOL' })
    const turned = model.tensors.find(({ name }) => name === 'turned.weight')!
    expect([...(await turned.values([5, 1], [3, 0]))]).toEqual([5.75, 1.25, 4.75, 0.25])
  })

  it('says which tensors it does not read', async () => {
    expect((await opened('pytorch_model.bin')).findings).toEqual([
      { kind: 'unsupported', file: 'pytorch_model.bin', message: expect.stringContaining('"channels_last"') },
    ])
  })

  it('is the state of the model in a checkpoint, without that of its training', async () => {
    const { tensors, findings } = await opened('checkpoint.pth')
    expect([tensors.map(({ name }) => name), findings]).toEqual([['layer.weight'], []])
  })

  it('may be TorchScript, or a module that was pickled whole', async () => {
    const traced = await opened('traced.jit')
    expect(traced.findings).toEqual([])
    const names = ['encoder.0.bias', 'encoder.0.weight']
    const constants = traced.tensors.filter(({ name }) => name.startsWith('constants.'))
    expect(await Promise.all(constants.map(allValues))).toContainEqual(Float32Array.of(0.5, 0.25))
    expect(traced.tensors.map(({ name }) => name).sort()).toEqual(expect.arrayContaining(names))
    const weight = traced.tensors.find(({ name }) => name === 'encoder.0.weight')!
    expect([...(await allValues(weight))]).toEqual([0, 1, 2, 3, 4, 5])
    const pickled = await opened('module.pt')
    expect([pickled.tensors.map(({ name }) => name), pickled.findings]).toEqual([['0.weight', '0.bias'], []])
  })

  it.each(['evil.bin', 'evil.pkl', 'evil0.pkl'])('that would run something is told of: %s', async path => {
    const { tensors, findings } = await opened(path)
    const unsafe = { kind: 'unsafe', file: path, global: 'posix.system' }
    expect(findings).toContainEqual(expect.objectContaining(unsafe))
    expect(tensors.map(({ name }) => name)).toEqual(path === 'evil.bin' ? ['layer.weight'] : [])
  })

  it('that would run something and breaks after it is told of as well', async () => {
    const pickle = Buffer.from("cos\nsystem\n(S'id'\ntR.\x00")
    for (const end of [pickle.length, pickle.length - 4]) {
      const model = await openModel(folderOf({ 'a.ckpt': pickle.subarray(0, end) }))
      expect(model?.findings[0]).toMatchObject({ kind: 'unsafe', global: 'os.system' })
    }
  })

  it('that turns out to be something else stands behind one that has tensors', async () => {
    const checkpoint = await torch.files(/^checkpoint/)
    const source = await checkpoint.open('checkpoint.pth')
    const bytes = await source.read(0, source.size)
    const model = await openModel(folderOf({ 'a.bin': Buffer.alloc(9999, 'x'), 'x/b.pth': bytes }))
    expect(model?.tensors.map(({ name }) => name)).toEqual(['layer.weight'])
    const other = await openModel(folderOf({ 'a.bin': Buffer.alloc(9999, 'x') }))
    expect(other?.findings.map(({ kind }) => kind)).toEqual(['unsupported'])
  })

  it('written before torch 1.6 is scanned, and its tensors are not read', async () => {
    const { tensors, findings } = await opened('legacy.bin')
    expect([tensors, findings.map(({ kind }) => kind)]).toEqual([[], ['unsupported']])
  })
})
