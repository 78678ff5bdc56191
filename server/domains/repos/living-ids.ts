import { newId } from '../../kernel/ids.ts'
import type { RepoParts } from './parts.ts'
import { reposById } from './store.ts'

/** A duplicate holds the files of its source before it is there itself. It takes seconds, of millions of files minutes. */
const makingMs = 24 * 60 * 60 * 1000

/** Of these ids those of repositories that are there, and those so young that one may be being made. */
export async function livingIds(
  { database, clock }: Pick<RepoParts, 'database' | 'clock'>,
  ids: readonly string[],
): Promise<Set<string>> {
  const there = await reposById(database.sql, ids)
  // Ids begin with their time.
  const young = newId(clock() - makingMs)
  return new Set([...there.map(repo => repo.id), ...ids.filter(id => id > young)])
}
