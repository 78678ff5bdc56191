import { HubError } from '../../kernel/errors.ts'
import type { RepoType } from '../../kernel/repository.ts'

export class RevisionNotFound extends HubError {
  readonly revision: string
  constructor(revision: string) {
    super(`Invalid rev id: ${revision}`)
    this.revision = revision
  }
}

/** No such path at this commit. `commitId` lets the client remember that it is not there. */
export class EntryNotFound extends HubError {
  readonly path: string
  readonly commitId: string | undefined
  constructor(path: string, commitId?: string, message = `Entry not found: ${path}`) {
    super(message)
    this.path = path
    this.commitId = commitId
  }
}

/** Clients with `exist_ok` read the url of what exists. */
export class RepoExists extends HubError {
  readonly repo: { type: RepoType; namespace: string; name: string }
  constructor(repo: RepoExists['repo']) {
    super('You already created this repo')
    this.repo = repo
  }
}

/** Where a repository is to be moved there is another one. */
export class RepoNameTaken extends HubError {
  constructor(repo: { type: string; namespace: string; name: string }) {
    super(`A ${repo.type} repository called ${repo.namespace}/${repo.name} already exists`)
  }
}

export class NamespaceNotFound extends HubError {
  constructor(namespace: string) {
    super(`There is no user or organisation called ${namespace}`)
  }
}

export class RefExists extends HubError {
  constructor(ref: string) {
    super(`Reference ${ref} already exists`)
  }
}

/** git keeps refs as files: `a` cannot be beside `a/b`. */
export class RefClash extends HubError {
  constructor(ref: string, other: string) {
    super(`${ref} cannot be beside ${other}: git keeps refs as files, and one would be the other's folder`)
  }
}

export class RefProtected extends HubError {
  constructor(ref: string) {
    super(`Cannot delete ${ref}`)
  }
}

/** The branch moved since the caller looked at it. */
export class StaleParent extends HubError {
  constructor() {
    super('The branch was updated since you opened this page. Please refresh and try again.')
  }
}

/** Both sides have changed the same paths, each in another way. `paths` is empty when they have no common history. */
export class MergeConflict extends HubError {
  readonly paths: readonly string[]
  constructor(paths: readonly string[]) {
    const shown = paths.slice(0, 5).join(', ')
    super(
      paths.length === 0
        ? 'the two branches have no common history, so they cannot be merged'
        : `both sides have changed ${paths.length} file(s): ${shown}${paths.length > 5 ? ', …' : ''}. Bring the branch into the pull request, or undo these changes in it, and merge again.`,
    )
    this.paths = paths
  }
}

/** An operation of a commit that cannot be applied to the tree it meets. */
export class InvalidOperation extends HubError {}

/** git-lfs asks before each push whether somebody holds a lock; on 501 it remembers not to ask, without a word. */
export class LocksNotOffered extends HubError {
  constructor() {
    super('This hub locks no files; merge what several people change by branches and pull requests')
  }
}

/** A commit names large files whose bytes never reached this repository. */
export class LfsObjectMissing extends HubError {
  constructor(missing: readonly { path: string; sha256: string }[]) {
    const shown = missing.slice(0, 5).map(file => `${file.path} (${file.sha256})`)
    super(
      `${missing.length} file(s) were not uploaded to this repository before the commit: ${shown.join(', ')}. Upload their content by Xet or LFS, then commit again.`,
    )
  }
}

/** Collection is removing the bytes of the very pack that a commit or push makes anew. It is gone in a moment. */
export class PackBeingCollected extends HubError {
  constructor(packId: string) {
    super(
      `pack ${packId} is being collected as garbage at this moment; nothing was changed, please try again`,
    )
  }
}

/** Bytes of a pack are not what was stored. Only the objects that they belong to cannot be read. */
export class PackDamaged extends HubError {
  readonly key: string
  /** `key` is that of the object of the store. */
  constructor(key: string, fault: string) {
    super(`object ${key} is damaged: ${fault}`)
    this.key = key
  }
}

/** A git object that history needs is not in any pack of the repository. `banyan fsck` says more. */
export class GitObjectMissing extends HubError {
  readonly oid: string
  constructor(repoId: string, oid: string) {
    super(`git object ${oid} of repository ${repoId} is missing`)
    this.oid = oid
  }
}
