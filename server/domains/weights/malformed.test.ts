import { readFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { safetensorsFile } from '../../formats/testdata/weight-files.ts'
import { folderOf } from './folder-for-test.suite.ts'
import { openModel } from './index.ts'

/** Files that lie. Each is a finding on the file, and takes less than 64 MiB to find out. */

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer)
const u64 = (value: bigint | number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer)
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])
const gguf = (tensors: bigint | number, values: bigint | number, ...rest: Uint8Array[]) =>
  Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensors), u64(values), ...rest])
const safetensors = (json: string) => Buffer.concat([u64(Buffer.byteLength(json)), Buffer.from(json)])
const many = (count: number, make: (n: number) => string | Uint8Array) =>
  Buffer.concat(Array.from({ length: count }, (_, n) => Buffer.from(make(n) as string)))
const mebibyte = 1024 * 1024

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** An archive of one entry; `stored` is what its directory says of the sizes. */
function zip(name: string, content: Uint8Array, { method = 0, size = content.length, at = 0 } = {}): Buffer {
  const fields = (signature: number, before: number[], after: number[]) =>
    Buffer.concat([
      u32(signature),
      Buffer.from(Uint16Array.from(before).buffer),
      ...[0, size, size].map(u32),
      Buffer.from(Uint16Array.from(after).buffer),
    ])
  const local = fields(0x04034b50, [20, 0, method, 0, 0], [name.length, 0])
  const central = fields(0x02014b50, [20, 20, 0, method, 0, 0], [name.length, 0, 0, 0, 0, 0, 0])
  const head = Buffer.concat([local, Buffer.from(name), content])
  const directory = Buffer.concat([central, u32(at), Buffer.from(name)])
  const end = Buffer.concat([
    u32(0x06054b50),
    Buffer.from(Uint16Array.of(0, 0, 1, 1).buffer),
    u32(directory.length),
    u32(head.length),
    Buffer.alloc(2),
  ])
  return Buffer.concat([head, directory, end])
}
const checkpoint = (pickle: string | Uint8Array) => zip('a/data.pkl', Buffer.from(pickle as string))
const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
const message = (number: number, content: Uint8Array) =>
  Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(content.length)]), content])
const nested = (depth: number): Buffer =>
  depth === 0 ? Buffer.alloc(0) : message(1, message(5, message(6, nested(depth - 1))))

/** A checkpoint whose pickle says that its storage has 200 values. */
const halfStored = await readFile(new URL('testdata/pytorch/checkpoint.pth', import.meta.url))
halfStored[halfStored.indexOf('K\x18', halfStored.indexOf('cpu')) + 1] = 200

describe('a file that lies', () => {
  it.each<[string, string, Uint8Array, RegExp]>([
    [
      'has a header of 2^63 bytes',
      'a.safetensors',
      Buffer.concat([u64(2n ** 63n), Buffer.alloc(9)]),
      /limit/,
    ],
    ['is all header', 'a.safetensors', safetensors(`{"${'x'.repeat(20 * mebibyte)}`), /not JSON/],
    ['is cut', 'a.safetensors', safetensorsFile.subarray(0, -1), /the file has/],
    [
      'has tensors that share bytes',
      'a.safetensors',
      Buffer.concat([
        safetensors(
          '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}',
        ),
        Buffer.alloc(2),
      ]),
      /begins at byte 0/,
    ],
    ['has 2^63 tensors', 'a.gguf', gguf(2n ** 63n, 0), /length of/],
    ['has 2^52 tensors', 'a.gguf', gguf(2n ** 52n, 0), /is cut/],
    ['has a list of 2^52 texts', 'a.gguf', gguf(0, 1, text('a'), u32(9), u32(8), u64(2n ** 52n)), /is cut/],
    [
      'has a million entries of metadata',
      'a.gguf',
      gguf(
        0,
        1e6,
        many(4e5, n => Buffer.concat([text(`k${n}`), u32(0), Buffer.from([1])])),
      ),
      /limit/,
    ],
    [
      'has a tensor beyond its end',
      'a.gguf',
      gguf(1, 0, text('w'), u32(2), u64(2 ** 20), u64(2 ** 20), u32(0), u64(0)),
      /ends at byte/,
    ],
    ['is no archive', 'a.bin', Buffer.from('PK\x03\x04 and nothing'), /no directory/],
    [
      'has a directory elsewhere',
      'a.bin',
      Buffer.concat([
        Buffer.from('PK\x03\x04'),
        u32(0x06054b50),
        Buffer.alloc(6),
        Buffer.from([1, 0]),
        u32(46),
        u32(2 ** 31),
        Buffer.alloc(2),
      ]),
      /something at byte/,
    ],
    [
      'is compressed',
      'a.bin',
      zip('a/data.pkl', deflateRawSync(Buffer.alloc(mebibyte)), { method: 8 }),
      /compressed/,
    ],
    ['has an entry of 4 GiB', 'a.bin', zip('a/data.pkl', Buffer.from('N.'), { size: 0xfffffffe }), /limit/],
    [
      'has an entry that begins nowhere',
      'a.bin',
      zip('a/data.pkl', Buffer.from('N.'), { at: 1000 }),
      /at byte/,
    ],
    ['has half a storage', 'a.bin', halfStored, /200 values; there are 96 bytes/],
    [
      'is a deep pickle',
      'a.bin',
      checkpoint(
        Buffer.concat([Buffer.alloc(2 * mebibyte, ']'), Buffer.alloc(2 * mebibyte, 'a'), Buffer.from('.')]),
      ),
      /limit/,
    ],
    ['is a pickle of marks', 'a.bin', checkpoint(Buffer.alloc(4 * mebibyte, '(')), /limit/],
    ['is a pickle of dictionaries', 'a.bin', checkpoint(Buffer.alloc(4 * mebibyte, '}')), /limit/],
    [
      'is a pickle that keeps things',
      'a.bin',
      checkpoint(Buffer.concat([Buffer.from('N'), Buffer.alloc(4 * mebibyte, '\x94', 'latin1')])),
      /limit|ends/,
    ],
    [
      'is a long text of nothing',
      'a.pkl',
      Buffer.concat([Buffer.from('\x80\x02X', 'latin1'), u32(2 ** 31), Buffer.alloc(9)]),
      /ends in the middle/,
    ],
    ['is a pickle without an end', 'a.pkl', Buffer.from('\x80\x02(lp0\n', 'latin1'), /ends in the middle/],
    ['has graphs in graphs', 'a.onnx', message(7, nested(40)), /levels/],
    ['has a field of 2^62 bytes', 'a.onnx', Buffer.from([0x3a, ...Array(8).fill(0xff), 0x3f]), /length|cut/],
    ['has a field of no type', 'a.onnx', message(7, Buffer.from([0x0b])), /wire type/],
    [
      'is five million fields',
      'a.onnx',
      Buffer.concat(Array(5).fill(Buffer.alloc(2 * mebibyte, '\x08\x01'))),
      /limit/,
    ],
    [
      'has a tensor of 2^62 values',
      'a.onnx',
      message(7, message(5, Buffer.concat([Buffer.from([8, ...Array(8).fill(0xff), 0x3f, 16, 1])]))),
      /shape/,
    ],
  ])('%s: %s', async (_, path, bytes, message) => {
    const folder = folderOf({ [path]: bytes })
    collect()
    const before = process.memoryUsage()
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, usedBytes())
    }, 1)
    const model = await openModel(folder)
    most = Math.max(most, usedBytes())
    clearInterval(watch)
    expect(model?.findings.map(({ message }) => message).join('\n')).toMatch(message)
    expect(model?.findings.map(({ file }) => file)).toContain(path)
    expect(most - before.heapUsed - before.arrayBuffers).toBeLessThan(64 * mebibyte)
  })
})

function usedBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
