import {
  type CanonicalModel,
  type CanonicalTensor,
  canonicalModel,
  type ModelSource,
} from './canonical-model.ts'
import { sampleAxis } from './sample-axis.ts'
import { type Sketch, sketchVersion, type TensorSketch } from './sketch.ts'
import { sketchCircuits } from './sketch-circuits.ts'
import { sketchGram, type TokenRows } from './sketch-gram.ts'

export interface Sketchable extends ModelSource {
  readonly tokens?: readonly string[] | undefined
  readonly tokenizerHash?: string | undefined
}

/** Reads the sampled rows of each tensor, the whole rows of some tokens, and, of small models, some layers. */
export async function makeSketch(source: Sketchable): Promise<Sketch> {
  const model = canonicalModel(source)
  const tensors: TensorSketch[] = []
  const fine = finelySampled(model)
  for (const tensor of model.tensors) tensors.push(await sketchTensor(tensor, fine.has(tensor)))
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

/** Rows and columns of a matrix, values of a vector. */
const coarse = { side: 32, vector: 128 }
/** Where the rank of a difference is looked at: 64 and some more. */
const fineSide = 80
const fineLayers = 4
/** More tensors than this are sampled at half the side. */
const manyTensors = 600

async function sketchTensor(tensor: CanonicalTensor, isFine: boolean): Promise<TensorSketch> {
  const { role, layer, rows, columns, dtype, quantized } = tensor
  const side = isFine ? fineSide : coarse.side
  const [height, width] =
    columns === 1 ? [Math.min(rows, coarse.vector), 1] : [Math.min(rows, side), Math.min(columns, side)]
  const values = await tensor.values(sampleAxis(rows, height), sampleAxis(columns, width))
  return { role, layer, rows, columns, dtype, quantized, height, width, values }
}

/** The matrices of a few layers, the same ones in all models of one depth. */
function finelySampled({ tensors }: CanonicalModel): Set<CanonicalTensor> {
  const layers = 1 + Math.max(-1, ...tensors.map(({ layer }) => layer))
  const chosen = new Set(sampleAxis(layers, fineLayers).slice(0, fineLayers))
  if (tensors.length > manyTensors) return new Set()
  return new Set(tensors.filter(({ layer, columns }) => columns > 1 && chosen.has(layer)))
}
