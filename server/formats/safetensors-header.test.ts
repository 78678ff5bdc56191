import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { bitsOf, plainTypes } from './block-type.ts'
import {
  countValues,
  type Dtype,
  parseSafetensorsHeader,
  readSafetensorsLength,
} from './safetensors-header.ts'
import { safetensorsFile } from './testdata/weight-files.ts'

/** A file with this JSON and so many bytes of tensors. */
function fileOf(json: unknown, dataBytes = 0): Buffer {
  const text = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)])
}
const parse = (file: Uint8Array) => parseSafetensorsHeader(file, file.length)

describe('parseSafetensorsHeader', () => {
  it('reads what the Python library wrote, from its head alone', () => {
    const length = readSafetensorsLength(safetensorsFile)
    const header = parseSafetensorsHeader(safetensorsFile.subarray(0, length), safetensorsFile.length)
    expect(header).toEqual({
      metadata: { format: 'pt' },
      dataStart: 392,
      tensors: [
        { name: 'c', dtype: 'I64', shape: [], begin: 0, end: 8 },
        { name: 'empty', dtype: 'F32', shape: [0, 4], begin: 8, end: 8 },
        { name: 'b.weight', dtype: 'BF16', shape: [2, 3], begin: 8, end: 20 },
        { name: 'a.bias', dtype: 'F8_E4M3', shape: [5], begin: 20, end: 25 },
        { name: 'f4', dtype: 'F4', shape: [4], begin: 25, end: 27 },
        { name: '猫', dtype: 'BOOL', shape: [1], begin: 27, end: 28 },
      ],
    })
    expect(header.tensors.map(({ shape }) => countValues(shape))).toEqual([1, 0, 6, 5, 4, 1])
  })

  const one = (tensor: unknown) => ({ w: tensor })
  it.each<[string, Buffer, string]>([
    ['is cut before its length', Buffer.alloc(7), 'has 7 bytes'],
    ['is all zero', Buffer.alloc(8), 'length of 0'],
    ['says that it is huge', Buffer.alloc(8, 0xff), 'over the limit of 25000000 bytes'],
    ['is cut', fileOf({}).subarray(0, 9), 'ends at byte 10; there are only 9'],
    ['is no JSON', fileOf('{"w"}'), 'not JSON'],
    [
      'is not UTF-8',
      Buffer.concat([fileOf('{"   "}').subarray(0, 12), Buffer.from([255, 34, 125])]),
      'not JSON',
    ],
    ['is a list', fileOf('[]'), 'no record'],
    ['has text as a tensor', fileOf({ w: 'x' }), 'tensor "w" has a dtype'],
    [
      'has a dtype of Object',
      fileOf(one({ dtype: 'constructor', shape: [], data_offsets: [0, 0] })),
      'dtype',
    ],
    ['has a negative size', fileOf(one({ dtype: 'U8', shape: [-1], data_offsets: [0, 0] })), 'no shape'],
    ['has half a size', fileOf(one({ dtype: 'U8', shape: [0.5], data_offsets: [0, 0] })), 'no shape'],
    ['overflows', fileOf(one({ dtype: 'U8', shape: [2 ** 52, 2 ** 52], data_offsets: [0, 0] })), 'too large'],
    ['ends before it begins', fileOf(one({ dtype: 'U8', shape: [1], data_offsets: [1, 0] })), 'data_offsets'],
    ['has too few bytes', fileOf(one({ dtype: 'F32', shape: [2], data_offsets: [0, 7] }), 7), 'make 8'],
    ['has half a byte', fileOf(one({ dtype: 'F4', shape: [3], data_offsets: [0, 1] }), 1), 'make 1.5'],
    ['leaves a gap', fileOf(one({ dtype: 'U8', shape: [1], data_offsets: [1, 2] }), 2), 'begins at byte 1'],
    ['is of a cut file', fileOf(one({ dtype: 'U8', shape: [9], data_offsets: [0, 9] }), 8), 'the file has'],
    ['is of a longer file', fileOf({}, 1), 'the file has 11'],
    ['has numbers as metadata', fileOf({ __metadata__: { a: 1 } }), '__metadata__'],
    ['is made of brackets', fileOf(`{"w":${'['.repeat(1000)}${']'.repeat(1000)}}`), 'more lists'],
  ])('refuses one that %s', (_, file, message) => {
    expect(() => parse(file)).toThrow(message)
  })

  it('refuses tensors that share bytes', () => {
    const tensor = { dtype: 'U8', shape: [2], data_offsets: [0, 2] }
    expect(() => parse(fileOf({ a: tensor, b: tensor }, 2))).toThrow('begins at byte 0')
  })

  it('takes brackets in text for text', () => {
    const metadata = { workflow: JSON.stringify(Array.from({ length: 2000 }, () => ['"', '\\'])) }
    expect(parse(fileOf({ __metadata__: metadata })).metadata).toEqual(metadata)
  })

  it('reads whatever a writer lays out', () => {
    const dtypes = Object.keys(plainTypes).filter(dtype => !/F4|F6/.test(dtype)) as Dtype[]
    const tensors = fc.uniqueArray(
      fc.record({
        name: fc.string({ unit: 'grapheme' }).filter(name => name !== '__metadata__'),
        dtype: fc.constantFrom(...dtypes),
        shape: fc.array(fc.nat(9), { maxLength: 4 }),
      }),
      { selector: ({ name }) => name, maxLength: 8 },
    )
    fc.assert(
      fc.property(tensors, made => {
        let end = 0
        const laid = made.map(({ name, dtype, shape }) => {
          const begin = end
          end += (countValues(shape) * bitsOf(plainTypes[dtype])) / 8
          return { name, dtype, shape, begin, end }
        })
        const entries = laid.map(({ name, dtype, shape, begin, end }) => [
          name,
          { dtype, shape, data_offsets: [begin, end] },
        ])
        const { tensors } = parse(fileOf(Object.fromEntries(entries), end))
        expect(new Set(tensors)).toEqual(new Set(laid))
      }),
      runs(2000),
    )
  })
})
