import { describe, expect, it } from 'vitest'
import { makeModel } from '../sketches/model-for-test.suite.ts'
import { sketchOf } from '../sketches/source-for-test.suite.ts'
import { shapeOf, sizePenalty, structureOf } from './structure.ts'

const parent = { layers: 4, hidden: 64, vocabulary: 256, ffn: 128, attention: 64 }

describe('shapeOf', () => {
  it('reads sizes from the tensors, not from a configuration', async () => {
    expect(shapeOf(await sketchOf(makeModel(1)))).toEqual(parent)
    expect(shapeOf(await sketchOf(new Map()))).toEqual({
      ...{ layers: 0, hidden: 0, vocabulary: 0, ffn: 0, attention: 0 },
    })
  })
})

describe('structureOf', () => {
  it.each([
    [{}, 'same'],
    [{ layers: 3 }, 'fewer-layers'],
    [{ layers: 3, ffn: 96 }, 'fewer-layers'],
    [{ layers: 6 }, 'more-layers'],
    [{ ffn: 96 }, 'narrower'],
    [{ attention: 48 }, 'narrower'],
    [{ ffn: 200 }, 'other'],
    [{ vocabulary: 260 }, 'other-vocabulary'],
    [{ hidden: 32, layers: 2 }, 'other'],
  ])('calls %j %s', (changed, structure) => {
    expect(structureOf({ ...parent, ...changed }, parent)).toBe(structure)
  })

  it('makes a distance count more for each size that differs', () => {
    expect(sizePenalty(parent, parent)).toBe(1)
    expect(sizePenalty({ ...parent, ffn: 96 }, parent)).toBe(2)
    expect(sizePenalty({ ...parent, ffn: 96, layers: 3 }, parent)).toBe(4)
    expect(sizePenalty({ ...parent, vocabulary: 1 }, parent)).toBe(1.4)
  })
})
