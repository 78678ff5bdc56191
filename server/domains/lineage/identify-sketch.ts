import { createHash } from 'node:crypto'
import type { Actor } from '../../kernel/actor.ts'
import { decodeCode } from './candidate-code.ts'
import { presentEdge } from './describe-lineage.ts'
import { TooManyQuestions } from './errors.ts'
import { isBefore } from './families.ts'
import type { LineageParts } from './parts.ts'
import { declaredBy, edgesOf, findMembers } from './store.ts'
import { Turn } from './turn.ts'
import { showModels } from './visible.ts'

/** One is compared at a time; so many are on their way or wait. */
const askingLimit = 16
/** Of a sketch that is sent: that of a model of 1,000 matrices takes a tenth of it. */
export const identifyLimit = 16 * 1024 * 1024

/**
 * Which family a sketch belongs to, as if its model were the last to arrive; only models that the actor may read are looked
 * at. Nothing of it is stored. `read` gives its bytes. Throws MalformedInput, TooManyQuestions.
 */
export function createIdentify(parts: LineageParts) {
  const turn = new Turn()
  let asking = 0
  return async (actor: Actor, read: () => Promise<Uint8Array>) => {
    if (asking >= askingLimit) throw new TooManyQuestions()
    asking++
    try {
      const sketch = await read()
      const release = await turn.take()
      try {
        return await identify(parts, actor, sketch)
      } finally {
        release()
      }
    } finally {
      asking--
    }
  }
}

async function identify(parts: LineageParts, actor: Actor, bytes: Uint8Array) {
  const { database, threads, index, sketches } = parts
  const key = createHash('sha256').update('given ').update(bytes).digest('hex')
  const read = async (asked: string) => (asked === key ? bytes : await sketches.read(asked))
  const { code, gram } = await threads.code(key, read)
  const found = await index.find({ code: decodeCode(code), gram })
  const show = await showModels(parts, actor, found)
  const visible = found.filter(id => 'id' in show(id))
  const members = [...(await findMembers(database.sql, visible)).values()]
    .filter(({ sketch_key }) => sketch_key !== null)
    .sort((a, b) => (isBefore(a, b) ? -1 : 1))
  const ids = members.map(({ repo_id }) => repo_id)
  const declared = await declaredBy(database.sql, ids)
  const placement = await threads.place(
    { id: 'given', key, declared: [] },
    members.map(({ repo_id, sketch_key }) => ({
      ...{ id: repo_id, key: sketch_key as string },
      declared: (declared.get(repo_id) ?? []).flatMap(({ base_id }) => base_id ?? []),
    })),
    await edgesOf(database.sql, ids),
    read,
  )
  const nearest = placement.edges[0]?.parent ?? placement.related[0]
  const family = members.find(({ repo_id }) => repo_id === nearest)?.family_id
  return {
    verdict: nearest === undefined ? 'unknown' : placement.edges.length > 0 ? 'descends' : 'related',
    ...(family && { family }),
    parents: placement.edges.map(edge => presentEdge(edge, show)),
    related: placement.related.slice(0, 20).map(id => show(id)),
  }
}
