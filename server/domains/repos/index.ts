/** Repositories: refs, packs, trees, commits; their files by HTTP; git and LFS on the wire; keys to the CAS. */

import type { Route } from '../../http/route.ts'
import type { Repository, RepoType } from '../../kernel/repository.ts'
import type { JobHandler } from '../../ports/queue.ts'
import type { CheckReport, DamagedFiles } from '../blobs/index.ts'
import { createAdmission } from './admission.ts'
import { checkRepos } from './check-repos.ts'
import { collectPacks } from './collect-packs.ts'
import { consolidatePacks } from './consolidate-packs.ts'
import { type DescribedEntry, describeEntries } from './describe-entries.ts'
import { type FileStart, readFileStart, readSmallFile } from './find-file.ts'
import { findRepo, locateRepo } from './find-repo.ts'
import { GitMirror } from './git-mirror.ts'
import { GitObjects } from './git-objects.ts'
import { createLookups } from './lookups.ts'
import type { RepoParts } from './parts.ts'
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
import { allRepoIds, reposById } from './store.ts'
import { packedBytes } from './store-packs.ts'
import { listFiles, type PathEntry } from './tree-listing.ts'
import { Turns } from './turns.ts'

export * from './errors.ts'
export { repoMigrations } from './migrations/index.ts'
export type { DescribedEntry, PathEntry }

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
  /** The first `length` bytes of a file and its size; undefined when it is absent. One in git has to be no longer. */
  readStart(repo: Repository, commitId: string, path: string, length: number): Promise<FileStart | undefined>
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
  },
): Repos {
  const parts: RepoParts = {
    ...given,
    lookups: createLookups(given.database),
    git: new GitObjects(given),
    mirror: new GitMirror({ ...given, folder: given.cacheFolder }),
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
    readStart: (repo, commitId, path, length) => readFileStart(parts, repo, commitId, path, length),
    storedBytes: async repo => (await packedBytes(sql, repo.id)) + (await parts.blobs.heldBytes(repo.id)),
    check: (options, report) => checkRepos(parts, options, report),
    collect: options => collectPacks(parts, options),
    jobs: [consolidatePacks(parts) as JobHandler, rewriteHistory(parts) as JobHandler],
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
