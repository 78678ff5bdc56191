import { describe, expect, it } from 'vitest'
import { makeModel, trained, type Weights } from '../sketches/model-for-test.suite.ts'
import { sketchOf } from '../sketches/source-for-test.suite.ts'
import { compare } from './compare.ts'
import { isSibling } from './sibling.ts'
import { combined } from './weights-for-test.suite.ts'

const grandparent = makeModel(1, { layers: 2 })
const parent = trained(grandparent, 2)

async function siblingOf(child: Weights): Promise<boolean> {
  const [c, p, g] = await Promise.all([child, parent, grandparent].map(weights => sketchOf(weights)))
  return isSibling(compare(c!, p!), compare(c!, g!), compare(p!, g!))
}

describe('isSibling', () => {
  it('is not for who goes on from the parent, little or far', async () => {
    for (const step of [0.01, 0.05, 0.3]) expect(await siblingOf(trained(parent, 3, step))).toBe(false)
  })

  it('is for who went from the grandparent another way', async () => {
    for (const step of [0.02, 0.05]) expect(await siblingOf(trained(grandparent, 3, step))).toBe(true)
  })

  it('is for who stopped half of the way and turned', async () => {
    const half = combined([grandparent, parent], (g, p) => (g + p) / 2)
    expect(await siblingOf(trained(half, 3, 0.02))).toBe(true)
  })

  it('is not for the parent itself', async () => {
    expect(await siblingOf(parent)).toBe(false)
  })
})
