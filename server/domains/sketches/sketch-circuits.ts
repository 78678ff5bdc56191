import type { CanonicalModel, CanonicalTensor } from './canonical-model.ts'
import { sampleAxis } from './sample-axis.ts'
import { type Circuit, type CircuitKind, depthOf } from './sketch.ts'
import { gramOf, type TokenRows } from './sketch-gram.ts'

const size = 32
const layerCount = 4
/** Values of a model that are read for this: all that is wanted of a small one, of others so many that rows of the rest take longer. */
const fewestValues = 16_000_000
const mostValues = 80_000_000
const shareOfValues = 1 / 32

/** Of as many of the chosen layers as the budget allows, attention before MLP. */
export async function sketchCircuits(model: CanonicalModel, { rows, hidden }: TokenRows): Promise<Circuit[]> {
  const tokens = unitRows(rows, hidden)
  const byPlace = new Map(model.tensors.map(tensor => [`${tensor.layer}/${tensor.role}`, tensor]))
  const values = model.tensors.reduce((sum, { rows, columns }) => sum + rows * columns, 0)
  let budget = Math.min(Math.max(fewestValues, values * shareOfValues), mostValues)
  const circuits: Circuit[] = []
  for (const layer of sampleAxis(depthOf(model.tensors), layerCount)) {
    const at = (role: string) => byPlace.get(`${layer}/${role}`)
    for (const half of [attention, mlp]) {
      const parts = half.parts.flatMap(role => at(role) ?? [])
      const cost = parts.reduce((sum, tensor) => sum + tensor.rows * tensor.columns, 0)
      if (cost > budget) continue
      budget -= cost
      const gained = await withGain(tokens, hidden, at(half.norm))
      for (const { kind, products } of await half.run(model, at, tokens, gained, hidden))
        circuits.push({ kind, layer, size: Math.min(size, tokens.length / hidden), products })
    }
  }
  return circuits
}

interface Made {
  readonly kind: CircuitKind
  readonly products: Float32Array
}
type At = (role: string) => CanonicalTensor | undefined

const attention = {
  parts: ['q', 'k', 'v', 'o'],
  norm: 'attn_norm',
  async run({ heads, kvHeads }: CanonicalModel, at: At, x: Float32Array, y: Float32Array, hidden: number) {
    const [q, k, v, o] = [at('q'), at('k'), at('v'), at('o')]
    const made: Made[] = []
    if (heads === 0 || kvHeads === 0 || heads % kvHeads !== 0) return made
    if (fits(q, hidden) && fits(k, hidden) && q.rows % heads === 0 && q.rows / heads === k.rows / kvHeads) {
      const keys = repeatHeads(await apply(k, y, hidden), heads / kvHeads, k.rows / kvHeads)
      made.push({ kind: 'qk', products: dots(await apply(q, y, hidden), keys, q.rows) })
    }
    if (
      fits(v, hidden) &&
      o?.rows === hidden &&
      o.columns % heads === 0 &&
      o.columns / heads === v.rows / kvHeads
    ) {
      const mixed = repeatHeads(await apply(v, y, hidden), heads / kvHeads, v.rows / kvHeads)
      made.push({ kind: 'ov', products: dots(x, await apply(o, mixed, o.columns), hidden) })
    }
    return made
  },
}

const mlp = {
  parts: ['gate', 'up', 'down'],
  norm: 'mlp_norm',
  async run(_: CanonicalModel, at: At, x: Float32Array, y: Float32Array, hidden: number) {
    const [gate, up, down] = [at('gate') ?? at('up'), at('up'), at('down')]
    const made: Made[] = []
    if (fits(gate, hidden))
      made.push({ kind: 'gate', products: gramOf(await apply(gate, y, hidden), gate.rows) })
    if (fits(up, hidden) && down?.rows === hidden && down.columns === up.rows)
      made.push({
        kind: 'mlp',
        products: dots(x, await apply(down, await apply(up, y, hidden), up.rows), hidden),
      })
    return made
  },
}

function fits(tensor: CanonicalTensor | undefined, hidden: number): tensor is CanonicalTensor {
  return tensor?.columns === hidden
}

function unitRows(rows: Float32Array, hidden: number): Float32Array {
  const units = Float32Array.from(rows.subarray(0, size * hidden))
  for (let start = 0; start < units.length; start += hidden) {
    const row = units.subarray(start, start + hidden)
    const norm = Math.hypot(...row) || 1
    for (let at = 0; at < hidden; at++) row[at] = (row[at] as number) / norm
  }
  return units
}

async function withGain(tokens: Float32Array, hidden: number, norm: CanonicalTensor | undefined) {
  if (norm?.rows !== hidden) return tokens
  const gain = await norm.values(sequence(hidden), [0])
  return tokens.map((value, at) => value * (gain[at % hidden] as number))
}

/** Each row of `inputs` through the matrix: tokens × rows of the matrix. */
async function apply(matrix: CanonicalTensor, inputs: Float32Array, width: number): Promise<Float32Array> {
  const count = inputs.length / width
  const outputs = new Float32Array(count * matrix.rows)
  const atOnce = Math.max(1, Math.floor(blockValues / width))
  for (let first = 0; first < matrix.rows; first += atOnce) {
    const rows = Math.min(atOnce, matrix.rows - first)
    const block = await matrix.values(sequence(rows).map(row => row + first))
    for (let row = 0; row < rows; row++)
      multiply(block.subarray(row * width, (row + 1) * width), inputs, outputs, first + row, matrix.rows)
  }
  return outputs
}

/** `outputs[token * stride + at]` is the product of `row` and a token's inputs. Four tokens at a time: a sum waits for itself. */
function multiply(
  row: Float32Array,
  inputs: Float32Array,
  outputs: Float32Array,
  at: number,
  stride: number,
) {
  const width = row.length
  const count = inputs.length / width
  let token = 0
  for (; token + 4 <= count; token += 4) {
    const a = token * width
    const b = a + width
    const c = b + width
    const d = c + width
    let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0]
    for (let column = 0; column < width; column++) {
      const value = row[column]!
      sumA += value * inputs[a + column]!
      sumB += value * inputs[b + column]!
      sumC += value * inputs[c + column]!
      sumD += value * inputs[d + column]!
    }
    outputs[token * stride + at] = sumA
    outputs[(token + 1) * stride + at] = sumB
    outputs[(token + 2) * stride + at] = sumC
    outputs[(token + 3) * stride + at] = sumD
  }
  for (; token < count; token++) {
    let sum = 0
    for (let column = 0; column < width; column++) sum += row[column]! * inputs[token * width + column]!
    outputs[token * stride + at] = sum
  }
}

const blockValues = 1_000_000

/** Heads that share keys or values see the same ones: each head of `headWidth` values `times` over. */
function repeatHeads(values: Float32Array, times: number, headWidth: number): Float32Array {
  if (times === 1) return values
  const repeated = new Float32Array(values.length * times)
  for (let from = 0, to = 0; from < values.length; from += headWidth) {
    const head = values.subarray(from, from + headWidth)
    for (let time = 0; time < times; time++, to += headWidth) repeated.set(head, to)
  }
  return repeated
}

function dots(a: Float32Array, b: Float32Array, width: number): Float32Array {
  const count = a.length / width
  const products = new Float32Array(count * count)
  for (let x = 0; x < count; x++) {
    for (let y = 0; y < count; y++) {
      let sum = 0
      for (let at = 0; at < width; at++) sum += (a[x * width + at] as number) * (b[y * width + at] as number)
      products[x * count + y] = sum
    }
  }
  return products
}

function sequence(length: number): number[] {
  return Array.from({ length }, (_, index) => index)
}
