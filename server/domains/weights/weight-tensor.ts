import { type BlockType, bitsOf } from '../../formats/block-type.ts'
import type { ByteSource } from '../../formats/byte-source.ts'
import type { GgufValue } from '../../formats/gguf-header.ts'
import { type Matrix, matrixShape, readMatrix } from '../../formats/matrix.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'

/**
 * A tensor as a matrix of shape[0] rows × product of the rest (a vector of n is n × 1), in torch's order (out × in):
 * GGUF's reversed shapes are turned, quantised layouts put together.
 */
export interface WeightTensor {
  /** As the file says; parts of one quantised matrix are one tensor named `….weight`. */
  readonly name: string
  readonly shape: readonly number[]
  /** F64 F32 F16 BF16 F8_E4M3 … I8 BOOL; GGML names (Q4_K …); GPTQ4 GPTQ8 AWQ4 BNB8 NF4 FP4. */
  readonly dtype: string
  /** Fewer than 16 bits a value, or a grid of values. */
  readonly quantized: boolean
  /** Values of the logical matrix, exactly. */
  readonly parameters: number
  /** Path of the file in which it lies, most of it. */
  readonly file: string
  /** The graph that uses it multiplies by it as in × out, other than torch: rows and columns stand the other way round. */
  readonly transposed?: true
  /**
   * Values at rows × columns, dequantised, row by row; whole rows without `columns`; at most 4 Mi of them at once. Reads
   * only the blocks that these touch. Rejects with MalformedInput where the type is one that is not decoded.
   */
  values(rows: readonly number[], columns?: readonly number[]): Promise<Float32Array>
}

/** What is wrong with a file: said, and the rest is read. */
export interface Finding {
  /** `unsafe`: loading it elsewhere may run code. `unsupported`: well-formed perhaps, not read here. */
  readonly kind: 'malformed' | 'unsafe' | 'unsupported' | 'missing'
  readonly file: string
  readonly message: string
  /** Of `unsafe`: the function or class that a pickle names, `os.system`. */
  readonly global?: string
}

/** What a reader refused in words; any other error is thrown on. */
export function refusal(file: string, error: unknown): Finding {
  if (!(error instanceof MalformedInput || error instanceof LimitExceeded)) throw error
  return { kind: 'malformed', file, message: error.message }
}

/** A tensor as its file has it, before parts of quantised ones are put together. */
export interface StoredTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly file: string
  readonly matrix: Matrix
  readonly transposed?: true
}

/** What one file holds. */
export interface OpenedPart {
  readonly tensors: readonly StoredTensor[]
  readonly findings: readonly Finding[]
  readonly gguf?: { readonly source: ByteSource; readonly metadata: ReadonlyMap<string, GgufValue> }
}

export function storedTensor(
  place: Pick<StoredTensor, 'name' | 'shape' | 'file' | 'transposed'>,
  bytes: Pick<Matrix, 'source' | 'begin' | 'type' | 'strides'>,
): StoredTensor {
  return { ...place, matrix: { ...bytes, ...matrixShape(place.shape) } }
}

/** One that is what it looks like. */
export function plainTensor({ name, shape, file, matrix, transposed }: StoredTensor): WeightTensor {
  return {
    name,
    shape,
    dtype: matrix.type.name,
    quantized: isQuantized(matrix.type),
    parameters: matrix.rows * matrix.columns,
    file,
    ...(transposed && { transposed }),
    values: (rows, columns) => readMatrix(matrix, rows, columns),
  }
}

function isQuantized(type: BlockType): boolean {
  return bitsOf(type) < 16 && type.name !== 'BOOL'
}
