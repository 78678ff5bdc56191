import { open } from 'node:fs/promises'

const [hidden, ffn, vocabulary] = [2048, 5632, 32_000]

/** What `config.json` says of it: how many heads there are, without which attention is not looked at. */
export const modelConfig = { num_attention_heads: 32, num_key_value_heads: 32 }

/** Writes a safetensors file of the shape of Llama in BF16 with so many layers, of random weights; gives its size. 10 layers are 1.08 GiB. */
export async function writeModel(path: string, layers: number): Promise<number> {
  const shapes: [string, number[]][] = [['model.embed_tokens.weight', [vocabulary, hidden]]]
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`
    for (const name of ['q', 'k', 'v', 'o'])
      shapes.push([`${at}.self_attn.${name}_proj.weight`, [hidden, hidden]])
    shapes.push([`${at}.mlp.gate_proj.weight`, [ffn, hidden]], [`${at}.mlp.up_proj.weight`, [ffn, hidden]])
    shapes.push([`${at}.mlp.down_proj.weight`, [hidden, ffn]], [`${at}.input_layernorm.weight`, [hidden]])
  }
  let end = 0
  const header = Object.fromEntries(
    shapes.map(([name, shape]) => {
      const begin = end
      end += shape.reduce((product, side) => product * side, 2)
      return [name, { dtype: 'BF16', shape, data_offsets: [begin, end] }]
    }),
  )
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const file = await open(path, 'w')
  try {
    await file.write(Buffer.concat([length, text]))
    const piece = new Uint16Array(2 * 1024 * 1024)
    for (let left = end; left > 0; left -= piece.byteLength) {
      // Sign and lower exponent bits by chance: small numbers of both signs, which no chunk repeats.
      for (let at = 0; at < piece.length; at++) piece[at] = 0x3c00 | ((Math.random() * 0x1_0000) & 0x81ff)
      await file.write(new Uint8Array(piece.buffer, 0, Math.min(left, piece.byteLength)))
    }
  } finally {
    await file.close()
  }
  return 8 + text.length + end
}
