import { roleOf } from './tensor-role.ts'

/** A tensor as a reader of files gives it: shape[0] rows × the product of the rest. */
interface MatrixSource {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: string
  /** Fewer than 16 bits a value. */
  readonly quantized: boolean
  /** Stored as columns × rows of what `torch.nn.Linear` has (ONNX). */
  readonly transposed?: boolean
  /** Row-major values at rows × columns; whole rows without `columns`. */
  values(rows: readonly number[], columns?: readonly number[]): Promise<Float32Array>
}

export interface ModelSource {
  readonly format: string
  readonly tensors: readonly MatrixSource[]
  readonly config?: Readonly<Record<string, unknown>> | undefined
  readonly gguf?: ReadonlyMap<string, unknown> | undefined
}

/** A tensor under the name that all files share, as `torch.nn.Linear` has it: out × in. */
export interface CanonicalTensor {
  readonly role: string
  readonly layer: number
  readonly rows: number
  readonly columns: number
  readonly dtype: string
  readonly quantized: boolean
  values(rows: readonly number[], columns?: readonly number[]): Promise<Float32Array>
}

export interface CanonicalModel {
  readonly tensors: readonly CanonicalTensor[]
  /** 0: not said. */
  readonly heads: number
  readonly kvHeads: number
}

/**
 * Gives each tensor its canonical name and orientation: turns what GPT-2 and ONNX store as in × out, takes joined projections
 * apart, undoes the order that llama.cpp gives to the rows of q and k (`convert_hf_to_gguf.py:LlamaModel.permute`).
 */
export function canonicalModel(model: ModelSource): CanonicalModel {
  const { heads, kvHeads } = headsOf(model)
  const architecture = model.gguf?.get('general.architecture')
  const permuted = model.format === 'gguf' && permutedArchitectures.has(String(architecture))
  const isConv1d = hasConv1d(model.tensors)
  const tensors = model.tensors.flatMap(source => {
    if (ignored.test(source.name)) return []
    const { role, layer } = roleOf(source.name)
    const turned = source.transposed ?? (isConv1d && conv1d.test(source.name))
    const tensor = oriented(source, role, layer, turned)
    if (permuted && /^[qk](\.bias)?$/.test(role))
      return [unpermuted(tensor, role.startsWith('q') ? heads : kvHeads)]
    return separated(tensor, heads, kvHeads)
  })
  return { tensors, heads, kvHeads }
}

/** Made by code, not learned. */
const ignored =
  /inv_freq|rope_freqs|masked_bias|(?:^|\.)attn\.bias$|(?:^|\.)attention\.bias$|position_ids|num_batches_tracked/
const permutedArchitectures = new Set(['llama', 'granite', 'granitemoe', 'minicpm', 'deci'])
const conv1d = /(?:^|\.)(?:c_attn|c_fc|c_proj)\.weight$/

function headsOf({ config, gguf }: ModelSource): { heads: number; kvHeads: number } {
  const text = (config?.text_config ?? config ?? {}) as Record<string, unknown>
  const architecture = gguf?.get('general.architecture')
  const heads = wholeOf(
    text.num_attention_heads ?? text.n_head ?? gguf?.get(`${architecture}.attention.head_count`),
  )
  const kvHeads = wholeOf(
    text.num_key_value_heads ?? gguf?.get(`${architecture}.attention.head_count_kv`) ?? heads,
  )
  return { heads, kvHeads }
}

function wholeOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value <= 65_536 ? value : 0
}

/** GPT-2 stores in × out: its joined projection is then wider than it is high. */
function hasConv1d(tensors: readonly MatrixSource[]): boolean {
  const joined = tensors.find(({ name }) => /(?:^|\.)c_attn\.weight$/.test(name))
  return joined !== undefined && (joined.shape[0] ?? 0) < (joined.shape[1] ?? 0)
}

function oriented(source: MatrixSource, role: string, layer: number, turned: boolean): CanonicalTensor {
  const { shape, dtype, quantized } = source
  const height = shape[0] ?? 1
  const width = shape.slice(1).reduce((product, size) => product * size, 1)
  if (!turned) {
    const values = (rows: readonly number[], columns?: readonly number[]) => source.values(rows, columns)
    return { role, layer, rows: height, columns: width, dtype, quantized, values }
  }
  return {
    ...{ role, layer, rows: width, columns: height, dtype, quantized },
    async values(rows, columns = range(height)) {
      return transpose(await source.values(columns, rows), columns.length, rows.length)
    },
  }
}

function transpose(values: Float32Array, height: number, width: number): Float32Array {
  const turned = new Float32Array(values.length)
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      turned[column * height + row] = values[row * width + column] as number
  return turned
}

/** llama.cpp interleaves the two halves of each head. */
function unpermuted(tensor: CanonicalTensor, heads: number): CanonicalTensor {
  if (heads === 0 || tensor.rows % (2 * heads) !== 0) return tensor
  const half = tensor.rows / heads / 2
  const stored = (row: number) => {
    const head = Math.floor(row / (2 * half))
    const within = row - head * 2 * half
    return head * 2 * half + (within % half) * 2 + Math.floor(within / half)
  }
  return { ...tensor, values: (rows, columns) => tensor.values(rows.map(stored), columns) }
}

/** Joined projections, one after the other. GPT-NeoX mixes them head by head: those stay joined. */
function separated(tensor: CanonicalTensor, heads: number, kvHeads: number): CanonicalTensor[] {
  const [joined, kind = ''] = tensor.role.split('.') as [string, string?]
  // An adapter's inputs are those of all three.
  if (kind === 'lora_A') return [tensor]
  const suffix = kind && `.${kind}`
  if (joined === 'gate_up' && tensor.rows % 2 === 0) {
    const half = tensor.rows / 2
    return [part(tensor, `gate${suffix}`, 0, half), part(tensor, `up${suffix}`, half, half)]
  }
  // Adapters do not say how many heads there are: most models that join these have as many keys as queries.
  const groups = heads + 2 * kvHeads || (kind === 'lora_B' ? 3 : 0)
  if (joined !== 'qkv' || groups === 0 || tensor.rows % groups !== 0) return [tensor]
  const width = tensor.rows / groups
  const keys = kvHeads || 1
  const queries = groups - 2 * keys
  return [
    part(tensor, `q${suffix}`, 0, queries * width),
    part(tensor, `k${suffix}`, queries * width, keys * width),
    part(tensor, `v${suffix}`, (queries + keys) * width, keys * width),
  ]
}

function part(tensor: CanonicalTensor, role: string, first: number, rows: number): CanonicalTensor {
  return {
    ...tensor,
    ...{ role, rows },
    values: (asked, columns) =>
      tensor.values(
        asked.map(row => row + first),
        columns,
      ),
  }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index)
}
