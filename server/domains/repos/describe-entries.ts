import type { Repository } from '../../kernel/repository.ts'
import { splitMessage } from './commit-message.ts'
import { lastCommits } from './last-commits.ts'
import type { RepoParts } from './parts.ts'
import type { PathEntry } from './tree-listing.ts'

/** Tree entries as clients read them (huggingface_hub `hf_api.py:RepoFile`, `RepoFolder`). */
export type DescribedEntry = DescribedFile | DescribedFolder

interface LastCommit {
  id: string
  title: string
  date: string
}

interface DescribedFile {
  type: 'file'
  path: string
  /** Real size of the content, also for LFS files. */
  size: number
  /** Git blob id; of the pointer for LFS files. */
  oid: string
  lfs?: { oid: string; size: number; pointerSize: number }
  xetHash?: string
  lastCommit?: LastCommit
}

interface DescribedFolder {
  type: 'directory'
  path: string
  size: 0
  oid: string
  lastCommit?: LastCommit
}

type Parts = Pick<RepoParts, 'git' | 'blobs'>

/** Adds size, LFS facts and Xet hash. A constant number of queries. */
export async function describeEntries(
  parts: Parts,
  repo: Repository,
  commitId: string,
  entries: readonly PathEntry[],
): Promise<DescribedEntry[]> {
  return (await describePage(parts, repo, commitId, entries, false)).entries
}

export interface DescribedPage {
  readonly entries: DescribedEntry[]
  /**
   * Whether the same will be said for as long as the repository exists: the bytes of every LFS file are here, and
   * proven. Until then another Xet file may come to stand for them.
   */
  readonly isFinal: boolean
}

/** Adds size, LFS facts, Xet hash and, with `expand`, the last commit. A constant number of queries. */
export async function describePage(
  parts: Parts,
  repo: Repository,
  commitId: string,
  entries: readonly PathEntry[],
  expand: boolean,
): Promise<DescribedPage> {
  const blobIds = entries.filter(entry => entry.type === 'file').map(entry => entry.oid)
  const facts = await parts.git.blobFacts(repo.id, blobIds)
  const sha256s = [...facts.values()].flatMap(fact => (fact.lfs ? [fact.lfs.sha256] : []))
  const stored = await parts.blobs.describe(repo.id, [...new Set(sha256s)])
  const commits = expand ? await describeLastCommits(parts, repo, commitId, entries) : undefined

  const isFinal = sha256s.every(sha256 => stored.get(sha256)?.state === 'proven')
  const described = entries.map((entry): DescribedEntry => {
    const lastCommit = commits?.get(entry.path)
    if (entry.type === 'directory') {
      return {
        type: 'directory',
        path: entry.path,
        size: 0,
        oid: entry.oid,
        ...(lastCommit && { lastCommit }),
      }
    }
    const fact = facts.get(entry.oid)
    const lfs = fact?.lfs
    const file = lfs && stored.get(lfs.sha256)
    return {
      type: 'file',
      path: entry.path,
      size: lfs?.size ?? fact?.size ?? 0,
      oid: entry.oid,
      ...(lfs && { lfs: { oid: lfs.sha256, size: lfs.size, pointerSize: fact.size } }),
      ...(file && { xetHash: file.fileHash }),
      ...(lastCommit && { lastCommit }),
    }
  })
  return { entries: described, isFinal }
}

async function describeLastCommits(
  parts: Parts,
  repo: Repository,
  commitId: string,
  entries: readonly PathEntry[],
): Promise<Map<string, LastCommit>> {
  const ids = await lastCommits(
    parts,
    repo,
    commitId,
    entries.map(entry => entry.path),
  )
  const described = new Map<string, LastCommit>()
  for (const [path, id] of ids) {
    const commit = await parts.git.commit(repo.id, id)
    described.set(path, {
      id,
      title: splitMessage(commit.message).title,
      date: new Date(commit.committer.time).toISOString(),
    })
  }
  return described
}
