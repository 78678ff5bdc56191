import { MalformedInput } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Repos } from '../repos/index.ts'
import type { ModelFiles } from './model-files.ts'

/** Of a repository with more, only these first ones are looked at. */
const fileLimit = 20_000

/** The files of a commit, read by range out of the store. */
export async function repoFiles(
  repos: Pick<Repos, 'files' | 'describe' | 'open'>,
  repo: Repository,
  commitId: string,
): Promise<ModelFiles> {
  const entries = (await repos.files(repo, commitId)).slice(0, fileLimit)
  const listed = await repos.describe(repo, commitId, entries)
  return {
    list: () => listed,
    async open(path) {
      const source = await repos.open(repo, commitId, path)
      if (!source) throw new MalformedInput(path, 'is a pointer to bytes that are not here')
      return source
    },
  }
}
