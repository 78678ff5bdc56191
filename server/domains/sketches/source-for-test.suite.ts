import { makeSketch, type Sketchable } from './make-sketch.ts'
import type { Weights } from './model-for-test.suite.ts'
import type { Sketch } from './sketch.ts'

interface Look {
  readonly dtype: string
  readonly quantized: boolean
  readonly heads: number
}

/** Weights in memory as a reader of files gives them. */
export function inMemory(weights: Weights, look: Partial<Look> = {}): Sketchable {
  const { dtype = 'F32', quantized = false, heads = 4 } = look
  return {
    format: 'safetensors',
    config: { num_attention_heads: heads, num_key_value_heads: heads },
    tensors: [...weights].map(([name, { shape, values }]) => ({
      ...{ name, shape, dtype, quantized },
      async values(rows: readonly number[], columns?: readonly number[]) {
        const width = values.length / (shape[0] ?? 1)
        const across = columns ?? Array.from({ length: width }, (_, index) => index)
        return Float32Array.from(
          rows.flatMap(row => across.map(column => values[row * width + column] as number)),
        )
      },
    })),
  }
}

const made = new WeakMap<Weights, Map<string, Promise<Sketch>>>()

/** Made once for the same weights. */
export function sketchOf(weights: Weights, look: Partial<Look> = {}): Promise<Sketch> {
  const known = made.get(weights) ?? new Map<string, Promise<Sketch>>()
  made.set(weights, known)
  const key = JSON.stringify(look)
  const sketch = known.get(key) ?? makeSketch(inMemory(weights, look))
  known.set(key, sketch)
  return sketch
}
