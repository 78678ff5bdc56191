import { parseRepoId } from '../../formats/repo-name.ts'
import type { Actor } from '../../kernel/actor.ts'
import type { Repository, RepoType } from '../../kernel/repository.ts'
import { locateRepo } from './find-repo.ts'
import type { RepoParts } from './parts.ts'

export interface LfsFileCopy {
  readonly xetHash: string
  readonly sha256: string
}

/**
 * Gives another repository LFS objects that this one has, as if they had been uploaded to it: no bytes move, and its next
 * commit may name them (huggingface_hub `hf_api.py:_duplicate_lfs_files`). That the actor may read `source` was asked
 * before; here it must be allowed to write to the target. Returns the sha256s that `source` has not, as far as its
 * commits tell. Throws MalformedInput, RepoNotFound, or what policy says.
 */
export async function shareLfsFiles(
  parts: Pick<RepoParts, 'database' | 'lookups' | 'policy' | 'blobs'>,
  actor: Actor,
  source: Repository,
  target: { readonly type: RepoType; readonly name: string },
  files: readonly LfsFileCopy[],
): Promise<string[]> {
  const { namespace, name } = parseRepoId(target.name)
  const to = await locateRepo(parts, target.type, namespace, name)
  parts.policy.demand(actor, 'repo:write', { repo: to })
  const shared = await parts.database.transaction(tx =>
    parts.blobs.share(tx, {
      from: source.id,
      to: to.id,
      files: files.map(({ xetHash, sha256 }) => ({ sha256, fileHash: xetHash })),
    }),
  )
  return [...new Set(files.map(file => file.sha256))].filter(sha256 => !shared.has(sha256))
}
