import { MalformedInput } from '../../kernel/errors.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import { type DescribedEntry, type Repos, RevisionNotFound } from '../repos/index.ts'
import { type CommitFacts, describeCommit } from './describe-commit.ts'
import type { CatalogRow } from './store.ts'

/** Repository info as clients read it: huggingface_hub `hf_api.py:ModelInfo`, `DatasetInfo`, `SpaceInfo`. */

type Property = string

const everywhere = [
  'author',
  'cardData',
  'createdAt',
  'disabled',
  'gated',
  'gitalyUid',
  'lastModified',
  'likes',
  'private',
  'resourceGroup',
  'sha',
  'siblings',
  'tags',
  'trendingScore',
  'usedStorage',
]

/**
 * What `expand` may ask for, by type: `hf_api.py:ExpandModelProperty_T`, `ExpandDatasetProperty_T`,
 * `ExpandSpaceProperty_T`, and the `*_EXPANDABLE_KEYS` of @huggingface/hub (`src/lib/list-models.ts` …).
 */
const expandable: Readonly<Record<Repository['type'], ReadonlySet<Property>>> = {
  model: new Set([
    ...everywhere,
    'baseModels',
    'childrenModelCount',
    'config',
    'downloads',
    'downloadsAllTime',
    'evalResults',
    'gguf',
    'inference',
    'inferenceProviderMapping',
    'library_name',
    'mask_token',
    'model-index',
    'pipeline_tag',
    'safetensors',
    'spaces',
    'transformersInfo',
    'widgetData',
    'securityRepoStatus',
  ]),
  dataset: new Set([
    ...everywhere,
    'citation',
    'description',
    'downloads',
    'downloadsAllTime',
    'mainSize',
    'paperswithcode_id',
  ]),
  space: new Set([...everywhere, 'datasets', 'host', 'models', 'region', 'runtime', 'sdk', 'subdomain']),
  // `hf_api.py:kernel_info` asks for none; these are what it reads.
  kernel: new Set([...everywhere, 'downloads', 'downloadsAllTime', 'library_name']),
}

/** Throws MalformedInput about a property that no client knows. */
export function checkExpand(type: Repository['type'], asked: readonly string[]): readonly string[] {
  const illegal = asked.find(property => !expandable[type].has(property))
  if (illegal === undefined) return asked
  throw new MalformedInput('expand', `"${illegal}" is not one of ${[...expandable[type]].join(', ')}`)
}

export function pick(all: Record<string, unknown>, asked: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(asked.map(property => [property, all[property]]))
}

/** What is known of a repository at a commit; properties that this hub has no value for are left out. */
export async function properties(
  repos: Repos,
  repo: Repository,
  commitId: string,
  facts: CommitFacts,
  counts: { likes: number; downloads: number; trending: number },
  options: { blobs: boolean },
): Promise<Record<Property, unknown>> {
  const { cardData } = facts
  return {
    author: repo.namespace,
    sha: commitId,
    lastModified: new Date(await repos.committedAt(repo, commitId)).toISOString(),
    private: repo.isPrivate,
    gated: repo.gated,
    disabled: false,
    likes: counts.likes,
    trendingScore: counts.trending,
    createdAt: new Date(repo.createdAt).toISOString(),
    tags: facts.tags,
    cardData,
    ...(repo.type !== 'space' && { downloads: counts.downloads, downloadsAllTime: counts.downloads }),
    ...(repo.type === 'model' && {
      pipeline_tag: facts.pipelineTag,
      library_name: facts.libraryName,
      config: facts.config,
      'model-index': cardData['model-index'],
      widgetData: cardData.widget,
      mask_token: cardData.mask_token,
    }),
    ...(repo.type === 'space' && { sdk: cardData.sdk, models: cardData.models, datasets: cardData.datasets }),
    siblings: await siblings(repos, repo, commitId, facts, options.blobs),
  }
}

export function identity(repo: Repository): Record<Property, unknown> {
  return { _id: repo.id, id: repoId(repo), ...(repo.type === 'model' && { modelId: repoId(repo) }) }
}

async function siblings(
  repos: Repos,
  repo: Repository,
  commitId: string,
  facts: CommitFacts,
  blobs: boolean,
): Promise<unknown[]> {
  if (!blobs) return facts.files.map(file => ({ rfilename: file.path }))
  const described = await repos.describe(repo, commitId, facts.files)
  return described.map(file => ({ rfilename: file.path, ...blobOf(file) }))
}

function blobOf(entry: DescribedEntry): Record<string, unknown> {
  if (entry.type === 'directory') return {}
  const { lfs } = entry
  return {
    size: entry.size,
    blobId: entry.oid,
    ...(lfs && { lfs: { sha256: lfs.oid, size: lfs.size, pointerSize: lfs.pointerSize } }),
  }
}

/** One line of a list, from the read model alone. */
export function listed(row: CatalogRow, tags: readonly string[]): Record<Property, unknown> {
  return {
    ...identity(repoOfRow(row)),
    author: row.namespace,
    ...(row.commit_id && { sha: row.commit_id }),
    lastModified: new Date(row.modified_at).toISOString(),
    createdAt: new Date(row.created_at).toISOString(),
    private: row.is_private === 1,
    gated: row.gated ?? false,
    disabled: false,
    likes: row.likes,
    trendingScore: row.trending,
    tags,
    ...(row.type !== 'space' && { downloads: row.downloads }),
    ...(row.type === 'model' && row.pipeline_tag && { pipeline_tag: row.pipeline_tag }),
    ...(row.type === 'model' && row.library_name && { library_name: row.library_name }),
  }
}

/** The whole of a list's line, read from the files of its head. Undefined when the repository was deleted meanwhile. */
export async function listedInFull(
  repos: Repos,
  row: CatalogRow,
): Promise<Record<Property, unknown> | undefined> {
  const repo = repoOfRow(row)
  try {
    const commitId = await repos.resolve(repo, 'HEAD')
    const facts = await describeCommit(repos, repo, commitId)
    return { ...identity(repo), ...(await properties(repos, repo, commitId, facts, row, { blobs: false })) }
  } catch (error) {
    if (error instanceof RevisionNotFound) return undefined
    throw error
  }
}

function repoOfRow(row: CatalogRow): Repository {
  return {
    id: row.repo_id,
    type: row.type,
    namespaceId: row.namespace_id,
    namespace: row.namespace,
    name: row.name,
    isPrivate: row.is_private === 1,
    gated: row.gated ?? false,
    createdAt: row.created_at,
    updatedAt: row.modified_at,
  }
}
