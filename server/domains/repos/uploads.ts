import type { Actor, User } from '../../kernel/actor.ts'
import { credentialName, type Delegation } from '../../kernel/delegation.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import type { StoredFile } from '../blobs/index.ts'
import type { RepoParts } from './parts.ts'
import { saveLfsFiles } from './store-lfs-files.ts'

type Parts = Pick<RepoParts, 'blobs' | 'policy'>

/**
 * Who holds what this user uploads to the repository: the repository itself when they may write to it. What readers
 * bring for a pull request waits apart, each reader's by itself, until a commit takes it (docs/decisions/0020): a false
 * claim of what a sha256 is must not come between the repository, or another reader, and the true content.
 */
export function uploadHolder(parts: Pick<RepoParts, 'policy'>, actor: Actor, repo: Repository): string {
  const isWriter = parts.policy.can(actor, 'repo:write', { repo }).allowed
  return isWriter || actor.kind === 'anonymous' ? repo.id : readerHolder(actor, repo)
}

export function readerHolder(user: User, repo: Repository): string {
  return `${repo.id}${separator}${user.id}`
}

/** What a key to content of this repository rests on. Whether the actor may have one is for the caller to ask. */
export function delegate(actor: Actor, repo: Repository, holder: string): Delegation {
  return { repo: repo.id, holder, by: credentialName(actor) }
}

const separator = '-'

/** Those of `holders` whose repository is one of `repoIds`. */
export function holdersOf(holders: readonly string[], repoIds: ReadonlySet<string>): Set<string> {
  return new Set(holders.filter(holder => repoIds.has(repoIdOf(holder))))
}

export function repoIdOf(holder: string): string {
  return holder.split(separator, 1)[0] as string
}

/** What of these sha256s a commit of this user may refer to: held by the repository, or waiting. */
export async function findUploads(
  parts: Parts,
  actor: Actor,
  repo: Repository,
  sha256s: Iterable<string>,
): Promise<Map<string, StoredFile>> {
  const wanted = [...new Set(sha256s)]
  const held = await parts.blobs.describe(repo.id, wanted)
  const holder = uploadHolder(parts, actor, repo)
  if (holder === repo.id) return held
  const missing = wanted.filter(sha256 => (held.get(sha256)?.state ?? 'refuted') === 'refuted')
  return new Map([...held, ...(await parts.blobs.describe(holder, missing))])
}

/** The files that a commit or push refers to, ready to be taken. */
export interface Uploads {
  /** Of files that waited, which the repository did not hold. */
  readonly bytes: number
  /** Lets the repository hold them all, in the transaction that moves `ref`. Throws FileNotHeld or FileRefuted. */
  take(tx: Sql, ref: string): Promise<void>
}

/**
 * Proves what waits by reading it, where nobody has: the repository takes nothing that is not what it claims to be from
 * those who may not write to it.
 */
export async function prepareUploads(
  parts: Parts,
  actor: Actor,
  repo: Repository,
  files: readonly { readonly sha256: string; readonly path: string }[],
): Promise<Uploads> {
  const sha256s = [...new Set(files.map(file => file.sha256))]
  const hold = async (tx: Sql, ref: string) => {
    await parts.blobs.hold(tx, repo.id, sha256s)
    await saveLfsFiles(tx, repo.id, ref, files)
  }
  const holder = uploadHolder(parts, actor, repo)
  if (holder === repo.id) return { bytes: 0, take: hold }
  const held = await parts.blobs.describe(repo.id, sha256s)
  const waiting = sha256s.filter(sha256 => (held.get(sha256)?.state ?? 'refuted') === 'refuted')
  await parts.blobs.prove(holder, waiting)
  const found = await parts.blobs.describe(holder, waiting)
  return {
    bytes: [...found.values()].reduce((sum, file) => sum + file.size, 0),
    async take(tx, ref) {
      await parts.blobs.take(tx, { from: holder, to: repo.id, sha256s: waiting })
      await hold(tx, ref)
    },
  }
}
