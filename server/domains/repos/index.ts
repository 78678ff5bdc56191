/** Repositories: refs, packs, trees, commits; their files by HTTP; git and LFS on the wire; keys to the CAS. */

import type { Route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import type { Repository, RepoType } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import type { JobHandler } from '../../ports/queue.ts'
import type { CheckReport, DamagedFiles } from '../blobs/index.ts'
import { addPullRequestRef } from './add-pull-request-ref.ts'
import { createAdmission } from './admission.ts'
import { checkRepos } from './check-repos.ts'
import { collectPacks } from './collect-packs.ts'
import { consolidatePacks } from './consolidate-packs.ts'
import { sweepDeleted } from './delete-repo.ts'
import { type DescribedEntry, describeEntries } from './describe-entries.ts'
import { diffCommits } from './diff-commits.ts'
import { type OpenFile, openFile, readSmallFile } from './find-file.ts'
import { findRepo, locateRepo } from './find-repo.ts'
import { GitMirror } from './git-mirror.ts'
import { GitObjects } from './git-objects.ts'
import { livingIds } from './living-ids.ts'
import { createLookups } from './lookups.ts'
import { findConflicts, type Merge, type MergedRefs, mergeRefs } from './merge-refs.ts'
import type { RepoParts } from './parts.ts'
import { type PullRequests, pullRequestRef } from './pull-requests.ts'
import { resolveRevision } from './resolve-revision.ts'
import { rewriteHistory } from './rewrite-history.ts'
import { commitRoutes } from './routes-commit.ts'
import { gitRoutes } from './routes-git.ts'
import { lfsRoutes } from './routes-lfs.ts'
import { lfsFileRoutes } from './routes-lfs-files.ts'
import { refRoutes } from './routes-refs.ts'
import { repoRoutes } from './routes-repos.ts'
import { resolveRoutes } from './routes-resolve.ts'
import { treeRoutes } from './routes-tree.ts'
import { xetRoutes } from './routes-xet.ts'
import { Slots } from './slots.ts'
import { allRepoIds, refsNamed, reposById, touchRepo } from './store.ts'
import { packedBytes } from './store-packs.ts'
import { listFiles, type PathEntry } from './tree-listing.ts'
import { Turns } from './turns.ts'
import { holdersOf, readerHolder, repoIdOf } from './uploads.ts'

export * from './errors.ts'
export { repoMigrations } from './migrations/index.ts'
export type { Brought, NewPullRequest } from './pull-requests.ts'
export type { DescribedEntry, Merge, OpenFile, PathEntry, PullRequests }
export { pullRequestRef, Slots }

export interface Repos {
  /** The live repository of that name; throws RepoNotFound. Nothing is said of who may see it. */
  find(type: RepoType, namespace: string, name: string): Promise<Repository>
  /** The same, or the one that had this name before it was moved; `isNamed` tells which. */
  locate(type: RepoType, namespace: string, name: string): Promise<Repository>
  byId(ids: readonly string[]): Promise<Repository[]>
  allIds(): Promise<string[]>
  /** The commit that a revision means; throws RevisionNotFound. */
  resolve(repo: Repository, revision: string): Promise<string>
  /** When the commit was made, in milliseconds. */
  committedAt(repo: Repository, commitId: string): Promise<number>
  /** Every file of a commit, in git's order; of one with too many to list, those of its root folder. */
  files(repo: Repository, commitId: string): Promise<readonly PathEntry[]>
  describe(repo: Repository, commitId: string, entries: readonly PathEntry[]): Promise<DescribedEntry[]>
  /** Whole content of a file of at most `limit` bytes; undefined when it is absent or larger. */
  readFile(repo: Repository, commitId: string, path: string, limit: number): Promise<Uint8Array | undefined>
  /** The commit that a full ref name is at. */
  refAt(repo: Repository, ref: string): Promise<string | undefined>
  /** Makes the ref of a new pull request, in the transaction that opens it. Throws RepoNotFound when the repository has gone. */
  addPullRequestRef(tx: Sql, repo: Repository, number: number, commitId: string): Promise<void>
  /** See `merge-refs.ts`. */
  merge(
    actor: User,
    repo: Repository,
    refs: MergedRefs,
    message: string,
    settle: (tx: Sql, merge: Merge) => Promise<void>,
  ): Promise<Merge>
  /** Paths that merging would conflict at; undefined when a ref is gone, or they have no common history. */
  conflicts(repo: Repository, refs: MergedRefs): Promise<readonly string[] | undefined>
  /** See `diff-commits.ts`. */
  diff(repo: Repository, from: string, to: string): Promise<string>
  /** Makes the writers of a repository wait for each other. Throws RepoNotFound when it has gone. */
  touch(tx: Sql, repo: Repository): Promise<void>
  /** The repository of this id, remembered until one changes: for what each request asks. */
  current(id: string): Repository | undefined | Promise<Repository | undefined>
  /** Who holds what this user uploads without writing to the repository. */
  readerHolder(user: User, repo: Repository): string
  /** Those of the blobs' `holders` whose repository is there still. */
  liveHolders(holders: readonly string[]): Promise<Set<string>>
  /** A file that is read by range; undefined when it is absent. Of one in git, which is small, each read takes all. */
  open(repo: Repository, commitId: string, path: string): Promise<OpenFile | undefined>
  /** What its whole history takes: each large file once at its full size, the rest packed by git (docs/decisions/0016). */
  storedBytes(repo: Repository): Promise<number>
  /** See `check-repos.ts`. */
  check(options: { deep: boolean; damaged: DamagedFiles }, report: CheckReport): Promise<void>
  /** Removes packs that no row knows, of cut commits and merged packs, once they are older than the grace. */
  collect(options: { dryRun: boolean; graceMs: number }): Promise<{ objects: number; bytes: number }>
  readonly routes: readonly Route[]
  readonly jobs: readonly JobHandler[]
}

export function createRepos(
  given: Omit<RepoParts, 'git' | 'mirror' | 'lookups' | 'admission' | 'commitTurns'> & {
    cacheFolder: string
    /** Bytes that mirrors of repositories may take there, beside those that are open. */
    cacheBytes: number
  },
): Repos {
  const parts: RepoParts = {
    ...given,
    lookups: createLookups(given.database),
    git: new GitObjects(given),
    mirror: new GitMirror({ ...given, folder: given.cacheFolder, limit: given.cacheBytes }),
    admission: createAdmission(),
    commitTurns: new Turns(),
  }
  const { sql } = parts.database
  return {
    find: (type, namespace, name) => findRepo(parts, type, namespace, name),
    locate: (type, namespace, name) => locateRepo(parts, type, namespace, name),
    byId: ids => reposById(sql, ids),
    allIds: () => allRepoIds(sql),
    resolve: (repo, revision) => resolveRevision(parts, repo, revision),
    committedAt: async (repo, commitId) => (await parts.git.commit(repo.id, commitId)).committer.time,
    files: (repo, commitId) => listFiles(parts, repo, commitId),
    describe: (repo, commitId, entries) => describeEntries(parts, repo, commitId, entries),
    readFile: (repo, commitId, path, limit) => readSmallFile(parts, repo, commitId, path, limit),
    refAt: async (repo, ref) => (await refsNamed(sql, repo.id, [ref])).get(ref)?.commitId,
    addPullRequestRef: (tx, repo, number, commitId) => addPullRequestRef(parts, tx, repo, number, commitId),
    merge: (actor, repo, refs, message, settle) => mergeRefs(parts, actor, repo, refs, message, settle),
    conflicts: (repo, refs) => findConflicts(parts, repo, refs),
    diff: (repo, from, to) => diffCommits(parts, repo, from, to),
    touch: (tx, repo) => touchRepo(tx, repo.id, parts.clock()),
    current: parts.lookups.repoById,
    readerHolder,
    async liveHolders(holders) {
      return holdersOf(holders, await livingIds(parts, [...new Set(holders.map(repoIdOf))]))
    },
    open: (repo, commitId, path) => openFile(parts, repo, commitId, path),
    storedBytes: async repo => (await packedBytes(sql, repo.id)) + (await parts.blobs.heldBytes(repo.id)),
    check: (options, report) => checkRepos(parts, options, report),
    collect: options => collectPacks(parts, options),
    jobs: [consolidatePacks(parts), rewriteHistory(parts), sweepDeleted(parts)] as unknown as JobHandler[],
    routes: [
      repoRoutes,
      treeRoutes,
      refRoutes,
      resolveRoutes,
      commitRoutes,
      lfsRoutes,
      lfsFileRoutes,
      xetRoutes,
      gitRoutes,
    ].flatMap(routesOf => routesOf(parts)),
  }
}
