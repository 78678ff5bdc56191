import { defaultBranch, type Repository } from '../../kernel/repository.ts'
import type { JobHandler, Projection } from '../../ports/queue.ts'
import { RevisionNotFound } from '../repos/index.ts'
import { type CommitFacts, describeCommit } from './describe-commit.ts'
import type { CatalogParts } from './parts.ts'
import { termsOfText } from './search-terms.ts'
import { type Head, removeRepo, saveHead, saveRepo } from './store.ts'
import { changeLikes } from './store-counts.ts'

/** Names, visibility and likes are in the lists as soon as they are true. */
export const projections: readonly Projection[] = [
  { on: 'repo-saved', apply: (tx, { repo }) => saveRepo(tx, repo) },
  { on: 'repo-deleted', apply: (tx, { repoId }) => removeRepo(tx, repoId) },
  { on: 'repo-liked', apply: (tx, { repoId, change }) => changeLikes(tx, repoId, change) },
] satisfies [Projection<'repo-saved'>, Projection<'repo-deleted'>, Projection<'repo-liked'>] as never

/** What the files say follows by a job. */
export function refreshJob(parts: CatalogParts): JobHandler<'ref-moved'> {
  return {
    name: 'catalog.refresh-head',
    on: 'ref-moved',
    key: ({ repoId }) => repoId,
    async run({ repoId }) {
      const [repo] = await parts.repos.byId([repoId])
      if (!repo) return
      try {
        const head = await readHead(parts, repo)
        await parts.database.transaction(tx => saveHead(tx, repo.id, head))
      } catch (error) {
        // Deleted since we looked.
        if (!(error instanceof RevisionNotFound)) throw error
      }
    },
  }
}

async function readHead({ repos }: CatalogParts, repo: Repository): Promise<Head> {
  const commitId = await repos.resolve(repo, `refs/heads/${defaultBranch}`)
  const { facts, text } = await describeCommit(repos, repo, commitId)
  const files = await repos.files(repo, commitId)
  let mainSize = 0
  for (let at = 0; at < files.length; at += describedAtOnce) {
    const described = await repos.describe(repo, commitId, files.slice(at, at + describedAtOnce))
    for (const { size } of described) mainSize += size
  }
  return {
    commitId,
    modifiedAt: await repos.committedAt(repo, commitId),
    facts,
    paths: files.map(file => file.path),
    terms: termsOfText(textsOf(facts, text)),
    mainSize,
    usedStorage: await repos.storedBytes(repo),
  }
}

const describedAtOnce = 1000

/** What search looks into, beside the name: what comes first counts when there is more than is kept. */
function* textsOf({ cardData, tags, description }: CommitFacts, text: string): Generator<string> {
  for (const title of [cardData.pretty_name, cardData.title, cardData.short_description, description])
    if (typeof title === 'string') yield title
  yield* tags
  yield text
}
