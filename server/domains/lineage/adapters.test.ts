import { describe, expect, it } from 'vitest'
import type { Sketch } from '../sketches/index.ts'
import { makeModel, trained, type Weights } from '../sketches/model-for-test.suite.ts'
import { sketchOf } from '../sketches/source-for-test.suite.ts'
import { fitAdapter, mergedLikeness } from './adapters.ts'
import type { Known, Member } from './member.ts'
import { place } from './place.ts'
import type { Edge } from './relations.ts'
import { isAdapter } from './structure.ts'
import { mapped, product, randomMatrix, transposed } from './weights-for-test.suite.ts'

const rank = 8
const base = makeModel(1)
const [relative, stranger] = [trained(base, 2, 0.3), makeModel(50)]
const adapter = adapterOf(base, 300)

/** As gradients make it: B lies in what the base's columns span, A in what its rows do. */
function adapterOf(weights: Weights, seed: number, kinds = /[qv]_proj/): Weights {
  let next = seed
  return new Map(
    [...weights].flatMap(([name, tensor]) => {
      if (!kinds.test(name)) return []
      const [rows = 0, columns = 0] = tensor.shape
      const at = `base_model.model.${name.replace('.weight', '')}`
      const b = product(tensor, randomMatrix(next++, columns, rank))
      const a = product(transposed(randomMatrix(next++, rows, rank)), tensor)
      return [
        [`${at}.lora_A.weight`, a],
        [`${at}.lora_B.weight`, b],
      ] as const
    }),
  )
}

function merged(into: Weights, added: Weights): Weights {
  return mapped(into, (tensor, name) => {
    const at = `base_model.model.${name.replace('.weight', '')}`
    const [a, b] = [added.get(`${at}.lora_A.weight`), added.get(`${at}.lora_B.weight`)]
    if (!a || !b) return tensor
    const update = product(b, a).values
    return { ...tensor, values: tensor.values.map((value, index) => value + 0.1 * (update[index] as number)) }
  })
}

async function placed(
  weights: Weights,
  hub: Readonly<Record<string, Weights>>,
  declared: string[] = [],
  edges: Readonly<Record<string, Edge>> = {},
) {
  const candidates: Member[] = []
  for (const [id, other] of Object.entries(hub))
    candidates.push({ id, sketch: await sketchOf(other), declared: [] })
  const known: Known = { candidates, edgesOf: id => (edges[id] ? [edges[id]] : []) }
  return place({ id: 'adapter', sketch: await sketchOf(weights), declared }, known)
}

describe('fitAdapter', () => {
  const fitOf = async (a: Weights, b: Weights) => fitAdapter(await sketchOf(a), await sketchOf(b))

  it('finds an adapter more like its base than chance makes it, and no stranger', async () => {
    expect((await fitOf(adapter, base)).likeness).toBeGreaterThan(5)
    const other = await fitOf(adapter, stranger)
    expect(other.fits).toBe(true)
    expect(Math.abs(other.likeness)).toBeLessThan(3.5)
  })

  it('refuses what is of another shape, or of another number of layers', async () => {
    for (const shape of [{ hidden: 96 }, { layers: 3 }, { layers: 5 }])
      expect(await fitOf(adapter, makeModel(1, shape))).toEqual({ fits: false, likeness: 0 })
    const ofMlp = adapterOf(base, 310, /up_proj/)
    expect((await fitOf(ofMlp, base)).fits).toBe(true)
    expect((await fitOf(ofMlp, makeModel(1, { ffn: 96 }))).fits).toBe(false)
  })

  it('takes no model for an adapter', async () => {
    expect(isAdapter(await sketchOf(adapter))).toBe(true)
    expect(isAdapter(await sketchOf(base))).toBe(false)
    expect((await fitOf(base, base)).fits).toBe(false)
  })
})

describe('mergedLikeness', () => {
  const sketches = async (...weights: Weights[]) =>
    (await Promise.all(weights.map(one => sketchOf(one)))) as [Sketch, Sketch, Sketch]

  it('is 1 for the adapter that was merged and about 0 for another', async () => {
    const child = merged(base, adapter)
    expect(mergedLikeness(...(await sketches(adapter, child, base)))).toBeGreaterThan(0.99)
    const other = adapterOf(stranger, 400)
    expect(Math.abs(mergedLikeness(...(await sketches(other, child, base))))).toBeLessThan(0.3)
  })
})

describe('place: adapters', () => {
  it('finds the base, without a card', async () => {
    const { edges } = await placed(adapter, { stranger, base })
    expect(edges).toMatchObject([{ parent: 'base', relation: 'adapter' }])
  })

  it('names no base where none is like it', async () => {
    const { edges, related } = await placed(adapter, { stranger })
    expect({ edges, related }).toEqual({ edges: [], related: [] })
  })

  it('knows a copy', async () => {
    expect((await placed(adapter, { base, again: adapter })).edges).toMatchObject([
      { parent: 'again', relation: 'copy' },
    ])
  })

  it('knows the base by a model that has it merged', async () => {
    const child = merged(base, adapter)
    const evidence = { measures: [], agree: 0, disagree: 0, components: {} }
    const edge: Edge = { parent: 'base', relation: 'lora_merged', score: 1, evidence }
    const { edges } = await placed(adapter, { relative, base, child }, [], { child: edge })
    expect(edges).toMatchObject([{ parent: 'base', evidence: { measures: [{ measure: 'merged-adapter' }] } }])
  })

  it('says of a declared base what can be said', async () => {
    const verdictOn = async (id: string, hub: Readonly<Record<string, Weights>>) =>
      (await placed(adapter, hub, [id])).judgements.get(id)
    expect(await verdictOn('base', { base, stranger })).toMatchObject({ verdict: 'confirmed' })
    expect(await verdictOn('stranger', { base, stranger })).toMatchObject({
      verdict: 'refuted',
      nearest: 'base',
    })
    expect(await verdictOn('stranger', { stranger })).toMatchObject({ verdict: 'unverifiable' })
    expect(await verdictOn('wide', { wide: makeModel(1, { hidden: 96 }) })).toMatchObject({
      ...{ verdict: 'refuted', reason: 'other-shape' },
    })
  })
})
