import { beforeAll, describe, expect, it } from 'vitest'
import { MINILM, MINILM_INT8, MINILM_L3, SILERO } from '../../../test/clients/inputs.ts'
import { makeSketch, mix32, type Sketch } from '../sketches/index.ts'
import { filesIn } from '../weights/folder-for-test.suite.ts'
import { openFile } from '../weights/index.ts'
import { codeOf } from './candidate-code.ts'
import { CandidateIndex } from './candidates.ts'
import type { Member, Placement } from './member.ts'
import { place } from './place.ts'
import type { Edge } from './relations.ts'

async function memberOf(id: string, folder: string, file: string, declared: string[] = []): Promise<Member> {
  const model = await openFile(await filesIn(folder).files(/./), file)
  expect(model?.findings).toEqual([])
  return { id, sketch: await makeSketch(model!), declared }
}

/** One after the other, each among those before it. */
function placeAll(members: readonly Member[]): Map<string, Placement> {
  const edges = new Map<string, readonly Edge[]>()
  const placements = new Map<string, Placement>()
  for (const [index, member] of members.entries()) {
    const placement = place(member, {
      candidates: members.slice(0, index),
      edgesOf: id => edges.get(id) ?? [],
    })
    edges.set(member.id, placement.edges)
    placements.set(member.id, placement)
  }
  return placements
}

const told = ({ edges }: Placement) => edges.map(({ parent, relation }) => `${relation} of ${parent}`)

describe('files of the voice model silero-vad 6.2.3', () => {
  const voice = (id: string, file: string, declared?: string[]) => memberOf(id, SILERO, file, declared)
  /** Of two networks: for 16 kHz and for 8 kHz. */
  let [onnx, jit, ifless]: Member[] = []
  /** Of the first of them. */
  let [openvino, op15, safetensors, half]: Member[] = []
  beforeAll(async () => {
    onnx = await voice('onnx', 'silero_vad.onnx')
    jit = await voice('jit', 'silero_vad.jit')
    ifless = await voice('ifless', 'silero_vad_op18_ifless.onnx')
    openvino = await voice('openvino', 'silero_vad_openvino_16k.onnx')
    op15 = await voice('op15', 'silero_vad_16k_op15.onnx')
    safetensors = await voice('safetensors', 'silero_vad_16k.safetensors')
    half = await voice('half', 'silero_vad_half.onnx', ['onnx', 'op15'])
  })

  it('are copies where the values are the same under other names and in another format', () => {
    const placed = placeAll([onnx!, jit!])
    expect(told(placed.get('jit')!)).toEqual(['copy of onnx'])
    expect(placed.get('jit')!.edges[0]?.score).toBeCloseTo(1)
    expect(told(placeAll([openvino!, op15!]).get('op15')!)).toEqual(['copy of openvino'])
  })

  it('are a part of what has all of their values and more', () => {
    const placed = placeAll([onnx!, openvino!, op15!])
    expect(told(placed.get('openvino')!)).toEqual(['pruned_layers of onnx'])
    expect(placed.get('op15')!.related).toEqual(['onnx', 'openvino'])
  })

  it('are finetunes where they were trained further, wholly or in one of two networks', () => {
    const placed = placeAll([onnx!, jit!, openvino!, ifless!, safetensors!])
    expect(told(placed.get('ifless')!)).toEqual(['finetune of onnx'])
    expect(told(placed.get('safetensors')!)).toEqual(['finetune of onnx'])
    expect(placed.get('safetensors')!.edges[0]?.evidence).toMatchObject({ agree: 13, disagree: 0 })
  })

  it('are found in whatever order they come', () => {
    const placed = placeAll([safetensors!, half!, op15!, jit!, onnx!])
    expect(told(placed.get('op15')!)).toEqual(['finetune of safetensors'])
    expect(placed.get('jit')!.related.toSorted()).toEqual(['op15', 'safetensors'])
    expect(told(placed.get('onnx')!)).toEqual(['copy of jit'])
  })

  it('are found among many models', async () => {
    const index = new CandidateIndex()
    const content = (order: number) => order.toString(16).padStart(12, '0')
    const relatives = [onnx!, jit!, openvino!, safetensors!]
    for (const [order, { id, sketch }] of relatives.entries())
      index.set({ id, content: content(order), order, code: codeOf(sketch) })
    for (let order = 10; order < 1000; order++)
      index.set({ id: `other-${order}`, content: content(order), order, code: codeOf(stranger(order)) })
    for (const { id, sketch } of [ifless!, op15!, safetensors!, jit!]) {
      const found = await index.find({ code: codeOf(sketch), gram: undefined })
      expect(found.slice(0, 4).toSorted(), id).toEqual(relatives.map(relative => relative.id).toSorted())
    }
    /** Of the same shapes. */
    function stranger(seed: number): Sketch {
      const values = (count: number) =>
        Float32Array.from({ length: count }, (_, at) => mix32(seed * 65_536 + at) / 2 ** 31 - 1)
      const { tensors, ...rest } = seed % 2 ? half!.sketch : onnx!.sketch
      return {
        ...rest,
        tensors: tensors.map(tensor => ({ ...tensor, values: values(tensor.values.length) })),
      }
    }
  })

  it('are no relatives where one was trained by itself, though both compute the same transform of sound first', () => {
    for (const others of [
      [onnx!, op15!, safetensors!],
      [ifless!, jit!],
    ]) {
      const { edges, related, judgements } = placeAll([...others, half!]).get('half')!
      expect({ edges, related }).toEqual({ edges: [], related: [] })
      for (const { verdict } of judgements.values()) expect(verdict).toBe('refuted')
      const [other] = others
      expect(placeAll([half!, other!]).get(other!.id)).toMatchObject({ edges: [], related: [] })
    }
  })
})

describe('files of MiniLM', () => {
  let [base, renamed, int8, short]: Member[] = []
  beforeAll(async () => {
    base = await memberOf('base', MINILM, 'model.safetensors')
    renamed = { ...base, id: 'renamed', declared: ['another'] }
    int8 = await memberOf('int8', MINILM_INT8, 'model.onnx')
    short = await memberOf('L3', MINILM_L3, 'paraphrase-MiniLM-L3-v2.onnx', ['base'])
  })

  it('are copies where one file has another name', () => {
    expect(told(placeAll([base!, renamed!]).get('renamed')!)).toEqual(['copy of base'])
  })

  it('are quantised where each matrix has lost its name, its bits and its orientation', () => {
    const { edges } = placeAll([short!, base!, int8!]).get('int8')!
    expect(edges).toMatchObject([{ parent: 'base', relation: 'quantized' }])
    expect(edges[0]!.score).toBeGreaterThan(0.95)
    const distance = edges[0]!.evidence.measures.find(({ measure }) => measure === 'distance')
    expect(distance?.value).toBeLessThan(0.3)
  })

  it('descend in part where only the embeddings do', () => {
    const { edges, related, judgements } = placeAll([base!, int8!, short!]).get('L3')!
    expect({ edges, related }).toEqual({ edges: [], related: [] })
    expect(judgements.get('base')).toMatchObject({ verdict: 'partial', reason: 'some-components' })
    const { components } = judgements.get('base')!.evidence!
    expect(components.embeddings).toBeGreaterThan(0.85)
    expect(components.attention).toBeUndefined()
  })
})
