import { makeModel, type Weights } from '../sketches/model-for-test.suite.ts'
import { roundTo } from './rounding.ts'

/** What people do to models, each as its formula says. */
type Tensor = Weights extends ReadonlyMap<string, infer T> ? T : never

export function mapped(weights: Weights, change: (tensor: Tensor, name: string) => Tensor): Weights {
  return new Map([...weights].map(([name, tensor]) => [name, change(tensor, name)]))
}

/** Value by value, of models of one shape. */
export function combined(models: readonly Weights[], formula: (...values: number[]) => number): Weights {
  const [first, ...others] = models as [Weights, ...Weights[]]
  return mapped(first, ({ shape, values }, name) => {
    const rest = others.map(model => valuesOf(model, name))
    return { shape, values: values.map((value, at) => formula(value, ...rest.map(v => v[at] as number))) }
  })
}

export function rounded(weights: Weights, dtype: string): Weights {
  return combined([weights], value => roundTo(dtype, value))
}

export function valuesOf(weights: Weights, name: string): Float32Array {
  return (weights.get(name) as Tensor).values
}

export function isMatrix({ shape }: Tensor): boolean {
  return shape.length > 1
}

/** Numbers of mean 0 and variance 1. */
export function normals(seed: number, count: number): Float32Array {
  const { values } = makeModel(seed, { hidden: 1, layers: 0, ffn: 1, vocabulary: count }).get(
    'model.embed_tokens.weight',
  ) as Tensor
  return values.map(value => value / 0.02)
}

/** Of 0 … length - 1. */
export function shuffle(seed: number, length: number): number[] {
  const keys = normals(seed, length)
  return Array.from(keys.keys()).sort((a, b) => (keys[a] as number) - (keys[b] as number))
}

export function takeRows({ shape, values }: Tensor, rows: readonly number[]): Tensor {
  const width = values.length / (shape[0] as number)
  const taken = new Float32Array(rows.length * width)
  for (const [to, from] of rows.entries())
    taken.set(values.subarray(from * width, (from + 1) * width), to * width)
  return { shape: [rows.length, ...shape.slice(1)], values: taken }
}

function takeColumns({ shape, values }: Tensor, columns: readonly number[]): Tensor {
  const [height = 1, width = 1] = shape
  const taken = new Float32Array(height * columns.length)
  for (let row = 0; row < height; row++)
    for (const [to, from] of columns.entries())
      taken[row * columns.length + to] = values[row * width + from] as number
  return { shape: [height, columns.length], values: taken }
}

/** Layers by number, of any of the models; what is outside of layers is the first one's. */
export function stacked(slices: readonly (readonly [Weights, number])[]): Weights {
  const [[outer] = []] = slices
  const found = new Map([...(outer as Weights)].filter(([name]) => !name.includes('.layers.')))
  for (const [to, [weights, from]] of slices.entries())
    for (const [name, tensor] of weights)
      if (name.startsWith(`model.layers.${from}.`))
        found.set(name.replace(`.layers.${from}.`, `.layers.${to}.`), tensor)
  return found
}

/** The MLP's neurons in another order, or some of them. */
export function withNeurons(weights: Weights, neurons: (layer: number) => readonly number[]): Weights {
  return mapped(weights, (tensor, name) => {
    const layer = Number(/layers\.(\d+)/.exec(name)?.[1])
    if (/gate_proj|up_proj/.test(name)) return takeRows(tensor, neurons(layer))
    return name.includes('down_proj') ? takeColumns(tensor, neurons(layer)) : tensor
  })
}

export function withHeadsPermuted(weights: Weights, seed: number, heads = 4): Weights {
  return mapped(weights, (tensor, name) => {
    const layer = Number(/layers\.(\d+)/.exec(name)?.[1])
    if (!name.includes('self_attn')) return tensor
    const size = (tensor.shape[0] as number) / heads
    const order = shuffle(seed + layer, heads).flatMap(head =>
      Array.from({ length: size }, (_, at) => head * size + at),
    )
    return name.includes('o_proj') ? takeColumns(tensor, order) : takeRows(tensor, order)
  })
}

const writesHidden = /o_proj|down_proj/

export function withHiddenPermuted(weights: Weights, seed: number): Weights {
  const hidden = weights.get('model.norm.weight')?.shape[0] as number
  const order = shuffle(seed, hidden)
  return mapped(weights, (tensor, name) =>
    !isMatrix(tensor) || writesHidden.test(name) ? takeRows(tensor, order) : takeColumns(tensor, order),
  )
}

/** Norms go into the matrices after them, then the hidden axis is turned (as SliceGPT and QuaRot do). */
export function rotated(weights: Weights, seed: number): Weights {
  const hidden = weights.get('model.norm.weight')?.shape[0] as number
  const turn = rotation(seed, hidden)
  const folded = mapped(weights, (tensor, name) => {
    if (!isMatrix(tensor)) return { ...tensor, values: tensor.values.map(() => 1) }
    const norm = /[qkv]_proj/.test(name) ? 'input' : /gate_proj|up_proj/.test(name) ? 'post_attention' : ''
    if (!norm) return tensor
    const gain = valuesOf(weights, `${/^model\.layers\.\d+/.exec(name)?.[0]}.${norm}_layernorm.weight`)
    return { ...tensor, values: tensor.values.map((v, at) => v * (gain[at % hidden] as number)) }
  })
  return mapped(folded, (tensor, name) => {
    if (!isMatrix(tensor)) return tensor
    return writesHidden.test(name) ? product(transposed(turn), tensor) : product(tensor, turn)
  })
}

/** What goes into neurons and out of values is larger, what follows smaller by as much. */
export function scaled(weights: Weights, seed: number): Weights {
  return mapped(weights, (tensor, name) => {
    const layer = Number(/layers\.(\d+)/.exec(name)?.[1])
    const [height = 1, width = 1] = tensor.shape
    const factors = (length: number) => normals(seed + layer, length).map(value => Math.exp(value))
    if (/up_proj|v_proj/.test(name)) {
      const by = factors(height)
      return { ...tensor, values: tensor.values.map((v, at) => v * (by[Math.floor(at / width)] as number)) }
    }
    if (!/down_proj|o_proj/.test(name)) return tensor
    const by = factors(width)
    return { ...tensor, values: tensor.values.map((v, at) => v / (by[at % width] as number)) }
  })
}

/** Gains of norms are larger, what reads them smaller by as much. */
export function scaledAtNorms(weights: Weights, seed: number): Weights {
  return mapped(weights, (tensor, name) => {
    const layer = Number(/layers\.(\d+)/.exec(name)?.[1])
    const isAttention = /input_layernorm|[qkv]_proj/.test(name)
    if (!isAttention && !/post_attention|gate_proj|up_proj/.test(name)) return tensor
    const width = tensor.shape.at(-1) as number
    const by = normals(seed + layer * 2 + Number(isAttention), width).map(value => Math.exp(value))
    const values = tensor.values.map((v, at) => {
      const factor = by[at % width] as number
      return isMatrix(tensor) ? v / factor : v * factor
    })
    return { ...tensor, values }
  })
}

export function product(a: Tensor, b: Tensor): Tensor {
  const [height = 1, inner = 1] = a.shape
  const width = b.shape[1] as number
  const values = new Float32Array(height * width)
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      let sum = 0
      for (let at = 0; at < inner; at++)
        sum += (a.values[row * inner + at] as number) * (b.values[at * width + column] as number)
      values[row * width + column] = sum
    }
  return { shape: [height, width], values }
}

export function transposed({ shape, values }: Tensor): Tensor {
  const [height = 1, width = 1] = shape
  return {
    shape: [width, height],
    values: values.map((_, at) => values[(at % height) * width + Math.floor(at / height)] as number),
  }
}

export function randomMatrix(seed: number, height: number, width: number, size = 1): Tensor {
  return { shape: [height, width], values: normals(seed, height * width).map(value => value * size) }
}

/** By Gram and Schmidt. */
export function rotation(seed: number, n: number): Tensor {
  const { values } = randomMatrix(seed, n, n)
  for (let row = 0; row < n; row++) {
    const mine = values.subarray(row * n, (row + 1) * n)
    for (let turn = 0; turn < 2; turn++)
      for (let other = 0; other < row; other++) {
        const theirs = values.subarray(other * n, (other + 1) * n)
        const dot = mine.reduce((sum, value, at) => sum + value * (theirs[at] as number), 0)
        for (let at = 0; at < n; at++) mine[at] = (mine[at] as number) - dot * (theirs[at] as number)
      }
    const length = Math.hypot(...mine)
    for (let at = 0; at < n; at++) mine[at] = (mine[at] as number) / length
  }
  return { shape: [n, n], values }
}
