import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import { isRecord } from './model-files.ts'
import type { StoredTensor, WeightTensor } from './weight-tensor.ts'

/** What a quantised layout is put together from. */
export interface Parts {
  readonly byName: ReadonlyMap<string, StoredTensor>
  /** `quantization_config` of config.json. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** One logical matrix of several stored tensors. */
export interface Assembled {
  readonly tensor: WeightTensor
  /** Names of what it is put together from. */
  readonly used: readonly string[]
}

export function settingsOf(config: Record<string, unknown> | undefined): Record<string, unknown> {
  const settings = config?.quantization_config ?? config?.compression_config
  return isRecord(settings) ? settings : {}
}

/** One that has to be there. */
export function need({ byName }: Parts, name: string): StoredTensor {
  const found = byName.get(name)
  if (!found)
    throw new MalformedInput(
      'tensor',
      `${JSON.stringify(name)} is not there, which is part of a quantised one`,
    )
  return found
}

export function misshapen(name: string, message: string): MalformedInput {
  return new MalformedInput('tensor', `${JSON.stringify(name.slice(0, 200))} ${message}`)
}

/** A matrix of two dimensions whose values are made when they are asked for. */
export function madeTensor(
  place: Pick<WeightTensor, 'name' | 'file' | 'dtype'>,
  [rows, columns]: readonly [number, number],
  read: (rows: readonly number[], columns: readonly number[]) => Promise<Float32Array>,
): WeightTensor {
  if (!Number.isSafeInteger(rows * columns) || rows < 0 || columns < 0 || columns > columnLimit)
    throw misshapen(place.name, `has a shape of ${rows} × ${columns}`)
  return {
    ...place,
    shape: [rows, columns],
    quantized: true,
    parameters: rows * columns,
    values: async (some, others) => {
      const asked = others ?? Array.from({ length: columns }, (_, n) => n)
      checkAsked(some, rows, asked, columns)
      return read(some, asked)
    },
  }
}

/** A list of all columns is made when whole rows are asked for. */
const columnLimit = 4 * 1024 * 1024
const valueLimit = 4 * 1024 * 1024

function checkAsked(
  rows: readonly number[],
  height: number,
  columns: readonly number[],
  width: number,
): void {
  const isIn = (size: number) => (n: number) => Number.isInteger(n) && n >= 0 && n < size
  if (!rows.every(isIn(height)) || !columns.every(isIn(width)))
    throw new RangeError(`a row or column outside of ${height} × ${width}`)
  if (rows.length * columns.length > valueLimit)
    throw new LimitExceeded('values of a tensor', valueLimit, 'values')
}
