import { describe, expect, it } from 'vitest'
import { makeModel, trained, type Weights } from '../sketches/model-for-test.suite.ts'
import { sketchOf } from '../sketches/source-for-test.suite.ts'
import { findMix, flatten, roundingNoise } from './merges.ts'
import { findTaskMerge } from './task-vectors.ts'
import { combined, mapped, normals, rounded } from './weights-for-test.suite.ts'

const base = makeModel(1)
const [one, two, three, four] = [2, 3, 4, 5].map(seed => trained(base, seed, 0.2)) as [
  Weights,
  Weights,
  Weights,
  Weights,
]

async function flatsOf(child: Weights, candidates: readonly Weights[], dtype: string) {
  const sketch = await sketchOf(child, { dtype })
  const flat = flatten(sketch, sketch)
  const others = await Promise.all(candidates.map(async other => flatten(await sketchOf(other), sketch)))
  if (!flat || others.some(other => !other)) throw new Error('shapes are others')
  return { flat, noise: roundingNoise(sketch, flat), others: others.flatMap(other => other ?? []) }
}

async function mixOf(child: Weights, candidates: readonly Weights[], dtype = 'F32', declared: number[] = []) {
  const { flat, noise, others } = await flatsOf(child, candidates, dtype)
  return findMix(flat, others, noise, place => declared.includes(place))
}

async function taskOf(child: Weights, candidates: readonly Weights[], declared: number[] = []) {
  const { flat, others } = await flatsOf(child, candidates, 'F32')
  return findTaskMerge(flat, 'F32', others, place => declared.includes(place))
}

describe('findMix', () => {
  it.each([
    [0.5, 'F32'],
    [0.8, 'F32'],
    [0.5, 'BF16'],
    [0.8, 'F16'],
  ])('gives back the weight %d of a mean in %s', async (weight, dtype) => {
    const mean = rounded(
      combined([one, two], (a, b) => weight * a + (1 - weight) * b),
      dtype,
    )
    const mix = await mixOf(mean, [base, one, two, three], dtype)
    const found = new Map(mix?.members.map((place, at) => [place, mix.weights[at] as number]))
    expect(mix?.kind).toBe('linear')
    expect([...found.keys()].toSorted()).toEqual([1, 2])
    expect(found.get(1)).toBeCloseTo(weight, 2)
    expect(found.get(2)).toBeCloseTo(1 - weight, 2)
  })

  it('gives back the weights of a mean of four', async () => {
    const mean = combined([one, two, three, four], (a, b, c, d) => 0.4 * a + 0.3 * b + 0.2 * c + 0.1 * d)
    const mix = await mixOf(mean, [one, two, three, four])
    const found = mix?.members.map((place, at) => [place, mix.weights[at]?.toFixed(2)]).sort()
    expect(found).toEqual([
      [0, '0.40'],
      [1, '0.30'],
      [2, '0.20'],
      [3, '0.10'],
    ])
  })

  it('takes no child, no copy and no stranger for a mean', async () => {
    expect(await mixOf(trained(one, 9), [base, one, two, three])).toBeUndefined()
    expect(await mixOf(one, [base, one, two, three])).toBeUndefined()
    expect(await mixOf(makeModel(50), [base, one, two, three])).toBeUndefined()
    expect(await mixOf(one, [base])).toBeUndefined()
  })

  it('believes the card where several pairs lie on one line', async () => {
    // base, a quarter, and a half of the way to `one`; the child is in the middle of the line.
    const along = (share: number) => combined([base, one], (b, o) => b + share * (o - b))
    const candidates = [base, along(0.25), along(0.75), one]
    const mix = await mixOf(along(0.5), candidates, 'F32', [1, 2])
    expect(mix?.members.toSorted()).toEqual([1, 2])
  })

  it('compares only models of one shape', async () => {
    const wide = await sketchOf(makeModel(1, { ffn: 96 }))
    expect(flatten(wide, await sketchOf(base))).toBeUndefined()
  })
})

describe('findTaskMerge', () => {
  let seed = 900
  const dropped = (model: Weights, keep: 'largest' | 'any') =>
    mapped(
      combined([model, base], (v, b) => v - b),
      ({ shape, values }) => {
        const order = keep === 'largest' ? values.map(Math.abs) : normals(seed++, values.length)
        const middle = order.toSorted()[values.length >> 1] as number
        const scale = keep === 'largest' ? 1 : 2
        return { shape, values: values.map((v, at) => ((order[at] as number) < middle ? 0 : v * scale)) }
      },
    )
  const sum = (keep: 'largest' | 'any') =>
    combined([base, dropped(one, keep), dropped(two, keep)], (b, d, e) => b + 0.6 * d + 0.4 * e)

  it.each([
    ['ties', 'largest'],
    ['dare', 'any'],
  ] as const)('finds base and members of %s, which keeps %s changes', async (kind, keep) => {
    const task = await taskOf(sum(keep), [three, base, one, two])
    expect(task).toMatchObject({ kind, base: 1 })
    expect(task?.members.toSorted()).toEqual([2, 3])
  })

  it('believes the card that names the members', async () => {
    const task = await taskOf(sum('any'), [three, base, one, two], [2, 3])
    expect(task?.members.toSorted()).toEqual([2, 3])
  })

  it('finds nothing in a child of one parent, nor without the base', async () => {
    expect(await taskOf(trained(one, 9), [base, one, two])).toBeUndefined()
    expect(await taskOf(sum('any'), [one, two, three])).toBeUndefined()
  })
})
