import { repoId } from '../../kernel/repository.ts'
import { decodeSketch } from '../sketches/index.ts'
import { inferOrder } from './infer-order.ts'
import type { Member } from './member.ts'
import type { LineageParts } from './parts.ts'
import { place } from './place.ts'
import type { Edge } from './relations.ts'
import { declaredBy, findMembers, type Placed } from './store.ts'
import { pageOfMembers } from './store-families.ts'

/**
 * The tree as it would be if nobody knew when models came (`infer-order.ts`), for a hub that was filled all at once: a line of JSON for each model, private
 * ones too, as the export has them. Nothing is changed. Holds the sketches of one family at a time, half a megabyte a model.
 */
export async function* exportWithoutOrder(
  parts: Pick<LineageParts, 'database' | 'repos' | 'sketches'>,
): AsyncGenerator<string> {
  for (const [family, ids] of await idsByFamily(parts)) yield* exportFamily(parts, family, ids)
}

const pageSize = 1000

async function idsByFamily({ database }: Pick<LineageParts, 'database'>): Promise<Map<string, string[]>> {
  const families = new Map<string, string[]>()
  for (let last = ''; ; ) {
    const page = await pageOfMembers(database.sql, last, pageSize)
    for (const { repo_id, family_id } of page) {
      const family = family_id ?? repo_id
      families.set(family, [...(families.get(family) ?? []), repo_id])
    }
    const next = page.at(-1)
    if (!next) return families
    last = next.repo_id
  }
}

async function* exportFamily(
  { database, repos, sketches }: Pick<LineageParts, 'database' | 'repos' | 'sketches'>,
  family: string,
  ids: readonly string[],
): AsyncGenerator<string> {
  const names = new Map((await repos.byId(ids)).map(repo => [repo.id, repoId(repo)]))
  const declared = await declaredBy(database.sql, ids)
  const members: Member[] = []
  for (const { repo_id: id, sketch_key: key } of (
    await findMembers(database.sql, ids)
  ).values() as Iterable<Placed>) {
    if (key === null || !names.has(id)) continue
    const bases = (declared.get(id) ?? []).flatMap(({ base_id }) => base_id ?? [])
    members.push({ id, sketch: decodeSketch(await sketches.read(key)), declared: bases })
  }
  const edges = new Map<string, readonly Edge[]>()
  const candidates: Member[] = []
  for (const member of inferOrder(members)) {
    const placed = place(member, { candidates, edgesOf: id => edges.get(id) ?? [] })
    edges.set(member.id, placed.edges)
    candidates.push(member)
    const line = {
      id: names.get(member.id),
      parents: placed.edges.map(({ parent, relation, score }) => ({
        id: names.get(parent),
        relation,
        score,
      })),
      family,
      declared: (declared.get(member.id) ?? []).map(({ name, base_id, verdict }) => ({
        id: name,
        // Of a base outside of the family order says nothing.
        verdict: placed.judgements.get(base_id ?? '')?.verdict ?? verdict,
      })),
    }
    yield `${JSON.stringify(line)}\n`
  }
}
