import type { Sql } from '../../ports/database.ts'
import { countChildren, spacesOf } from './store.ts'

/** Properties that follow from other repositories: they are looked up when they are asked for. */
const properties = ['childrenModelCount', 'spaces']

/** As many Spaces are named with a model. */
const spacesLimit = 100

export function needsOthers(asked: readonly string[]): boolean {
  return properties.some(property => asked.includes(property))
}

/** By `ns/name` of a model. */
export async function ofOthers(
  sql: Sql,
  names: readonly string[],
  asked: readonly string[],
): Promise<(name: string) => Record<string, unknown>> {
  const children = asked.includes('childrenModelCount') ? await countChildren(sql, names) : undefined
  const spaces = asked.includes('spaces') ? await spacesOf(sql, names, spacesLimit) : undefined
  return name => ({ childrenModelCount: children?.get(name) ?? 0, spaces: spaces?.get(name) ?? [] })
}
