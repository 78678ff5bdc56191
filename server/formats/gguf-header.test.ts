import { describe, expect, it } from 'vitest'
import { parseGgufHeader } from './gguf-header.ts'
import { ggufFile } from './testdata/weight-files.ts'

const u32 = (value: number) => Buffer.from(new Uint32Array([value]).buffer)
const u64 = (value: bigint | number) => Buffer.from(new BigUint64Array([BigInt(value)]).buffer)
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])
const header = (tensors: number, values: number, ...rest: Buffer[]) =>
  Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensors), u64(values), ...rest])

describe('parseGgufHeader', () => {
  it('reads what the Python library wrote', () => {
    const { metadata, ...rest } = parseGgufHeader(ggufFile)!
    expect(rest).toEqual({
      version: 3,
      dataStart: 736,
      tensors: [
        { name: 'token_embd.weight', shape: [4, 3], type: 0, offset: 0 },
        { name: 'blk.0.attn_q.weight', shape: [4, 4], type: 1, offset: 64 },
      ],
    })
    expect(Object.fromEntries(metadata)).toEqual({
      'general.architecture': 'llama',
      'general.name': 'tiny',
      'llama.context_length': 2048,
      'llama.block_count': 1,
      'tokenizer.ggml.model': 'llama',
      'tokenizer.ggml.tokens': { length: 3, type: 8, begin: 264, end: 298 },
      'tokenizer.ggml.scores': { length: 3, type: 6, begin: 343, end: 355 },
      'tokenizer.ggml.bos_token_id': 0,
      'tokenizer.chat_template': '{{ messages }}',
      'x.yes': true,
      'x.big': '-1152921504606846976',
      'x.u64': Number.MAX_SAFE_INTEGER,
      'x.f64': 0.1,
      'x.i8': -5,
      'x.i16': -300,
      'x.i32': -70_000,
    })
  })

  it('wants more of a header that is cut anywhere, and no more than the header', () => {
    const end = ggufFile.indexOf('blk.0.attn_q.weight') + 19 + 4 + 16 + 4 + 8
    for (let length = 0; length < end; length++)
      expect(parseGgufHeader(ggufFile.subarray(0, length))).toBeUndefined()
    expect(parseGgufHeader(ggufFile.subarray(0, end))).toEqual(parseGgufHeader(ggufFile))
  })

  it('wants more of one that says it is huge, and takes no memory for it', () => {
    const most = Number.MAX_SAFE_INTEGER
    expect(parseGgufHeader(header(most, 0))).toBeUndefined()
    expect(parseGgufHeader(header(0, most))).toBeUndefined()
    const list = Buffer.concat([text('a'), u32(9), u32(12), u64(most)])
    expect(parseGgufHeader(header(0, 1, list))).toBeUndefined()
  })

  const value = (type: number, ...bytes: Buffer[]) => header(0, 1, text('a'), u32(type), ...bytes)
  it.each<[string, Buffer, string]>([
    ['has another magic', Buffer.from('GGML0000'), 'does not begin with "GGUF"'],
    ['is of version 1', Buffer.concat([Buffer.from('GGUF'), u32(1)]), 'version 1'],
    ['is big-endian', Buffer.concat([Buffer.from('GGUF'), u32(3).reverse()]), 'version 50331648'],
    ['has a count beyond 2^53', Buffer.concat([Buffer.from('GGUF'), u32(3), u64(2n ** 53n)]), 'length of'],
    ['has a value of no type', value(13), 'type 13'],
    ['has a list of no type', value(9, u32(13), u64(1)), 'list of type 13'],
    ['has a tensor of five dimensions', header(1, 0, text('t'), u32(5)), '5 dimensions'],
    [
      'has a tensor that is too large',
      header(1, 0, text('t'), u32(2), u64(2 ** 40), u64(2 ** 40), u32(0), u64(0)),
      'more than 2^53',
    ],
    ['has lists in lists', value(9, ...Array.from({ length: 9 }, () => [u32(9), u64(1)]).flat()), 'lists in'],
    ['is aligned to nothing', header(0, 1, text('general.alignment'), u32(4), u32(0)), 'alignment'],
  ])('refuses one that %s', (_, bytes, message) => {
    expect(() => parseGgufHeader(bytes)).toThrow(message)
  })
})
