import { beforeAll, describe, expect, it } from 'vitest'
import { familySize, syntheticModel, syntheticSketch } from '../../../bench/kit/synthetic-sketches.ts'
import type { Sketch } from '../sketches/index.ts'
import { codeOf, decodeCode, encodeCode } from './candidate-code.ts'
import { CandidateIndex } from './candidates.ts'
import { compare } from './compare.ts'

const count = 1500
const contentOf = (number: number) => number.toString(16).padStart(12, '0')
const whole = (number: number) => syntheticSketch(syntheticModel(number), true)
const indexed = (number: number, sketch: Sketch, content = number) => ({
  ...{ id: `model-${number}`, content: contentOf(content), order: number },
  code: decodeCode(encodeCode(codeOf(sketch))),
})

let index: CandidateIndex
beforeAll(() => {
  index = new CandidateIndex()
  for (let number = 0; number < count; number++)
    index.set(indexed(number, syntheticSketch(syntheticModel(number), false)))
})

const find = (sketch: Sketch, before?: { order: number; id: string }) =>
  index.find({ code: codeOf(sketch), gram: sketch.gram, ...(before && { before }) })

/** One more of the family of a model. */
const sibling = (number: number, seed: number) =>
  syntheticSketch({ ...syntheticModel(seed), family: syntheticModel(number).family }, true)

describe('the candidate index', () => {
  it('finds nearly all that an exact comparison calls related, among few others', async () => {
    let [related, found, all] = [0, 0, 0]
    for (let question = 0; question < 40; question++) {
      const number = (question * 37) % count
      const sketch = sibling(number, 1_000_000 + question)
      const ids = new Set(await find(sketch))
      all += ids.size
      const first = number - (number % familySize)
      for (let at = first; at < first + familySize; at++) {
        const { likeLayers, gram = 0 } = compare(sketch, whole(at))
        if (likeLayers < 0.5 && gram < 0.6) continue
        related++
        if (ids.has(`model-${at}`)) found++
      }
    }
    expect(related).toBeGreaterThan(100)
    expect(found / related).toBeGreaterThanOrEqual(0.99)
    expect(all / 40).toBeLessThan(120)
  }, 60_000)

  it('finds the parent of one that has lost layers, at either end or within', async () => {
    const parent = whole(500)
    for (const lost of [0, 3, 7]) {
      const tensors = parent.tensors
        .filter(({ layer }) => layer !== lost)
        .map(tensor => ({ ...tensor, layer: tensor.layer > lost ? tensor.layer - 1 : tensor.layer }))
      // Without embeddings, which would tell as well.
      const pruned = { ...parent, tensors: tensors.filter(({ role }) => role !== 'embed'), gram: undefined }
      expect((await find(pruned))[0]).toBe('model-500')
    }
  })

  it('looks at what came before alone, at one of all copies, and at nothing that is gone', async () => {
    const sketch = whole(700)
    expect((await find(sketch))[0]).toBe('model-700')
    expect(await find(sketch, { order: 700, id: 'model-700' })).not.toContain('model-700')
    index.set(indexed(2000, sketch, 700))
    expect((await find(sketch)).filter(id => id === 'model-700' || id === 'model-2000')).toEqual([
      'model-700',
    ])
    index.delete('model-700')
    expect((await find(sketch))[0]).toBe('model-2000')
    index.set(indexed(700, sketch))
    index.delete('model-2000')
    expect((await find(sketch))[0]).toBe('model-700')
    expect(index.size).toBe(count)
  })
})
