import { describe, expect, it } from 'vitest'
import { LimitExceeded } from '../../kernel/errors.ts'
import { decodeSketch, encodeSketch, makeSketch, sampleAxis } from '../sketches/index.ts'
import { makeModel, trained, type Weights } from '../sketches/model-for-test.suite.ts'
import { inMemory, sketchOf } from '../sketches/source-for-test.suite.ts'
import { place } from './place.ts'
import {
  isMatrix,
  mapped,
  rotated,
  scaled,
  scaledAtNorms,
  shuffle,
  withHeadsPermuted,
  withHiddenPermuted,
  withNeurons,
} from './weights-for-test.suite.ts'

async function placed(child: Weights, hub: Readonly<Record<string, Weights>>, declared: string[] = []) {
  const candidates = []
  for (const [id, weights] of Object.entries(hub))
    candidates.push({ id, sketch: await sketchOf(weights), declared: [] })
  return place({ id: 'child', sketch: await sketchOf(child), declared }, { candidates, edgesOf: () => [] })
}

describe('a model that has the values of another only where sketches look', () => {
  const shape = { hidden: 192, layers: 6, ffn: 320, vocabulary: 400 }
  const [victim, own] = [makeModel(1, shape), makeModel(2, shape)]

  /** Which places are sampled is public. `wholeTokens`: with whole rows of the embeddings that the gram is made of. */
  function forged(spared: RegExp, wholeTokens: boolean): Weights {
    return mapped(own, ({ shape: [rows = 0, columns = 1], ...tensor }, name) => {
      const from = victim.get(name)?.values as Float32Array
      const values = Float32Array.from(tensor.values)
      const copy = (at: readonly number[], across: readonly number[]) => {
        for (const row of at)
          for (const column of across) values[row * columns + column] = from[row * columns + column] as number
      }
      const isVector = columns === 1
      if (!spared.test(name)) copy(sampleAxis(rows, isVector ? 192 : 80), sampleAxis(columns, 80))
      if (wholeTokens && name.includes('embed')) copy(sampleAxis(rows, 64), sampleAxis(columns, columns))
      return { shape: isVector ? [rows] : [rows, columns], values }
    })
  }

  it.each([
    ['with the tokens of the gram', true],
    ['without them', false],
  ])('is no copy and no relative: %s', async (_, wholeTokens) => {
    const child = forged(/^$/, wholeTokens)
    const { edges, related, judgements } = await placed(child, { victim }, ['victim'])
    expect({ edges, related }).toEqual({ edges: [], related: [] })
    // The samples are alike, so the claim is not refuted; it is not confirmed either.
    expect(judgements.get('victim')?.verdict).toBe('partial')
  })

  it('leaves a true copy and a true child what they are', async () => {
    expect((await placed(victim, { victim })).edges).toMatchObject([{ relation: 'copy' }])
    expect((await placed(trained(victim, 3), { victim })).edges).toMatchObject([{ relation: 'finetune' }])
  })

  it('is taken for a child when it keeps embeddings of its own: a known limit', async () => {
    // As after a vocabulary was replaced; what layers do to other tokens cannot be compared.
    const { edges } = await placed(forged(/embed/, false), { victim })
    expect(edges).toMatchObject([{ parent: 'victim', relation: 'finetune' }])
  })
})

describe('a model that hides its parent in all ways at once', () => {
  const parent = makeModel(1)
  const hub = { parent, other: makeModel(2), relative: trained(parent, 3, 0.5) }
  const hidden = (weights: Weights) => {
    const shuffled = withHeadsPermuted(
      withNeurons(weights, layer => shuffle(10 + layer, 128)),
      20,
    )
    return rotated(withHiddenPermuted(scaledAtNorms(scaled(shuffled, 30), 40), 50), 60)
  }

  it('is found', async () => {
    expect((await placed(hidden(parent), hub)).edges).toMatchObject([
      { parent: 'parent', relation: 'laundered' },
    ])
  })

  it('is found when it was trained a little as well', async () => {
    const { edges } = await placed(hidden(trained(parent, 4)), hub)
    expect(edges).toMatchObject([{ parent: 'parent', relation: 'laundered' }])
  })

  it('is not found in a model that has nothing to hide', async () => {
    expect((await placed(hidden(makeModel(5)), hub)).edges).toEqual([])
  })
})

describe('a header that promises more than anybody has', () => {
  const tiny = (count: number) => {
    let asked = 0
    const tensors = Array.from({ length: count }, (_, at) => ({
      ...{ name: `model.layers.${at % 1000}.t${at}.weight`, shape: [64, 64], dtype: 'F32', quantized: false },
      async values(rows: readonly number[], columns: readonly number[] = []) {
        asked += rows.length * columns.length
        return new Float32Array(rows.length * columns.length)
      },
    }))
    return { source: { ...inMemory(new Map()), tensors }, asked: () => asked }
  }

  it('is refused when it has 250,000 tensors, before any is read', async () => {
    const { source, asked } = tiny(250_000)
    await expect(makeSketch(source)).rejects.toThrow(LimitExceeded)
    await expect(makeSketch(source)).rejects.toThrow('limit of 100000 tensors (found 250000)')
    expect(asked()).toBe(0)
  })

  it('is sampled more thinly when it has tens of thousands, so that the sketch can be read', async () => {
    const { source, asked } = tiny(60_000)
    const bytes = encodeSketch(await makeSketch(source))
    expect(asked()).toBeLessThan(13_000_000)
    expect(decodeSketch(bytes).tensors).toHaveLength(60_000)
  })

  it('costs no more for a tensor of 2^40 rows', async () => {
    let asked = 0
    const source = (name: string, shape: number[]) => ({
      ...{ name, shape, dtype: 'F32', quantized: false },
      async values(rows: readonly number[], columns: readonly number[] = Array(8).fill(0)) {
        asked += rows.length * columns.length
        return new Float32Array(rows.length * columns.length)
      },
    })
    const sketch = await makeSketch({
      ...inMemory(new Map()),
      tensors: [
        source('model.embed_tokens.weight', [2 ** 40, 8]),
        source('model.layers.0.self_attn.q_proj.weight', [2 ** 40, 8]),
        source('model.layers.99999999999.mlp.up_proj.weight', [8, 2 ** 40]),
        source('model.norm.weight', [2 ** 40]),
      ],
    })
    expect(asked).toBeLessThan(10_000)
    expect(decodeSketch(encodeSketch(sketch))).toEqual(sketch)
  })

  it('tells a tensor that is no number from the rest', async () => {
    const broken = mapped(makeModel(1), (tensor, name) =>
      isMatrix(tensor) && name.includes('layers.2')
        ? { ...tensor, values: tensor.values.map((value, at) => (at % 50 === 0 ? Number.NaN : value)) }
        : tensor,
    )
    const sketch = await sketchOf(broken)
    expect(decodeSketch(encodeSketch(sketch))).toEqual(sketch)
    expect((await placed(broken, { base: makeModel(1), other: makeModel(2) })).edges).toMatchObject([
      { parent: 'base' },
    ])
  })
})
