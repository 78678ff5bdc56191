import { describe, expect, it } from 'vitest'
import { ggufFile } from '../../formats/testdata/weight-files.ts'
import { folderOf, valuesAt, writtenBy } from './folder-for-test.suite.ts'
import { openFile, openModel } from './index.ts'

const written = await writtenBy('write_gguf.py')
const rows = [5, 0, 3]
const columns = [0, 511, 255, 256, 17, 18, 19, 300]

describe('a model of GGUF', async () => {
  const files = await written.files(/^quants\.gguf$/)
  const model = (await openModel(files))!

  it.each(model.tensors.map(tensor => [tensor.dtype, tensor] as const))(
    'gives the values of %s as llama.cpp does',
    async (dtype, tensor) => {
      const expected = await written.floats(`${tensor.name}.f32`)
      expect([dtype, tensor.shape]).toEqual([tensor.name, [6, 512]])
      expect(await tensor.values([0, 1, 2, 3, 4, 5])).toEqual(expected)
      expect(await tensor.values(rows, columns)).toEqual(valuesAt(expected, 512, rows, columns))
    },
  )

  it('is read only where it was asked for', async () => {
    expect(model.findings).toEqual([])
    expect(model.tensors).toHaveLength(21)
    const before = files.bytesRead()
    await model.tensors.find(({ name }) => name === 'Q4_K')!.values([1], [3])
    expect(files.bytesRead() - before).toBe(144)
  })

  it('has the vocabulary of the tokenizer.json that it was made of', async () => {
    expect(model.tokens?.slice(0, 5)).toEqual(['<unk>', 'hello', 'Ġworld', '猫', '<|end|>'])
    const beside = await openFile(
      { ...files, ...(await written.files(/tokenizer\.json|split-00001/)) },
      'split-00001-of-00003.gguf',
    )
    expect(beside?.tokenizerHash).toBeUndefined()
    const { readTokens, hashTokens } = await import('./read-tokens.ts')
    const tokens = await readTokens(await written.files(/tokenizer\.json/), 'model.safetensors')
    expect(hashTokens(tokens!)).toBe(model.tokenizerHash)
  })

  it('may come in parts', async () => {
    const whole = (await openModel(await written.files(/^split/)))!
    expect(whole.findings).toEqual([])
    expect(whole.tensors.map(({ name, shape }) => [name, shape])).toEqual(
      [0, 1, 2, 3, 4].map(n => [`blk.${n}.attn_q.weight`, [2, 3, 4]]),
    )
    expect([...(await whole.tensors[4]!.values([1]))]).toEqual(Array(12).fill(4))
    const part = await openModel(await written.files(/^split-0000[13]/))
    expect(part?.findings.map(({ kind }) => kind)).toEqual(['missing'])
    expect(part?.tensors).toHaveLength(3)
  })

  it('says which tensors are not where they say', async () => {
    const told = async (change: (file: Buffer) => void) => {
      const file = Buffer.from(ggufFile)
      change(file)
      const { tensors, findings } = (await openModel(folderOf({ 'a.gguf': file })))!
      return [tensors.length, ...findings.map(({ kind, message }) => `${kind}: ${message}`)]
    }
    const typeAt = ggufFile.indexOf('blk.0.attn_q.weight') + 19 + 4 + 16
    expect(await told(file => file.writeUInt32LE(2, typeAt))).toEqual([
      1,
      expect.stringContaining('rows of 4 values; Q4_0 has blocks of 32'),
    ])
    expect(await told(file => file.writeUInt32LE(99, typeAt))).toEqual([
      1,
      expect.stringContaining('type 99'),
    ])
    expect(await told(file => file.writeUInt32LE(32, typeAt + 4))).toEqual([
      1,
      expect.stringContaining('the one before ends at 48'),
    ])
    expect(await told(file => file.writeUInt32LE(1000, typeAt + 4))).toEqual([
      1,
      expect.stringContaining('ends at byte'),
    ])
    expect(await told(file => file.writeUInt32LE(1, 0))).toEqual([0, expect.stringContaining('"GGUF"')])
  })
})
