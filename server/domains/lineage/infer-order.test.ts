import { describe, expect, it } from 'vitest'
import { makeModel, trained, type Weights } from '../sketches/model-for-test.suite.ts'
import { sketchOf } from '../sketches/source-for-test.suite.ts'
import { inferOrder } from './infer-order.ts'
import { combined, rounded, stacked } from './weights-for-test.suite.ts'

interface Given {
  readonly weights: Weights
  readonly dtype?: string
  readonly quantized?: boolean
  readonly declared?: string[]
}

async function orderOf(hub: Readonly<Record<string, Given>>): Promise<string[]> {
  const members = []
  for (const [id, { weights, dtype = 'F32', quantized = false, declared = [] }] of Object.entries(hub))
    members.push({ id, sketch: await sketchOf(weights, { dtype, quantized }), declared })
  return inferOrder(members).map(({ id }) => id)
}

const base = makeModel(1)
const [one, two] = [trained(base, 2, 0.2), trained(base, 3, 0.2)]

describe('inferOrder', () => {
  it('puts what shows its direction after what it is made of', async () => {
    const order = await orderOf({
      merged: { weights: combined([one, two], (a, b) => (a + b) / 2) },
      cut: { weights: stacked([0, 1, 3].map(layer => [base, layer] as const)) },
      quantized: { weights: rounded(two, 'BF16'), dtype: 'Q8_0', quantized: true },
      ...{ two: { weights: two }, one: { weights: one }, base: { weights: base } },
    })
    const at = (id: string) => order.indexOf(id)
    expect(order).toHaveLength(6)
    expect(at('merged')).toBeGreaterThan(Math.max(at('one'), at('two')))
    expect(at('cut')).toBeGreaterThan(at('base'))
    expect(at('quantized')).toBeGreaterThan(at('two'))
  })

  it('begins with the one that the others name', async () => {
    const order = await orderOf({
      two: { weights: two, declared: ['base'] },
      one: { weights: one, declared: ['base'] },
      base: { weights: base },
    })
    expect(order[0]).toBe('base')
  })

  it('believes no card that names a stranger', async () => {
    const stranger = makeModel(50)
    const child = trained(one, 4, 0.05)
    const order = await orderOf({
      ...{
        stranger: { weights: stranger, declared: ['base'] },
        base: { weights: base, declared: ['stranger'] },
      },
      ...{ child: { weights: child, declared: ['one'] }, one: { weights: one, declared: ['base'] } },
    })
    expect(order.filter(id => id !== 'stranger')).toEqual(['base', 'one', 'child'])
  })

  it('ends, whoever names whom in a circle', async () => {
    const order = await orderOf({
      one: { weights: one, declared: ['two'] },
      two: { weights: two, declared: ['one'] },
    })
    expect(order.toSorted()).toEqual(['one', 'two'])
  })
})
