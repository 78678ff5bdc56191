import { describe, expect, it } from 'vitest'
import { makeModel, trained, type Weights } from '../sketches/model-for-test.suite.ts'
import { sketchOf } from '../sketches/source-for-test.suite.ts'
import type { Known, Member, Placement } from './member.ts'
import { place } from './place.ts'
import type { Edge, Relation } from './relations.ts'
import {
  combined,
  isMatrix,
  mapped,
  normals,
  product,
  randomMatrix,
  rotated,
  rounded,
  scaled,
  scaledAtNorms,
  shuffle,
  stacked,
  takeRows,
  valuesOf,
  withHeadsPermuted,
  withHiddenPermuted,
  withNeurons,
} from './weights-for-test.suite.ts'

const base = makeModel(1)
const [one, two, three] = [trained(base, 2, 0.2), trained(base, 3, 0.2), trained(base, 4, 0.2)]
const stranger = makeModel(50)
const hub = { base, one, two, three, stranger }

interface Given {
  readonly dtype?: string
  readonly declared?: readonly string[]
  readonly among?: Readonly<Record<string, Weights>>
  readonly amongDtype?: string
  readonly edges?: Readonly<Record<string, [string, Relation]>>
}

async function placed(child: Weights, given: Given = {}): Promise<Placement> {
  const { dtype = 'F32', declared = [], among = hub, amongDtype = 'F32', edges = {} } = given
  const candidates: Member[] = []
  for (const [id, weights] of Object.entries(among))
    candidates.push({ id, sketch: await sketchOf(weights, { dtype: amongDtype }), declared: [] })
  const known: Known = {
    candidates,
    edgesOf(id): Edge[] {
      const [parent, relation] = edges[id] ?? []
      const evidence = { measures: [], agree: 0, disagree: 0, components: {} }
      return parent && relation ? [{ parent, relation, score: 1, evidence }] : []
    },
  }
  return place({ id: 'child', sketch: await sketchOf(child, { dtype }), declared }, known)
}

async function parentsOf(child: Weights, given?: Given): Promise<string[]> {
  const { edges } = await placed(child, given)
  return edges.map(({ parent, relation }) => `${relation} of ${parent}`).sort()
}

describe('place: one parent', () => {
  it('takes a model of its own for a root', async () => {
    expect(await placed(makeModel(99))).toMatchObject({ edges: [], related: [] })
  })

  it('knows a copy', async () => {
    expect(await parentsOf(one)).toEqual(['copy of one'])
  })

  it.each(['BF16', 'F16'])('knows a cast to %s, and back', async dtype => {
    const cast = rounded(one, dtype)
    expect(await parentsOf(cast, { dtype })).toEqual(['cast of one'])
    expect(await parentsOf(cast, { among: { base, cast, two }, amongDtype: dtype })).toEqual(['cast of cast'])
  })

  it('knows who was trained further, and on from whom', async () => {
    expect(await parentsOf(trained(base, 9), { among: { base, stranger } })).toEqual(['finetune of base'])
    expect(await parentsOf(trained(one, 9))).toEqual(['finetune of one'])
  })

  it('tells a merged adapter of rank 4 from training of all values', async () => {
    const adapted = mapped(one, (tensor, name) => {
      if (!/[qv]_proj/.test(name)) return tensor
      const seed = 100 + name.length * 7 + Number(/\d/.exec(name)?.[0]) * 13 + (name.includes('q_') ? 1 : 0)
      const update = product(randomMatrix(seed, 64, 4, 0.02), randomMatrix(seed + 500, 4, 64, 0.1))
      return { ...tensor, values: tensor.values.map((v, at) => v + (update.values[at] as number)) }
    })
    const further = trained(one, 9)
    const onlyAttention = mapped(one, (tensor, name) =>
      /[qv]_proj/.test(name) ? { ...tensor, values: valuesOf(further, name) } : tensor,
    )
    expect(await parentsOf(adapted)).toEqual(['lora_merged of one'])
    expect(await parentsOf(rounded(adapted, 'BF16'), { dtype: 'BF16' })).toEqual(['lora_merged of one'])
    expect(await parentsOf(onlyAttention)).toEqual(['finetune of one'])
  })

  it('knows cut layers', async () => {
    expect(await parentsOf(stacked([0, 1, 3].map(layer => [one, layer] as const)))).toEqual([
      'pruned_layers of one',
    ])
  })

  it('knows cut neurons', async () => {
    const kept = (layer: number) =>
      shuffle(300 + layer, 128)
        .slice(0, 96)
        .sort((a, b) => a - b)
    expect(await parentsOf(withNeurons(one, kept))).toEqual(['pruned_width of one'])
  })

  it('knows a vocabulary that has grown', async () => {
    const grown = mapped(one, (tensor, name) => {
      if (!name.includes('embed')) return tensor
      const rows = [...Array(256).keys(), 3, 4, 5, 6]
      return takeRows(tensor, rows)
    })
    expect(await parentsOf(grown)).toEqual(['vocab_resized of one'])
  })

  it('knows the half of the values that is left', async () => {
    const sparse = mapped(one, (tensor, name) => {
      if (!isMatrix(tensor) || name.includes('embed')) return tensor
      const cut = [...tensor.values].map(Math.abs).sort((a, b) => a - b)[tensor.values.length >> 1] as number
      return { ...tensor, values: tensor.values.map(v => (Math.abs(v) < cut ? 0 : v)) }
    })
    expect(await parentsOf(sparse)).toEqual(['sparse of one'])
  })

  it('calls noise by its name', async () => {
    let seed = 700
    const noisy = mapped(one, tensor => {
      const noise = normals(seed++, tensor.values.length)
      return isMatrix(tensor)
        ? { ...tensor, values: tensor.values.map((v, at) => v + 0.02 * 0.1 * (noise[at] as number)) }
        : tensor
    })
    expect(await parentsOf(noisy)).toEqual(['laundered of one'])
  })

  it.each([
    ['neurons permuted', () => withNeurons(one, layer => shuffle(400 + layer, 128))],
    ['heads permuted', () => withHeadsPermuted(one, 410)],
    ['the hidden axis permuted', () => withHiddenPermuted(one, 420)],
    ['rotated with norms folded', () => rotated(one, 430)],
    ['scaled', () => scaledAtNorms(scaled(one, 440), 450)],
  ])('finds the parent of what was hidden: %s', async (_, hide) => {
    expect(await parentsOf(hide())).toEqual(['laundered of one'])
  })

  it('finds the parent, but not the disguise, where only values and the inside of the MLP were scaled', async () => {
    expect(await parentsOf(scaled(one, 440))).toEqual(['finetune of one'])
  })

  it('tells who shares an initialisation from who descends', async () => {
    const start = mapped(makeModel(70), tensor =>
      isMatrix(tensor) ? tensor : { ...tensor, values: tensor.values.map(() => 1) },
    )
    const trainedFar = (seed: number) =>
      mapped(start, (tensor, name) => {
        const noise = normals(
          seed + [...name].reduce((h, c) => (h * 31 + c.charCodeAt(0)) % 10_007, 0),
          tensor.values.length,
        )
        const step = isMatrix(tensor) ? 0.015 : 0.1
        return { ...tensor, values: tensor.values.map((v, at) => v + step * (noise[at] as number)) }
      })
    const [a, b] = [trainedFar(20_000), trainedFar(40_000)]
    expect(await placed(a, { among: { b } })).toMatchObject({ edges: [], related: [] })
    expect(await parentsOf(trained(b, 9), { among: { a, b } })).toEqual(['finetune of b'])
  })
})

describe('place: siblings', () => {
  const edges = { one: ['base', 'finetune'] as [string, Relation] }
  const child = trained(one, 80, 0.2)
  // Trained for longer than `one`: what its card says makes `one` seem nearer.
  const sibling = trained(base, 81, 0.5)

  it('gives a sibling the common parent, whatever its card says', async () => {
    expect(await parentsOf(sibling, { edges, declared: ['one'], among: { base, one } })).toEqual([
      'finetune of base',
    ])
  })

  it('leaves a child its parent', async () => {
    expect(await parentsOf(child, { edges, declared: ['base'], among: { base, one } })).toEqual([
      'finetune of one',
    ])
  })
})

describe('place: several parents', () => {
  it.each(['F32', 'BF16'])('knows a weighted mean of two in %s', async dtype => {
    const mean = rounded(
      combined([one, two], (a, b) => 0.6 * a + 0.4 * b),
      dtype,
    )
    expect(await parentsOf(mean, { dtype })).toEqual(['merge_linear of one', 'merge_linear of two'])
  })

  it('knows a weighted mean of three', async () => {
    const mean = combined([one, two, three], (a, b, c) => 0.5 * a + 0.3 * b + 0.2 * c)
    expect(await parentsOf(mean, { among: { one, two, three, stranger } })).toEqual([
      'merge_linear of one',
      'merge_linear of three',
      'merge_linear of two',
    ])
  })

  it('knows an arc from a line', async () => {
    const [far, away] = [trained(base, 5, 0.8), trained(base, 6, 0.8)]
    const arc = mapped(far, ({ shape, values }, name) => {
      const other = valuesOf(away, name)
      const norm = (v: Float32Array) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0))
      const cosine =
        values.reduce((sum, x, at) => sum + x * (other[at] as number), 0) / norm(values) / norm(other)
      const angle = Math.acos(Math.min(1, cosine))
      const [p, q] = [0.4, 0.6].map(t => Math.sin(t * angle) / Math.sin(angle)) as [number, number]
      return { shape, values: values.map((x, at) => p * x + q * (other[at] as number)) }
    })
    expect(await parentsOf(arc, { among: { base, far, away } })).toEqual([
      'merge_slerp of away',
      'merge_slerp of far',
    ])
  })

  it('knows TIES: the largest changes, a sign elected, the mean of who agrees', async () => {
    const trimmed = [one, two].map(model =>
      mapped(
        combined([model, base], (v, b) => v - b),
        ({ shape, values }) => {
          const cut = [...values].map(Math.abs).sort((a, b) => a - b)[values.length >> 1] as number
          return { shape, values: values.map(v => (Math.abs(v) < cut ? 0 : v)) }
        },
      ),
    )
    const merged = combined([base, ...trimmed], (b, ...changes) => {
      const sign = Math.sign(changes.reduce((sum, d) => sum + d, 0))
      const agreeing = changes.filter(d => d !== 0 && Math.sign(d) === sign)
      return b + agreeing.reduce((sum, d) => sum + d, 0) / (agreeing.length || 1)
    })
    expect(await parentsOf(merged)).toEqual(['merge_ties of one', 'merge_ties of two'])
  })

  it('knows DARE: changes dropped by chance, the rest scaled up', async () => {
    let seed = 900
    const dropped = [one, two].map(model =>
      mapped(
        combined([model, base], (v, b) => v - b),
        ({ shape, values }) => {
          const chance = normals(seed++, values.length)
          return { shape, values: values.map((v, at) => ((chance[at] as number) > 0 ? 2 * v : 0)) }
        },
      ),
    )
    const merged = combined([base, ...dropped], (b, d, e) => b + 0.5 * d + 0.5 * e)
    expect(await parentsOf(merged)).toEqual(['merge_dare of one', 'merge_dare of two'])
  })

  it('knows layers of two', async () => {
    const slices = [
      [one, 0],
      [one, 1],
      [one, 2],
      [two, 1],
      [two, 2],
      [two, 3],
    ] as const
    expect(await parentsOf(stacked(slices))).toEqual(['merge_passthrough of one', 'merge_passthrough of two'])
  })

  it('knows layers of one that come twice', async () => {
    const slices = [0, 1, 2, 1, 2, 3].map(layer => [one, layer] as const)
    expect(await parentsOf(stacked(slices))).toEqual(['merge_passthrough of one'])
  })
})

describe('place: what a card says', () => {
  const edges = { one: ['base', 'finetune'] as [string, Relation] }
  const grandchild = trained(one, 9)
  const verdictOn = async (id: string, child: Weights, given: Given = {}) => {
    const { judgements } = await placed(child, { declared: [id], edges, ...given })
    const { verdict, reason } = judgements.get(id) ?? {}
    return `${verdict}: ${reason}`
  }

  it('confirms the parent, an ancestor, and what has their values', async () => {
    expect(await verdictOn('one', grandchild)).toBe('confirmed: parent')
    expect(await verdictOn('base', grandchild)).toBe('confirmed: ancestor')
    expect(await verdictOn('again', grandchild, { among: { base, one, again: base } })).toBe(
      'confirmed: same-values',
    )
  })

  it('says that a relative is one', async () => {
    const { judgements } = await placed(grandchild, { declared: ['two'], edges })
    expect(judgements.get('two')).toMatchObject({ verdict: 'relative', nearest: 'one' })
  })

  it('says that some parts are of the base and others are not', async () => {
    const part = mapped(stranger, (tensor, name) =>
      name.includes('embed') ? { ...tensor, values: valuesOf(base, name) } : tensor,
    )
    expect(await verdictOn('base', part, { among: { base, two } })).toBe('partial: some-components')
  })

  it('refutes a stranger and another shape, and names who is nearer', async () => {
    const { judgements } = await placed(grandchild, { declared: ['stranger'], edges })
    expect(judgements.get('stranger')).toMatchObject({
      verdict: 'refuted',
      reason: 'unrelated',
      nearest: 'one',
    })
    const wide = makeModel(51, { hidden: 96 })
    expect(await verdictOn('wide', grandchild, { among: { base, wide } })).toBe('refuted: other-shape')
  })
})
