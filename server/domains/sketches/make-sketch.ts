import { LimitExceeded } from '../../kernel/errors.ts'
import {
  type CanonicalModel,
  type CanonicalTensor,
  canonicalModel,
  type ModelSource,
} from './canonical-model.ts'
import { sampleAxis } from './sample-axis.ts'
import { depthOf, type Sketch, sketchVersion, type TensorSketch } from './sketch.ts'
import { sketchCircuits } from './sketch-circuits.ts'
import { sketchGram, type TokenRows } from './sketch-gram.ts'

export interface Sketchable extends ModelSource {
  readonly tokens?: readonly string[] | undefined
  readonly tokenizerHash?: string | undefined
}

/** Reads the sampled rows of each tensor, the whole rows of some tokens, and, of small models, some layers. Throws LimitExceeded. */
export async function makeSketch(source: Sketchable): Promise<Sketch> {
  const found = source.tensors.length
  if (found > tensorLimit) throw new LimitExceeded('a model that is sketched', tensorLimit, 'tensors', found)
  const model = finite(canonicalModel(source))
  const tensors: TensorSketch[] = []
  const fine = finelySampled(model)
  const side = Math.min(coarseSide, Math.floor(Math.sqrt(valueLimit / model.tensors.length)))
  for (const tensor of model.tensors)
    tensors.push(await sketchTensor(tensor, fine.has(tensor) ? fineSide : side))
  const tokenRows = await sketchGram(model, source.tokens)
  return {
    version: sketchVersion,
    format: source.format,
    parameters: model.tensors.reduce((sum, { rows, columns }) => sum + rows * columns, 0),
    heads: model.heads,
    kvHeads: model.kvHeads,
    tokenizerHash: source.tokenizerHash,
    tensors,
    gram: tokenRows?.gram,
    circuits: tokenRows ? await circuitsOf(model, tokenRows) : [],
  }
}

function circuitsOf(model: CanonicalModel, tokenRows: TokenRows) {
  return sketchCircuits(model, tokenRows)
}

/** Models of many experts have tens of thousands. */
const tensorLimit = 100_000
/** Of all tensors together: 48 MiB, so that the sketch stays below the limit of its codec. */
const valueLimit = 12 * 1024 * 1024
/** Rows and columns of a matrix; less where the tensors are so many that they would go over the limit. */
const coarseSide = 32
const vectorLength = 128
/** Where the rank of a difference is looked at: 64 and some more. */
const fineSide = 80
const fineLayers = 4
/** Where there are more tensors than this, none is sampled finely. */
const manyTensors = 600

async function sketchTensor(tensor: CanonicalTensor, side: number): Promise<TensorSketch> {
  const { role, layer, rows, columns, dtype, quantized } = tensor
  const [height, width] =
    columns === 1
      ? [Math.min(rows, vectorLength, side * side), 1]
      : [Math.min(rows, side), Math.min(columns, side)]
  const values = await tensor.values(sampleAxis(rows, height), sampleAxis(columns, width))
  return { role, layer, rows, columns, dtype, quantized, height, width, values }
}

/** The matrices of a few layers, the same ones in all models of one depth. */
function finelySampled({ tensors }: CanonicalModel): Set<CanonicalTensor> {
  const chosen = new Set(sampleAxis(depthOf(tensors), fineLayers))
  if (tensors.length > manyTensors) return new Set()
  return new Set(tensors.filter(({ layer, columns }) => columns > 1 && chosen.has(layer)))
}

/** A value that is no number, which one bad step of training leaves, is taken for 0: the others tell as much as before. */
function finite(model: CanonicalModel): CanonicalModel {
  const tensors = model.tensors.map(tensor => ({
    ...tensor,
    async values(rows: readonly number[], columns?: readonly number[]) {
      const values = await tensor.values(rows, columns)
      return values.every(Number.isFinite)
        ? values
        : values.map(value => (Number.isFinite(value) ? value : 0))
    },
  }))
  return { ...model, tensors }
}
