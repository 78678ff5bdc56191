import type { Actor } from '../../kernel/actor.ts'
import { FamilyNotFound } from './errors.ts'
import type { LineageParts } from './parts.ts'
import { edgesOf } from './store.ts'
import {
  type FamilyPage,
  findFamily,
  firstMembers,
  growingFamilies,
  largestFamilies,
  pageOfFamily,
  type RankedFamily,
  sizeOfFamily,
} from './store-families.ts'
import { showModels } from './visible.ts'

type Parts = Pick<LineageParts, 'database' | 'repos' | 'policy' | 'clock'>

/** A page of a family, in order of arrival, so that parents come before their children. Throws FamilyNotFound. */
export async function describeFamily(parts: Parts, actor: Actor, asked: string, page: FamilyPage) {
  const { sql } = parts.database
  const family = await findFamily(sql, asked)
  if (family === undefined) throw new FamilyNotFound(asked)
  const rows = await pageOfFamily(sql, family, { ...page, limit: page.limit + 1 })
  const shown = rows.slice(0, page.limit)
  const first = (await firstMembers(sql, [family])).get(family)
  const edges = await edgesOf(
    sql,
    shown.map(({ repo_id }) => repo_id),
  )
  const parents = [...edges.values()].flat().map(({ parent }) => parent)
  const show = await showModels(parts, actor, [
    ...shown.map(row => row.repo_id),
    ...parents,
    ...(first ? [first.repo_id] : []),
  ])
  const models = shown.map(row => ({
    ...show(row.repo_id),
    arrivedAt: new Date(row.ordered_at).toISOString(),
    generation: row.generation,
    parents: (edges.get(row.repo_id) ?? []).map(({ parent, relation, score }) => ({
      ...show(parent),
      relation,
      score,
    })),
  }))
  // A family of private models alone is there for those alone who may read one of them.
  if (page.after === undefined && page.relation === undefined && models.every(model => 'private' in model))
    throw new FamilyNotFound(asked)
  const last = shown.at(-1)
  return {
    answer: {
      id: family,
      members: await sizeOfFamily(sql, family),
      ...(first && { first: show(first.repo_id) }),
      models,
    },
    next: rows.length > page.limit && last ? { order: last.ordered_at, id: last.repo_id } : undefined,
  }
}

/** What counts as growth. */
const growthMs = 30 * 24 * 3600 * 1000

export async function listFamilies(
  parts: Parts,
  actor: Actor,
  sort: 'members' | 'growth',
  after: { value: number; id: string } | undefined,
  limit: number,
) {
  const { sql } = parts.database
  const ranked: readonly RankedFamily[] =
    sort === 'members'
      ? await largestFamilies(sql, after, limit + 1)
      : await growingFamilies(sql, parts.clock() - growthMs, after, limit + 1)
  const shown = ranked.slice(0, limit)
  const firsts = await firstMembers(
    sql,
    shown.map(({ id }) => id),
  )
  const show = await showModels(
    parts,
    actor,
    [...firsts.values()].map(({ repo_id }) => repo_id),
  )
  const last = shown.at(-1)
  return {
    answer: shown.map(({ id, members, value }) => {
      const first = firsts.get(id)
      return {
        id,
        members,
        ...(sort === 'growth' && { growth: value }),
        ...(first && { first: show(first.repo_id) }),
      }
    }),
    next: ranked.length > limit && last ? { value: last.value, id: last.id } : undefined,
  }
}
