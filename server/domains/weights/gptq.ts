import { fill, type Packed, readGrid, readPacked } from './packed-words.ts'
import { type Assembled, madeTensor, misshapen, need, type Parts } from './quantized-parts.ts'
import type { StoredTensor } from './weight-tensor.ts'

/**
 * GPTQ and AWQ: whole numbers of 2, 3, 4 or 8 bits in words, with a scale and a zero for each group of inputs. Sources:
 * AutoGPTQ `nn_modules/qlinear/qlinear_cuda_old.py:pack`, AutoAWQ `modules/linear/gemm.py:from_linear`.
 */
export function assemblePacked(parts: Parts, qweight: StoredTensor): Assembled {
  const prefix = qweight.name.slice(0, -'qweight'.length)
  const qzeros = need(parts, `${prefix}qzeros`)
  const scales = need(parts, `${prefix}scales`)
  const gIdx = parts.byName.get(`${prefix}g_idx`)
  const used = [qweight, qzeros, scales, ...(gIdx ? [gIdx] : [])]
  const [groups, out] = [scales.matrix.rows, scales.matrix.columns]
  if (used.some(({ matrix }) => matrix.rows === 0 || matrix.columns === 0) || qzeros.matrix.rows !== groups)
    throw misshapen(qweight.name, 'has scales and zeros of other groups')
  const isAwq = qweight.matrix.columns !== out
  const bits = (qzeros.matrix.columns * 32) / out
  if (![2, 3, 4, 8].includes(bits) || (isAwq && bits !== 4))
    throw misshapen(qweight.name, `has ${bits} bits a value, by the shape of its zeros`)
  const inputs = isAwq ? qweight.matrix.rows : (qweight.matrix.rows * 32) / bits
  if (!Number.isInteger(inputs) || (gIdx && gIdx.matrix.rows !== inputs))
    throw misshapen(qweight.name, `has ${inputs} inputs, which does not go with its g_idx`)
  if (isAwq && qweight.matrix.columns * 8 !== out)
    throw misshapen(qweight.name, `has ${qweight.matrix.columns * 8} outputs; there are scales of ${out}`)
  const { group_size: given } = parts.settings
  const groupSize = typeof given === 'number' && given > 0 ? given : Math.ceil(inputs / groups)
  // Files of the first format hold each zero less one.
  const less = isAwq || parts.settings.checkpoint_format === 'gptq_v2' ? 0 : 1
  const weights: Packed = isAwq
    ? { matrix: qweight.matrix, bits, along: 'rows' }
    : { matrix: qweight.matrix, bits, along: 'columns' }
  const zeros: Packed = { matrix: qzeros.matrix, bits, along: 'rows' }
  const dtype = isAwq ? 'AWQ4' : `GPTQ${bits}`
  const name = `${prefix}weight`
  const place = isAwq ? awqPlace : (n: number) => n
  const tensor = madeTensor({ name, file: qweight.file, dtype }, [out, inputs], async (rows, columns) => {
    const groupOf = await groupsOf(columns, gIdx, groupSize)
    const used = columns.map(groupOf)
    if (!used.every(group => Number.isInteger(group) && group >= 0 && group < groups))
      throw misshapen(name, `has an input of a group beyond its ${groups}`)
    const scaleAt = await readGrid(scales.matrix, used, rows)
    const zeroAt = await readPacked(zeros, used, rows.map(place))
    const weightAt = await (isAwq
      ? readPacked(weights, columns, rows.map(place))
      : readPacked(weights, rows, columns))
    return fill(rows, columns, (row, column) => {
      const group = groupOf(column)
      const value = isAwq ? weightAt(column, place(row)) : weightAt(row, column)
      const zero = (zeroAt(group, place(row)) + less) & (2 ** bits - 1)
      return scaleAt(group, row) * (value - zero)
    })
  })
  return { tensor, used: used.map(part => part.name) }
}

/** Eight outputs lie in a word in this order: 0 2 4 6 1 3 5 7. */
function awqPlace(out: number): number {
  return out - (out % 8) + [0, 4, 1, 5, 2, 6, 3, 7][out % 8]!
}

/** The group of each input: as `g_idx` says, or one after the other. */
async function groupsOf(
  columns: readonly number[],
  gIdx: StoredTensor | undefined,
  groupSize: number,
): Promise<(column: number) => number> {
  if (!gIdx) return column => Math.floor(column / groupSize)
  const at = await readGrid(gIdx.matrix, columns, [0])
  return column => at(column, 0)
}
