import { describe, expect, it } from 'vitest'
import { makeModel, trained, type Weights } from '../sketches/model-for-test.suite.ts'
import { sketchOf } from '../sketches/source-for-test.suite.ts'
import { findSlices } from './slices.ts'
import { rounded, stacked } from './weights-for-test.suite.ts'

const base = makeModel(1)
const [one, two] = [trained(base, 2), trained(base, 3)]

async function slicesOf(child: Weights, among: Readonly<Record<string, Weights>>, dtype = 'F32') {
  const sources = []
  for (const [candidate, weights] of Object.entries(among))
    sources.push({ candidate, sketch: await sketchOf(weights) })
  return findSlices(await sketchOf(child, { dtype }), sources)
}

describe('findSlices', () => {
  const layers = [
    [one, 0],
    [one, 1],
    [two, 1],
    [two, 2],
    [two, 3],
  ] as const

  it('names those whose layers a model has, and no more', async () => {
    expect(await slicesOf(stacked(layers), { base, one, two })).toEqual({
      ...{ sources: ['one', 'two'], repeats: false },
    })
  })

  it('knows layers that were rounded', async () => {
    const child = rounded(stacked(layers), 'BF16')
    expect((await slicesOf(child, { base, one, two }, 'BF16'))?.sources.toSorted()).toEqual(['one', 'two'])
  })

  it('sees that a layer comes twice', async () => {
    const twice = stacked([0, 1, 1, 2, 3].map(layer => [one, layer] as const))
    expect(await slicesOf(twice, { base, one })).toEqual({ sources: ['one'], repeats: true })
  })

  it('prefers who is given first among those that have the same', async () => {
    expect((await slicesOf(one, { again: one, one }))?.sources).toEqual(['again'])
  })

  it('says nothing where one layer is nobody’s', async () => {
    expect(await slicesOf(stacked(layers), { base, one })).toBeUndefined()
    expect(await slicesOf(stacked([[one, 0]]), { one })).toBeUndefined()
  })
})
