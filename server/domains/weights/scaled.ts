import { readMatrix } from '../../formats/matrix.ts'
import { fill, readGrid } from './packed-words.ts'
import { type Assembled, madeTensor, misshapen, type Parts } from './quantized-parts.ts'
import type { StoredTensor } from './weight-tensor.ts'

/**
 * Small floats or whole numbers with a scale for all, for each row, or for each block. Sources: DeepSeek-V3
 * `inference/kernel.py:weight_dequant` (`weight_scale_inv`), compressed-tensors `naive_quantized` (`weight_scale`),
 * bitsandbytes `nn/modules.py:Linear8bitLt` (`SCB`, of values from -127 to 127).
 */
export function assembleScaled(parts: Parts, weight: StoredTensor): Assembled | undefined {
  const { name, file, matrix } = weight
  const { byName, settings } = parts
  const prefix = name.slice(0, -'weight'.length)
  const isWhole = matrix.type.name === 'I8'
  const rowMaxima = isWhole ? byName.get(`${prefix}SCB`) : undefined
  const scale = rowMaxima ?? byName.get(`${name}_scale_inv`) ?? byName.get(`${name}_scale`)
  if (!scale || weight.shape.length !== 2) return undefined
  const scales = scale.matrix
  const [blockRows, blockColumns] = blockOf(weight, scale, settings.weight_block_size)
  const divisor = rowMaxima ? 127 : 1
  const dtype = rowMaxima ? 'BNB8' : matrix.type.name
  const shape = [matrix.rows, matrix.columns] as const
  const tensor = madeTensor({ name, file, dtype }, shape, async (rows, columns) => {
    const row = (n: number) => Math.floor(n / blockRows)
    const column = (n: number) => Math.floor(n / blockColumns)
    const scaleAt = await readGrid(scales, rows.map(row), columns.map(column))
    const values = await readMatrix(matrix, rows, columns)
    let n = 0
    return fill(rows, columns, (r, c) => (values[n++]! * scaleAt(row(r), column(c))) / divisor)
  })
  const used = [name, scale.name, `${prefix}weight_format`]
  return { tensor, used }
}

/** Rows and columns that share a scale. */
function blockOf(weight: StoredTensor, scale: StoredTensor, given: unknown): [number, number] {
  const along = (size: number, scales: number, told: unknown) => {
    if (scales === 1) return Math.max(size, 1)
    const block = [told, 128, Math.ceil(size / scales)].find(
      block => typeof block === 'number' && block > 0 && Math.ceil(size / block) === scales,
    ) as number | undefined
    if (block === undefined) throw misshapen(weight.name, `has ${size} lines; there are scales of ${scales}`)
    return block
  }
  const { rows, columns } = weight.matrix
  const told = Array.isArray(given) ? given : []
  return [along(rows, scale.matrix.rows, told[0]), along(columns, scale.matrix.columns, told[1])]
}
