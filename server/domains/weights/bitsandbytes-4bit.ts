import { plainTypes } from '../../formats/block-type.ts'
import { readMatrix } from '../../formats/matrix.ts'
import { isRecord } from './model-files.ts'
import { fill, readGrid, upTo } from './packed-words.ts'
import { type Assembled, madeTensor, misshapen, need, type Parts } from './quantized-parts.ts'
import type { StoredTensor } from './weight-tensor.ts'

const statePrefix = '.quant_state.bitsandbytes__'
const stateLimit = 64 * 1024

/** The name of the settings of a weight of four bits, undefined when it is none. */
export function stateName({ byName }: Parts, name: string): string | undefined {
  return ['nf4', 'fp4'].map(kind => `${name}${statePrefix}${kind}`).find(state => byName.has(state))
}

/**
 * NF4 and FP4: indices of four bits into a table of 16 values, the first of two in the high bits, with a maximum for each
 * block; the maxima may be quantised themselves. Source: bitsandbytes `functional.py:QuantState.from_dict`, `dequantize_4bit`.
 */
export async function assemble4bit(parts: Parts, weight: StoredTensor, state: string): Promise<Assembled> {
  const { name, file, matrix } = weight
  const settings = await readSettings(parts, state)
  const { shape, blocksize: block, nested_blocksize: nestedBlock, nested_offset: offset = 0 } = settings
  if (!Array.isArray(shape) || shape.length !== 2 || !shape.every(Number.isSafeInteger))
    throw misshapen(name, 'has no shape of two dimensions in its quant_state')
  if (!isSize(block)) throw misshapen(name, 'has no blocksize in its quant_state')
  const [rows, columns] = shape as [number, number]
  if (Math.ceil((rows * columns) / 2) > matrix.rows * matrix.columns)
    throw misshapen(
      name,
      `has ${matrix.rows * matrix.columns} bytes; its shape of ${rows} × ${columns} takes more`,
    )
  const maxima = need(parts, `${name}.absmax`)
  const table = need(parts, `${name}.quant_map`)
  const nested = parts.byName.get(`${name}.nested_absmax`)
  const nestedTable = nested && need(parts, `${name}.nested_quant_map`)
  if (table.matrix.rows !== 16 || (nestedTable && nestedTable.matrix.rows !== 256))
    throw misshapen(name, 'has a quant_map of another size than 16, or a nested one than 256')
  if (nested && (!isSize(nestedBlock) || typeof offset !== 'number'))
    throw misshapen(name, 'has no nested_blocksize in its quant_state')
  const column = { ...matrix, rows: matrix.rows * matrix.columns, columns: 1, type: plainTypes.U8 }
  const dtype = state.endsWith('nf4') ? 'NF4' : 'FP4'
  const tensor = madeTensor({ name, file, dtype }, [rows, columns], async (some, others) => {
    const flat = some.flatMap(row => others.map(at => row * columns + at))
    const byteAt = await readGrid(
      column,
      flat.map(n => Math.floor(n / 2)),
      [0],
    )
    const blocks = flat.map(n => Math.floor(n / block))
    const largest = await readGrid(maxima.matrix, blocks, [0])
    const values = await readMatrix(table.matrix, upTo(16))
    let maximum = (n: number) => largest(n, 0)
    if (nested && nestedTable) {
      const ofBlock = (n: number) => Math.floor(n / (nestedBlock as number))
      const scaleAt = await readGrid(nested.matrix, blocks.map(ofBlock), [0])
      const nestedValues = await readMatrix(nestedTable.matrix, upTo(256))
      maximum = n =>
        Math.fround(nestedValues[largest(n, 0)]! * scaleAt(ofBlock(n), 0)) + Math.fround(offset as number)
    }
    return fill(some, others, (row, at) => {
      const n = row * columns + at
      const pair = byteAt(Math.floor(n / 2), 0)
      return values[n % 2 === 0 ? pair >> 4 : pair & 15]! * Math.fround(maximum(Math.floor(n / block)))
    })
  })
  const others = ['absmax', 'quant_map', 'nested_absmax', 'nested_quant_map'].map(part => `${name}.${part}`)
  return { tensor, used: [name, state, ...others] }
}

/** JSON in a tensor of bytes. */
async function readSettings(parts: Parts, state: string): Promise<Record<string, unknown>> {
  const { matrix, name } = need(parts, state)
  if (matrix.rows > stateLimit) throw misshapen(name, `takes ${matrix.rows} bytes`)
  try {
    const settings: unknown = JSON.parse(
      Buffer.from(await readMatrix({ ...matrix, type: plainTypes.U8 }, upTo(matrix.rows))).toString('utf8'),
    )
    if (isRecord(settings)) return settings
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw misshapen(name, 'is no record in JSON')
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
