import type { MessagePort } from 'node:worker_threads'
import { LRUCache } from 'lru-cache'
import { HubError } from '../../kernel/errors.ts'
import { callsOver, decodeSketch, type Gram, type Sketch } from '../sketches/index.ts'
import { codeOf, encodeCode } from './candidate-code.ts'
import type { Member, Placement } from './member.ts'
import { place } from './place.ts'
import type { Edge } from './relations.ts'

/** A member whose sketch is asked for by its key where it is not remembered. */
export type Unread = Omit<Member, 'sketch'> & { readonly key: string }

export type PlaceTask = { readonly port: MessagePort } & (
  | { readonly kind: 'code'; readonly key: string }
  | {
      readonly kind: 'place'
      readonly member: Unread
      readonly candidates: readonly Unread[]
      readonly edges: ReadonlyMap<string, readonly Edge[]>
    }
)

export interface ModelCode {
  readonly code: Uint8Array
  readonly gram: Gram | undefined
}

/** Sketches of the family that is worked on: tens of thousands of small models, or some hundred large ones. */
const remembered = new LRUCache<string, Sketch>({
  maxSize: 256 * 1024 * 1024,
  sizeCalculation: ({ tensors, gram, circuits }) =>
    tensors.reduce((sum, { values }) => sum + values.byteLength + 300, 2000) +
    (gram?.products.byteLength ?? 0) +
    circuits.reduce((sum, { products }) => sum + products.byteLength, 0),
})

/** Sketches that are asked for together: the time until the first of them is here passes once. */
const readsAtOnce = 16

/** A sketch that cannot be read any more is a fault of ours; one that is sent to us may be anything. */
export default async function run(task: PlaceTask): Promise<ModelCode | Placement | { refused: string }> {
  const ask = callsOver<string>(task.port)
  const sketchOf = async (key: string) => {
    const known = remembered.get(key)
    if (known) return known
    const sketch = decodeSketch(await ask(key))
    remembered.set(key, sketch)
    return sketch
  }
  try {
    if (task.kind === 'code') {
      const sketch = await sketchOf(task.key)
      return { code: encodeCode(codeOf(sketch)), gram: sketch.gram }
    }
    const read = async ({ key, ...member }: Unread): Promise<Member> => ({
      ...member,
      sketch: await sketchOf(key),
    })
    const { edges } = task
    const candidates: Member[] = []
    for (let first = 0; first < task.candidates.length; first += readsAtOnce)
      candidates.push(...(await Promise.all(task.candidates.slice(first, first + readsAtOnce).map(read))))
    return place(await read(task.member), { candidates, edgesOf: id => edges.get(id) ?? [] })
  } catch (error) {
    if (error instanceof HubError) return { refused: error.message }
    throw error
  } finally {
    task.port.close()
  }
}
