import { describe, expect, it } from 'vitest'
import { makeSketch } from '../sketches/index.ts'
import { makeModel, safetensorsOf, trained, type Weights } from '../sketches/model-for-test.suite.ts'
import { folderOf } from '../weights/folder-for-test.suite.ts'
import { openModel } from '../weights/index.ts'
import { isFixedBasis } from './fixed-basis.ts'
import type { Member } from './member.ts'
import { place } from './place.ts'

type Tensor = Weights extends ReadonlyMap<string, infer Value> ? Value : never

async function memberOf(id: string, weights: Weights): Promise<Member> {
  const model = await openModel(folderOf({ 'model.safetensors': safetensorsOf(weights) }))
  return { id, sketch: await makeSketch(model!), declared: [] }
}

/** As an exporter does that knows no names: in reverse, and matrices turned. */
function nameless(weights: Weights): Weights {
  return new Map([...weights.values()].toReversed().map((tensor, at) => [`val_${at}`, turned(tensor)]))
}

function turned({ shape, values }: Tensor): Tensor {
  const [rows = 1, columns = 1] = shape
  if (shape.length < 2) return { shape, values }
  return {
    shape: [columns, rows],
    values: values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)]!),
  }
}

function fourier(length: number, value: (angle: number) => number): Tensor {
  const at = (row: number, column: number) =>
    value((2 * Math.PI * row * column) / length) * Math.sin((Math.PI * column) / length) ** 2
  return {
    shape: [length, length],
    values: Float32Array.from({ length: length ** 2 }, (_, n) => at(Math.floor(n / length), n % length)),
  }
}

const base = makeModel(1)
const placed = async (child: Weights, ...others: Weights[]) =>
  place(await memberOf('child', child), {
    candidates: await Promise.all(others.map((weights, at) => memberOf(`${at}`, weights))),
    edgesOf: () => [],
  })

describe('tensors whose names tell nothing', () => {
  it('are found by their values, whatever their order and orientation', async () => {
    const { edges } = await placed(nameless(base), makeModel(2), base)
    expect(edges).toMatchObject([{ parent: '1', relation: 'copy' }])
    expect(edges[0]!.evidence).toMatchObject({ disagree: 0 })
  })

  it('are found after training, between two models without names too', async () => {
    const child = trained(base, 3)
    for (const parent of [base, nameless(base)]) {
      const { edges } = await placed(nameless(child), nameless(makeModel(2)), parent)
      expect(edges).toMatchObject([{ parent: '1', relation: 'finetune' }])
    }
  })

  it('make no relatives of models that were trained apart', async () => {
    const strangers = Array.from({ length: 20 }, (_, at) => nameless(makeModel(100 + at)))
    const { edges, related } = await placed(nameless(base), ...strangers)
    expect({ edges, related }).toEqual({ edges: [], related: [] })
  })

  it('make no relatives of models that have their largest table in common', async () => {
    const large = makeModel(7, { layers: 1, vocabulary: 8192 })
    const table = large.get('model.embed_tokens.weight')!
    const withTable = (seed: number) => nameless(new Map([...makeModel(seed), ['table', table]]))
    expect(await placed(withTable(8), withTable(9))).toMatchObject({ edges: [], related: [] })
  })

  it('tell nothing where they were computed and not learned', async () => {
    const bases = new Map([Math.cos, Math.sin].map((wave, at) => [`wave_${at}`, fourier(256, wave)]))
    const { sketch } = await memberOf('waves', bases)
    expect(sketch.tensors.map(isFixedBasis)).toEqual([true, true])
    const learned = await memberOf('learned', nameless(makeModel(1, { hidden: 256 })))
    expect(learned.sketch.tensors.filter(isFixedBasis)).toEqual([])
    expect(await placed(bases, bases)).toMatchObject({ related: [] })
  })
})
