import type { Actor } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Finding } from '../weights/index.ts'
import type { LineageParts } from './parts.ts'
import type { Edge, Evidence } from './relations.ts'
import { type DeclaredRow, declaredBy, edgesOf, findMembers } from './store.ts'
import { countChildren } from './store-families.ts'
import { type Shown, showModels } from './visible.ts'

type Parts = Pick<LineageParts, 'database' | 'repos' | 'policy' | 'sketches'>

/** What the family tree says of one model: `contract/lineage.ts`. */
export async function describeLineage(parts: Parts, actor: Actor, repo: Repository) {
  const { sql } = parts.database
  const head = await parts.sketches.headOf(repo.id)
  const member = (await findMembers(sql, [repo.id])).get(repo.id)
  const edges = (await edgesOf(sql, [repo.id])).get(repo.id) ?? []
  const declared = (await declaredBy(sql, [repo.id])).get(repo.id) ?? []
  const show = await showModels(parts, actor, namesIn(edges, declared))
  const sketch = head?.sketch_key ? await parts.sketches.find(head.sketch_key) : undefined
  return {
    status: statusOf(head, member?.sketch_key === head?.sketch_key && member?.commit_id === head?.commit_id),
    ...(member?.family_id && { family: member.family_id }),
    parents: edges.map(edge => presentEdge(edge, show)),
    children: await countChildren(sql, repo.id),
    declared: declared.map(row => presentDeclared(row, show)),
    ...(sketch && { weights: { format: sketch.format, parameters: sketch.parameters } }),
    findings: JSON.parse(sketch?.findings ?? head?.findings ?? '[]') as Finding[],
  }
}

function statusOf(head: { status: string } | undefined, isPlaced: boolean) {
  if (!head || head.status === 'no-weights') return 'no-weights'
  if (head.status === 'unreadable') return 'unreadable'
  return head.status === 'done' && isPlaced ? 'done' : 'waiting'
}

export function namesIn(edges: readonly Edge[], declared: readonly DeclaredRow[]): string[] {
  return [
    ...edges.map(({ parent }) => parent),
    ...declared.flatMap(({ base_id, nearest_id }) => [base_id, nearest_id].filter(id => id !== null)),
  ]
}

export function presentEdge({ parent, relation, score, evidence }: Edge, show: (id: string) => Shown) {
  const shown = show(parent)
  // What a model that the asker may not read looks like is not told either.
  return { ...shown, relation, score, ...('id' in shown && { evidence: evidenceOf(evidence) }) }
}

/** JSON has no infinity. */
function evidenceOf({ measures, ...evidence }: Evidence) {
  return {
    ...evidence,
    measures: measures.map(measure => ({
      ...measure,
      value: Number.isFinite(measure.value) ? measure.value : null,
    })),
  }
}

/**
 * A base that the asker may not read is told of as it was written in the card, which the asker can read, and nothing that
 * its weights would tell.
 */
export function presentDeclared(row: DeclaredRow, show: (id: string) => Shown) {
  const base = row.base_id === null ? undefined : show(row.base_id)
  const said = { relation: row.relation, sources: JSON.parse(row.sources) as string[] }
  if (base && 'private' in base) return { id: row.name, ...said, verdict: 'unverifiable', reason: 'not-here' }
  return {
    ...{ id: row.name, ...said, verdict: row.verdict, reason: row.reason },
    ...(base && base.id !== row.name && { now: base.id }),
    ...(row.nearest_id !== null && { nearest: show(row.nearest_id) }),
    ...(row.evidence !== null && { evidence: evidenceOf(JSON.parse(row.evidence) as Evidence) }),
  }
}
