import { setImmediate } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Repository } from '../../kernel/repository.ts'
import type { RepoParts } from './parts.ts'
import { findPath } from './tree-listing.ts'

type Parts = Pick<RepoParts, 'git'>

/** Name of an entry → the commit that gave it what it has. */
type Origins = ReadonlyMap<string, string>

/** By folder and commit, which never change: one look through history answers every page of a folder. */
const known = new LRUCache<string, Origins>({
  maxSize: 16 * 1024 * 1024,
  sizeCalculation: origins => origins.size * 120 + 500,
})
/** Who asks for what is being looked for waits for it. */
const underWay = new Map<string, Promise<Origins>>()

/**
 * The commit that gave each path what it has at `commitId`, as `git log -1 <commit> -- <path>` has it: a path stays with
 * the first parent that has the same entry, and ends at the first commit none of whose parents has it. Paths that do
 * not exist are left out.
 *
 * The walk through history is bounded (`workLimit`). Where it ends before a path does, the commit that it has come to
 * is given: the path has been the same since then, or longer.
 */
export async function lastCommits(
  parts: Parts,
  repo: Repository,
  commitId: string,
  paths: readonly string[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const path of paths) {
    if (path === '') {
      found.set(path, await originOfRoot(parts, repo, commitId))
      continue
    }
    const cut = path.lastIndexOf('/')
    const origins = await originsIn(parts, repo, commitId, path.slice(0, Math.max(cut, 0)))
    const origin = origins.get(path.slice(cut + 1))
    if (origin !== undefined) found.set(path, origin)
  }
  return found
}

async function originOfRoot(parts: Parts, repo: Repository, commitId: string): Promise<string> {
  const { tree } = await parts.git.commit(repo.id, commitId)
  let id = commitId
  for (let same: string | undefined = id; same !== undefined; ) {
    id = same
    same = undefined
    for (const parent of (await parts.git.commit(repo.id, id)).parents) {
      if ((await parts.git.commit(repo.id, parent)).tree === tree) same ??= parent
    }
  }
  return id
}

async function originsIn(parts: Parts, repo: Repository, commitId: string, folder: string): Promise<Origins> {
  const key = keyOf(repo, commitId, folder)
  const before = known.get(key) ?? underWay.get(key)
  if (before) return before
  const search = findOrigins(parts, repo, commitId, folder)
  underWay.set(key, search)
  try {
    const origins = await search
    known.set(key, origins)
    return origins
  } finally {
    underWay.delete(key)
  }
}

function keyOf(repo: Repository, commitId: string, folder: string): string {
  return `${repo.id}/${commitId}/${folder}`
}

/**
 * Bytes of folders that one search may compare, where each step from a commit to its parents counts for `stepWork`:
 * some 80,000 commits, or 4,000 that change a folder of 50,000 files.
 */
const workLimit = 8_000_000_000
const stepWork = 100_000
/** What is in memory is read without a pause, so others are let in. */
const stepsAtOnce = 16

/**
 * Walks down from `head` with all names of the folder, each of which goes its own way at a merge. Only the folder's
 * own tree, and those on the way to it, are read, and only where they differ.
 */
async function findOrigins(parts: Parts, repo: Repository, head: string, folder: string): Promise<Origins> {
  const origins = new Map<string, string>()
  const walkers = new Walkers()
  const start = await treeAt(parts, repo, head, folder)
  if (start === undefined) return origins
  const names = (await parts.git.tree(repo.id, start)).entries().map(entry => entry.name)
  walkers.add(head, 0, new Set(names))
  let work = 0
  for (let step = 1; ; step++) {
    const walker = walkers.takeNewest()
    if (!walker) return origins
    const before = known.get(keyOf(repo, walker.commitId, folder))
    if (before || work > workLimit) {
      for (const name of walker.names) origins.set(name, before?.get(name) ?? walker.commitId)
      continue
    }
    work += stepWork
    let { names } = walker
    const mine = (await treeAt(parts, repo, walker.commitId, folder)) as string
    for (const parent of (await parts.git.commit(repo.id, walker.commitId)).parents) {
      const its = await treeAt(parts, repo, parent, folder)
      if (its === undefined) continue
      const changed = new Set<string>()
      if (its !== mine) {
        const tree = await parts.git.tree(repo.id, mine)
        work += tree.byteLength
        for (const name of tree.namesNotIn(await parts.git.tree(repo.id, its))) {
          if (names.delete(name)) changed.add(name)
        }
      }
      if (names.size > 0) {
        const { time } = (await parts.git.commit(repo.id, parent)).committer
        walkers.add(parent, time, names)
      }
      names = changed
      if (names.size === 0) break
    }
    for (const name of names) origins.set(name, walker.commitId)
    if (step % stepsAtOnce === 0) await setImmediate()
  }
}

/** The id of the folder's tree; undefined where the commit has no such folder. */
async function treeAt(
  parts: Parts,
  repo: Repository,
  commitId: string,
  folder: string,
): Promise<string | undefined> {
  const entry = await findPath(parts, repo, commitId, folder)
  return entry?.type === 'directory' ? entry.oid : undefined
}

interface Walker {
  readonly commitId: string
  readonly time: number
  readonly names: Set<string>
}

/** Names on their way down. Newest commits first, so that ways that part at a merge are one again where they meet. */
class Walkers {
  readonly #byCommit = new Map<string, Walker>()

  add(commitId: string, time: number, names: Set<string>): void {
    const present = this.#byCommit.get(commitId)
    if (!present) this.#byCommit.set(commitId, { commitId, time, names })
    else for (const name of names) present.names.add(name)
  }

  takeNewest(): Walker | undefined {
    let newest: Walker | undefined
    for (const walker of this.#byCommit.values()) {
      if (!newest || walker.time > newest.time) newest = walker
    }
    if (newest) this.#byCommit.delete(newest.commitId)
    return newest
  }
}
