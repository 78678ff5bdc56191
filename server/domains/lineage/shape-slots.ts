import { mix32, type TensorSketch } from '../sketches/index.ts'
import { isFixedBasis } from './fixed-basis.ts'
import { turned } from './match-tensors.ts'

/**
 * Matrices of a model whose names tell nothing, each in a slot that follows from its shape alone, so that relatives have the same ones there even
 * if one of them has further parts. They lie so that rows are not fewer than columns. Of one shape the matrix with the most outlying values is taken:
 * copies agree on it, and most relatives.
 */
export function slotsByShape(tensors: readonly TensorSketch[], count: number): (TensorSketch | undefined)[] {
  const chosen: { tensor: TensorSketch; order: number; weight: number }[] = []
  for (const stored of tensors) {
    if (stored.height < 2 || stored.width < 2 || isFixedBasis(stored)) continue
    const tensor = stored.rows < stored.columns ? turned(stored) : stored
    const order = mix32(mix32(tensor.rows) + tensor.columns)
    const weight = kurtosis(tensor.values)
    const slot = order % count
    const other = chosen[slot]
    if (!other || order < other.order || (order === other.order && weight > other.weight))
      chosen[slot] = { tensor, order, weight }
  }
  return Array.from({ length: count }, (_, slot) => chosen[slot]?.tensor)
}

/** Up to a factor, and whatever the values are multiplied with. */
function kurtosis(values: Float32Array): number {
  let [squares, fourths] = [0, 0]
  for (const value of values) {
    squares += value ** 2
    fourths += value ** 4
  }
  return squares > 0 ? (fourths * values.length) / squares ** 2 : 0
}
