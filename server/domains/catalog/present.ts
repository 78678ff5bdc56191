import { MalformedInput } from '../../kernel/errors.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { CommitFacts } from './describe-commit.ts'
import type { CatalogRow, Counts } from './store.ts'

/** Repository info as clients read it: huggingface_hub `hf_api.py:ModelInfo`, `DatasetInfo`, `SpaceInfo`. */

const everywhere = [
  'author',
  'cardData',
  'createdAt',
  'disabled',
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

/** huggingface_hub 0.3x asks for it before it uploads a large folder. Newer clients know it no more, and are not told of it. */
const forgotten = 'xetEnabled'

/**
 * What `expand` may ask for, by type: `hf_api.py:ExpandModelProperty_T`, `ExpandDatasetProperty_T`,
 * `ExpandSpaceProperty_T`, and `gitalyUid` of @huggingface/hub (`src/lib/list-models.ts` …), which this hub never has.
 */
const expandable: Readonly<Record<Repository['type'], ReadonlySet<string>>> = {
  model: new Set([
    ...everywhere,
    'baseModels',
    'childrenModelCount',
    'config',
    'downloads',
    'downloadsAllTime',
    'evalResults',
    'gated',
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
  ]),
  dataset: new Set([
    ...everywhere,
    'citation',
    'description',
    'downloads',
    'downloadsAllTime',
    'gated',
    'mainSize',
    'paperswithcode_id',
  ]),
  space: new Set([...everywhere, 'datasets', 'models', 'region', 'runtime', 'sdk', 'subdomain']),
  // `hf_api.py:kernel_info` asks for none; these are what it reads.
  kernel: new Set([...everywhere, 'downloads', 'downloadsAllTime', 'gated', 'library_name']),
}

/** Throws MalformedInput about a property that no client knows, in the words in which they expect it. */
export function checkExpand(type: Repository['type'], asked: readonly string[]): readonly string[] {
  const at = asked.findIndex(property => !expandable[type].has(property) && property !== forgotten)
  if (at < 0) return asked
  const known = [...expandable[type]].map(property => JSON.stringify(property)).join('|')
  throw new MalformedInput(
    `expand[${at}]`,
    `${JSON.stringify(asked[at]?.slice(0, 100))} is invalid: expected one of ${known}`,
  )
}

export function pick(all: Record<string, unknown>, asked: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(asked.map(property => [property, all[property]]))
}

/** What is known of a repository at a commit. */
export interface Known {
  readonly repo: Repository
  readonly counts: Counts
  readonly commitId: string | undefined
  /** When that commit was made. */
  readonly modifiedAt: number
  readonly facts: CommitFacts
  /** Files: their paths, and more when it is asked for. */
  readonly siblings: readonly { readonly rfilename: string }[]
}

/** Spaces are kept here, and none runs. */
export const notRunning = {
  stage: 'STOPPED',
  hardware: { current: null, requested: null },
  storage: null,
} as const

/** All properties that follow from it; those that this hub has no value for are left out. */
export function properties(known: Known): Record<string, unknown> {
  const { repo, counts, facts, siblings } = known
  const { cardData } = facts
  return {
    ...shown(known),
    tags: facts.tags,
    cardData,
    usedStorage: counts.used_storage,
    xetEnabled: true,
    ...(repo.type !== 'space' && { downloadsAllTime: counts.downloads }),
    ...(repo.type === 'model' && {
      pipeline_tag: facts.pipelineTag,
      library_name: facts.libraryName,
      mask_token: maskToken(facts),
      config: facts.config,
      transformersInfo: facts.transformersInfo,
      'model-index': cardData['model-index'],
      widgetData: cardData.widget,
      safetensors: facts.safetensors,
      gguf: facts.gguf,
      evalResults: facts.evalResults,
      baseModels: baseModels(facts),
      inferenceProviderMapping: [],
    }),
    ...(repo.type === 'dataset' && {
      description: facts.description,
      citation: facts.citation,
      paperswithcode_id: cardData.paperswithcode_id,
      mainSize: counts.main_size,
    }),
    ...(repo.type === 'space' && {
      sdk: cardData.sdk,
      models: listOf(cardData.models) ?? [],
      datasets: listOf(cardData.datasets) ?? [],
      subdomain: `${repo.namespace}-${repo.name}`.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
      runtime: notRunning,
    }),
    siblings,
  }
}

/** Of the default line of lists, what does not come from tables of its own. */
function shown({ repo, counts, commitId, modifiedAt }: Omit<Known, 'facts' | 'siblings'>) {
  return {
    author: repo.namespace,
    ...(commitId !== undefined && { sha: commitId }),
    lastModified: new Date(modifiedAt).toISOString(),
    createdAt: new Date(repo.createdAt).toISOString(),
    private: repo.isPrivate,
    gated: repo.gated,
    disabled: false,
    likes: counts.likes,
    trendingScore: counts.trending,
    ...(repo.type !== 'space' && { downloads: counts.downloads }),
  }
}

function maskToken({ cardData, config }: CommitFacts): unknown {
  const { mask_token: own } = (config?.tokenizer_config ?? {}) as Record<string, unknown>
  const content = typeof own === 'object' && own !== null ? (own as Record<string, unknown>).content : own
  return cardData.mask_token ?? content
}

/** As the public hub answers. `base_models` of huggingface_hub is whatever this is. */
function baseModels({ cardData, tags }: CommitFacts) {
  const names = listOf(cardData.base_model)
  if (!names) return undefined
  const relation = tags.find(tag => /^base_model:[a-z]+:/.test(tag))?.split(':')[1]
  return { relation, models: names.map(id => ({ id })) }
}

/** The texts of a key that holds one or several. */
function listOf(value: unknown): string[] | undefined {
  const list = [value].flat().filter(item => typeof item === 'string')
  return list.length > 0 ? list : undefined
}

export function identity(repo: Repository): Record<string, unknown> {
  return { _id: repo.id, id: repoId(repo), ...(repo.type === 'model' && { modelId: repoId(repo) }) }
}

/** One line of a list, from the row and its tags alone. */
export function listed(row: CatalogRow, tags: readonly string[]): Record<string, unknown> {
  const repo = repoOfRow(row)
  return {
    ...identity(repo),
    ...shown({ repo, counts: row, commitId: row.commit_id ?? undefined, modifiedAt: row.modified_at }),
    tags,
    ...(row.type === 'model' && row.pipeline_tag && { pipeline_tag: row.pipeline_tag }),
    ...(row.type === 'model' && row.library_name && { library_name: row.library_name }),
  }
}

/** What a line of a list has without its facts. */
export const listedKeys: ReadonlySet<string> = new Set([
  ...['author', 'sha', 'lastModified', 'createdAt', 'private', 'gated', 'disabled', 'likes', 'trendingScore'],
  ...['downloads', 'tags', 'pipeline_tag', 'library_name'],
])

export function repoOfRow(row: CatalogRow): Repository {
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
