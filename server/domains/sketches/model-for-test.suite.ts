import { createHash } from 'node:crypto'
import type { TestHub } from '../../hub-for-test.suite.ts'

/** A small model of the shape of Llama, whose weights are normal numbers. */
export type Weights = ReadonlyMap<string, { shape: readonly number[]; values: Float32Array }>

export interface Shape {
  readonly hidden: number
  readonly layers: number
  readonly ffn: number
  readonly vocabulary: number
}
const usual: Shape = { hidden: 64, layers: 4, ffn: 128, vocabulary: 256 }

export function makeModel(seed: number, given: Partial<Shape> = {}): Weights {
  const { hidden, layers, ffn, vocabulary } = { ...usual, ...given }
  const random = normals(seed)
  const tensor = (...shape: number[]) => ({
    shape,
    values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() * 0.02),
  })
  const norm = () => ({
    shape: [hidden],
    values: Float32Array.from({ length: hidden }, () => 1 + random() * 0.1),
  })
  const weights = new Map([['model.embed_tokens.weight', tensor(vocabulary, hidden)]])
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`
    for (const name of ['q', 'k', 'v', 'o'])
      weights.set(`${at}.self_attn.${name}_proj.weight`, tensor(hidden, hidden))
    weights.set(`${at}.mlp.gate_proj.weight`, tensor(ffn, hidden))
    weights.set(`${at}.mlp.up_proj.weight`, tensor(ffn, hidden))
    weights.set(`${at}.mlp.down_proj.weight`, tensor(hidden, ffn))
    weights.set(`${at}.input_layernorm.weight`, norm())
    weights.set(`${at}.post_attention_layernorm.weight`, norm())
  }
  weights.set('model.norm.weight', norm())
  return weights
}

/** As further training would: every value moves, in some tensors more than in others, by about so much of its size. */
export function trained(weights: Weights, seed: number, step = 0.05): Weights {
  const random = normals(seed)
  return new Map(
    [...weights].map(([name, { shape, values }]) => {
      const stride = 0.02 * step * (0.4 + Math.abs(random()))
      return [name, { shape, values: values.map(value => value + random() * stride) }]
    }),
  )
}

export function safetensorsOf(weights: Weights): Buffer {
  const header: Record<string, unknown> = {}
  let end = 0
  for (const [name, { shape, values }] of weights) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + values.byteLength] }
    end += values.byteLength
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const bytes = [...weights.values()].map(({ values }) => Buffer.from(values.buffer))
  return Buffer.concat([length, text, ...bytes])
}

export const configOf = (given: Partial<Shape> = {}) => {
  const { hidden, layers, ffn, vocabulary } = { ...usual, ...given }
  return JSON.stringify({
    ...{ model_type: 'llama', hidden_size: hidden, num_hidden_layers: layers, intermediate_size: ffn },
    ...{ num_attention_heads: 4, num_key_value_heads: 4, vocab_size: vocabulary },
  })
}

/** Numbers of mean 0 and variance 1, the same ones for a seed. */
function normals(seed: number): () => number {
  let state = seed >>> 0
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}

/** Uploads by LFS and commits; a card when it is given. */
export async function pushModel(
  hub: TestHub,
  token: string,
  repo: string,
  weights: Buffer | undefined,
  files: Readonly<Record<string, string>> = {},
): Promise<void> {
  const as = hub.as(token)
  const [organization, name] = repo.split('/')
  await as.post('/api/repos/create', { organization, name })
  const lines: Record<string, unknown> = { ...files }
  if (weights) {
    const sha256 = createHash('sha256').update(weights).digest('hex')
    const batch = await as.post(
      `/${repo}.git/info/lfs/objects/batch`,
      { operation: 'upload', transfers: ['basic'], objects: [{ oid: sha256, size: weights.length }] },
      { 'content-type': 'application/vnd.git-lfs+json' },
    )
    const upload = batch.json().objects[0].actions?.upload?.href
    if (upload) {
      const put = await as.put(new URL(upload).pathname + new URL(upload).search, weights)
      if (put.status !== 200) throw new Error(`upload of weights: ${put.status} ${put.text}`)
    }
    lines['model.safetensors'] = { sha256, size: weights.length }
  }
  const commit = await as.commit(repo, lines)
  if (commit.status !== 200) throw new Error(`commit to ${repo}: ${commit.status} ${commit.text}`)
}

/** Until no job is waiting or running. */
export async function settled(hub: TestHub): Promise<void> {
  for (let round = 0; round < 1200; round++) {
    const { waiting, leased, buried } = await hub.hub.queue.counts()
    if (buried > 0) throw new Error('a job was buried')
    if (waiting + leased === 0) return
    await new Promise(settle => setTimeout(settle, 25))
  }
  throw new Error('jobs are still waiting after 30 s')
}
