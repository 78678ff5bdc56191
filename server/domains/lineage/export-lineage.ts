import type { Actor } from '../../kernel/actor.ts'
import { namesIn, presentDeclared } from './describe-lineage.ts'
import type { LineageParts } from './parts.ts'
import { declaredBy, edgesOf } from './store.ts'
import { pageOfMembers } from './store-families.ts'
import { showModels } from './visible.ts'

const pageSize = 500

/** Every model that the actor may read, a line of JSON each. Parents and bases that the actor may not read are left out. */
export async function* exportLineage(
  parts: Pick<LineageParts, 'database' | 'repos' | 'policy'>,
  actor: Actor,
): AsyncGenerator<string> {
  const { sql } = parts.database
  for (let last = ''; ; ) {
    const page = await pageOfMembers(sql, last, pageSize)
    const ids = page.map(({ repo_id }) => repo_id)
    if (ids.length === 0) return
    last = ids.at(-1) as string
    const [edges, declared] = [await edgesOf(sql, ids), await declaredBy(sql, ids)]
    const others = namesIn([...edges.values()].flat(), [...declared.values()].flat())
    const show = await showModels(parts, actor, [...ids, ...others])
    let lines = ''
    for (const { repo_id, family_id } of page) {
      const model = show(repo_id)
      if (!('id' in model)) continue
      const line = {
        id: model.id,
        parents: (edges.get(repo_id) ?? []).flatMap(({ parent, relation, score }) => {
          const shown = show(parent)
          return 'id' in shown ? [{ id: shown.id, relation, score }] : []
        }),
        family: family_id,
        declared: (declared.get(repo_id) ?? []).map(row => {
          const { id, now, verdict } = { now: undefined, ...presentDeclared(row, show) }
          return { id: now ?? id, verdict }
        }),
      }
      lines += `${JSON.stringify(line)}\n`
    }
    if (lines !== '') yield lines
  }
}
