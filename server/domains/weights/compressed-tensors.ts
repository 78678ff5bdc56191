import { readMatrix } from '../../formats/matrix.ts'
import { fill, readGrid, readPacked } from './packed-words.ts'
import { type Assembled, madeTensor, misshapen, need, type Parts } from './quantized-parts.ts'
import type { StoredTensor } from './weight-tensor.ts'

/**
 * `pack-quantized` of compressed-tensors without zero points: whole numbers of four or eight bits in words along the
 * inputs, half of their range added to each. Source: compressed-tensors `compressors/quantized_compressors/pack_quantized.py`.
 */
export async function assembleCompressed(parts: Parts, packed: StoredTensor): Promise<Assembled> {
  const name = packed.name.slice(0, -'_packed'.length)
  const { matrix } = packed
  const scale = need(parts, `${name}_scale`)
  const shape = need(parts, `${name}_shape`)
  const groups = parts.byName.get(`${name}_g_idx`)
  if (parts.byName.has(`${name}_zero_point`)) throw misshapen(name, 'has zero points, which are not read')
  if (shape.matrix.rows !== 2) throw misshapen(shape.name, 'is not of two sizes')
  const [rows, columns] = [...(await readMatrix(shape.matrix, [0, 1]))] as [number, number]
  const bits = [4, 8].find(bits => Math.ceil((columns * bits) / 32) === matrix.columns)
  if (bits === undefined || rows !== matrix.rows || scale.matrix.rows !== rows || scale.matrix.columns === 0)
    throw misshapen(name, `is of ${rows} × ${columns}, which its words and scales are not`)
  const groupSize = Math.ceil(columns / scale.matrix.columns)
  const words = { matrix, bits, along: 'rows' } as const
  const place = { name, file: packed.file, dtype: `I${bits}` }
  const tensor = madeTensor(place, [rows, columns], async (some, others) => {
    const given = groups && (await readGrid(groups.matrix, others, [0]))
    const groupOf = (column: number) => (given ? given(column, 0) : Math.floor(column / groupSize))
    const used = others.map(groupOf)
    if (!used.every(group => group >= 0 && group < scale.matrix.columns))
      throw misshapen(name, 'has an input of a group without a scale')
    const scaleAt = await readGrid(scale.matrix, some, used)
    const valueAt = await readPacked(words, some, others)
    return fill(
      some,
      others,
      (row, column) => scaleAt(row, groupOf(column)) * (valueAt(row, column) - 2 ** (bits - 1)),
    )
  })
  return { tensor, used: ['_packed', '_scale', '_shape', '_g_idx'].map(part => `${name}${part}`) }
}
