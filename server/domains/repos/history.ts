import { LRUCache } from 'lru-cache'
import type { Repository } from '../../kernel/repository.ts'
import type { RepoParts } from './parts.ts'

type Parts = Pick<RepoParts, 'git'>

/** The last histories asked for. */
const histories = new LRUCache<string, readonly string[]>({
  maxSize: 48 * 1024 * 1024,
  // 40 characters and a pointer each.
  sizeCalculation: ids => (ids.length + 1) * 64,
})

/** Every commit that `commitId` stands on, itself first, newest first by committer time, parents after children. */
export async function historyOf(
  parts: Parts,
  repo: Repository,
  commitId: string,
): Promise<readonly string[]> {
  const key = `${repo.id}/${commitId}`
  const known = histories.get(key)
  if (known) return known
  const { parents } = await parts.git.commit(repo.id, commitId)
  // One commit on top of a history that we know already: the usual case after a commit.
  const [parent] = parents
  const below = parents.length === 1 && parent ? histories.get(`${repo.id}/${parent}`) : undefined
  const ids = below ? [commitId, ...below] : await walkHistory(parts, repo, commitId)
  histories.set(key, ids)
  return ids
}

async function walkHistory(parts: Parts, repo: Repository, commitId: string): Promise<string[]> {
  const children = new Map<string, number>([[commitId, 0]])
  const reachable: string[] = [commitId]
  for (const id of reachable) {
    for (const parent of (await parts.git.commit(repo.id, id)).parents) {
      if (!children.has(parent)) reachable.push(parent)
      children.set(parent, (children.get(parent) ?? 0) + 1)
    }
  }
  // Kahn's order with the newest first among those whose children are all out.
  const ready: { id: string; time: number }[] = [{ id: commitId, time: 0 }]
  const ordered: string[] = []
  for (let next = ready.pop(); next; next = ready.pop()) {
    ordered.push(next.id)
    for (const parent of (await parts.git.commit(repo.id, next.id)).parents) {
      const left = (children.get(parent) ?? 1) - 1
      children.set(parent, left)
      if (left > 0) continue
      const { time } = (await parts.git.commit(repo.id, parent)).committer
      const at = ready.findLastIndex(waiting => waiting.time <= time)
      ready.splice(at + 1, 0, { id: parent, time })
    }
  }
  return ordered
}

/** The newest commit that both stand on; undefined when their histories have nothing in common. */
export async function mergeBaseOf(
  parts: Parts,
  repo: Repository,
  one: string,
  other: string,
): Promise<string | undefined> {
  const below = new Set(await historyOf(parts, repo, one))
  // Parents come after children: nothing that stands on the first common commit is common.
  return (await historyOf(parts, repo, other)).find(id => below.has(id))
}
