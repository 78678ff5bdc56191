import { describe, expect, it } from 'vitest'
import { makeModel, trained, type Weights } from '../sketches/model-for-test.suite.ts'
import { sketchOf } from '../sketches/source-for-test.suite.ts'
import { changeOf } from './changed.ts'
import { compare, median, onlySharesInitialisation, screen } from './compare.ts'
import { invariantDistance } from './disguise.ts'
import { exactnessOf } from './exact.ts'
import {
  combined,
  isMatrix,
  mapped,
  product,
  randomMatrix,
  rotated,
  rounded,
  stacked,
} from './weights-for-test.suite.ts'

const base = makeModel(1)
const child = trained(base, 2)
const stranger = makeModel(50)
const comparison = async (a: Weights, b: Weights, dtype = 'F32') =>
  compare(await sketchOf(a, { dtype }), await sketchOf(b))

describe('compare', () => {
  it('measures the distance that there is', async () => {
    const moved = combined([base, stranger], (b, s) => b + 0.1 * s)
    // Values of both are as large: a tenth.
    expect((await comparison(moved, base)).distance).toBeCloseTo(0.1, 2)
    expect((await comparison(base, base)).distance).toBe(0)
  })

  it('tells relatives from strangers of the same shape', async () => {
    const [near, far] = [await comparison(child, base), await comparison(stranger, base)]
    expect(near).toMatchObject({ likeLayers: 1 })
    expect(near.rho).toBeGreaterThan(0.95)
    expect(near.gram).toBeGreaterThan(0.9)
    expect(far).toMatchObject({ likeLayers: 0, equal: 0 })
    expect(Math.abs(far.gram ?? 0)).toBeLessThan(0.2)
  })

  it('finds the layer that each layer was', async () => {
    const slices = [2, 0, 3, 3].map(layer => [base, layer] as const)
    const { layerMap } = screen(await sketchOf(stacked(slices)), await sketchOf(base))
    expect(layerMap).toEqual([2, 0, 3, 3])
  })

  it('has something to say of a model without layers', async () => {
    const none = await sketchOf(new Map())
    expect(compare(none, none)).toMatchObject({ rho: 0, likeLayers: 0, equal: 0, tensors: [] })
  })
})

describe('onlySharesInitialisation', () => {
  it('looks at norms, which training moves and an initialisation leaves at 1', async () => {
    const mixed = (a: Weights, b: Weights) =>
      new Map([...a].map(([name, tensor]) => [name, isMatrix(tensor) ? tensor : b.get(name)!]))
    const far = trained(base, 3, 0.6)
    expect(onlySharesInitialisation(await comparison(far, base))).toBe(false)
    expect(onlySharesInitialisation(await comparison(mixed(far, stranger), base))).toBe(true)
  })
})

describe('exactnessOf', () => {
  it('counts values that are the same after rounding to the type of the child', async () => {
    expect(base.size).toBe(38)
    const same = exactnessOf(await comparison(rounded(base, 'BF16'), base, 'BF16'))
    expect(same).toEqual({ share: 1, unrounded: false, whole: true, sameTypes: false })
    const other = exactnessOf(await comparison(rounded(base, 'BF16'), base, 'F16'))
    expect(other.share).toBeLessThan(0.5)
  })

  it('is not whole where a tensor is missing', async () => {
    const less = new Map([...base].slice(1))
    expect(exactnessOf(await comparison(base, less)).whole).toBe(false)
  })
})

describe('changeOf', () => {
  const updated = (rank: number, of = base) =>
    mapped(of, (tensor, name) => {
      if (!name.includes('q_proj')) return tensor
      const update = product(randomMatrix(90, 64, rank, 0.02), randomMatrix(91, rank, 64, 0.1)).values
      return { ...tensor, values: tensor.values.map((v, at) => v + (update[at] as number)) }
    })

  it.each([1, 4, 16])('sees the rank %i of an update, rounded to BF16 or not', async rank => {
    expect(changeOf(await comparison(updated(rank), base)).rank).toBe(rank / 64)
    // As adapters are merged: into what is stored, which is rounded once more.
    const stored = rounded(base, 'BF16')
    const coarse = changeOf(await comparison(rounded(updated(rank, stored), 'BF16'), stored, 'BF16'))
    expect(coarse.rank).toBeLessThanOrEqual(rank / 64)
    expect(coarse.rank).toBeGreaterThanOrEqual((rank / 64) * 0.5)
  })

  it('sees what was left as it was', async () => {
    expect(changeOf(await comparison(updated(2), base))).toMatchObject({
      ...{ vectorsKept: 1, outerKept: 1, matricesKept: 24 / 28 },
    })
    expect(changeOf(await comparison(child, base))).toMatchObject({
      ...{ vectorsKept: 0, outerKept: 0, matricesKept: 0, rank: 1 },
    })
  })
})

describe('invariantDistance', () => {
  it('is 0 whatever way the same function is written, and 1 for another', async () => {
    const [a, turned, other] = await Promise.all([base, rotated(base, 7), stranger].map(w => sketchOf(w)))
    expect(invariantDistance(a!, turned!)).toBeLessThan(1e-3)
    expect(invariantDistance(a!, other!)).toBeGreaterThan(0.9)
    expect(invariantDistance(a!, { ...a!, gram: undefined })).toBeUndefined()
  })
})

describe('median', () => {
  it.each([
    [[], 0],
    [[3], 3],
    [[4, 1], 2.5],
    [[9, 1, 5], 5],
  ])('of %j is %d', (values, middle) => {
    expect(median(values)).toBe(middle)
  })
})
