import type { Weights } from './model-for-test.suite.ts'

const names: readonly [RegExp, string][] = [
  [/^model\.embed_tokens/, 'token_embd'],
  [/^model\.layers\.(\d+)\.self_attn\.([qkv])_proj/, 'blk.$1.attn_$2'],
  [/^model\.layers\.(\d+)\.self_attn\.o_proj/, 'blk.$1.attn_output'],
  [/^model\.layers\.(\d+)\.input_layernorm/, 'blk.$1.attn_norm'],
  [/^model\.layers\.(\d+)\.post_attention_layernorm/, 'blk.$1.ffn_norm'],
  [/^model\.norm/, 'output_norm'],
  [/^model\.layers\.(\d+)\.mlp\.(gate|up|down)_proj/, 'blk.$1.ffn_$2'],
]
const alignment = 32

/** As llama.cpp's `convert_hf_to_gguf.py` writes a model of the shape of Llama in Q8_0: q and k with their rows in its order. */
export function q8Of(weights: Weights, { heads }: { heads: number }): Buffer {
  const tensors = [...weights].map(([name, { shape, values }]) => {
    const [pattern, replacement] = names.find(([known]) => known.test(name)) as (typeof names)[number]
    const permuted = /attn\.[qk]_proj/.test(name) ? permute(values, shape, heads) : values
    const renamed = name.replace(pattern, replacement)
    if (shape.length === 1) return { name: renamed, shape, type: 0, bytes: Buffer.from(values.buffer) }
    return { name: renamed, shape, type: 8, bytes: quantize(permuted) }
  })
  const header: Buffer[] = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(3)]
  header.push(text('general.architecture'), u32(8), text('llama'))
  header.push(text('llama.attention.head_count'), u32(4), u32(heads))
  header.push(text('llama.attention.head_count_kv'), u32(4), u32(heads))
  let offset = 0
  for (const { name, shape, type, bytes } of tensors) {
    header.push(text(name), u32(shape.length), ...[...shape].reverse().map(u64), u32(type), u64(offset))
    offset += padded(bytes.length)
  }
  const head = Buffer.concat(header)
  const pieces = tensors.map(({ bytes }) => pad(bytes))
  return Buffer.concat([pad(head), ...pieces])
}

/** `LlamaModel.permute`: reshape(heads, 2, half, columns).swapaxes(1, 2). */
function permute(
  values: Float32Array,
  [rows = 0, columns = 0]: readonly number[],
  heads: number,
): Float32Array {
  const half = rows / heads / 2
  const turned = new Float32Array(values.length)
  for (let head = 0, to = 0; head < heads; head++)
    for (let at = 0; at < half; at++)
      for (let side = 0; side < 2; side++, to++) {
        const from = head * 2 * half + side * half + at
        turned.set(values.subarray(from * columns, (from + 1) * columns), to * columns)
      }
  return turned
}

/** ggml `quantize_row_q8_0_ref`: 32 values share a scale, a 16-bit float. */
function quantize(values: Float32Array): Buffer {
  const bytes = Buffer.alloc((values.length / 32) * 34)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let block = 0; block < values.length / 32; block++) {
    const part = values.subarray(block * 32, block * 32 + 32)
    const scale = Math.max(...part.map(Math.abs)) / 127
    view.setFloat16(block * 34, scale, true)
    for (const [at, value] of part.entries()) view.setInt8(block * 34 + 2 + at, Math.round(value / scale))
  }
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function text(value: string): Buffer {
  return Buffer.concat([u64(value.length), Buffer.from(value)])
}

const padded = (length: number) => Math.ceil(length / alignment) * alignment
const pad = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)])
