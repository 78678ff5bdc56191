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

export function sketchOf(weights: Weights, look?: Partial<Look>): Promise<Sketch> {
  return makeSketch(inMemory(weights, look))
}
