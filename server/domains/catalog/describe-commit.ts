import { LRUCache } from 'lru-cache'
import { parseFrontMatter } from '../../formats/front-matter.ts'
import { cardTags } from '../../formats/model-card.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { PathEntry, Repos } from '../repos/index.ts'

/** What the files of one commit say about it: the card, the library, the tags. */
export interface CommitFacts {
  readonly files: readonly PathEntry[]
  readonly cardData: Readonly<Record<string, unknown>>
  readonly tags: readonly string[]
  readonly pipelineTag: string | undefined
  readonly libraryName: string | undefined
  /** The part of `config.json` that clients read. */
  readonly config: Readonly<Record<string, unknown>> | undefined
}

const cardLimit = 1024 * 1024
const configLimit = 1024 * 1024

/** Commits do not change: what was read of the last ones is kept, some 250 bytes a file and what card and config hold. */
const known = new LRUCache<string, CommitFacts>({ maxSize: 32 * 1024 * 1024 })

export async function describeCommit(repos: Repos, repo: Repository, commitId: string): Promise<CommitFacts> {
  const key = `${repo.id}/${commitId}`
  const before = known.get(key)
  if (before) return before
  const files = await repos.files(repo, commitId)
  const card = await repos.readFile(repo, commitId, 'README.md', cardLimit)
  const { data, body } = parseFrontMatter(Buffer.from(card ?? []).toString('utf8'))
  const config = await readConfig(repos, repo, commitId)
  const libraryName = textOf(data.library_name) ?? (config?.model_type ? 'transformers' : undefined)
  const tags = new Set([
    ...(repo.type === 'model' && libraryName ? [libraryName] : []),
    ...(repo.type === 'model' ? formatTags(files) : []),
    ...(typeof config?.model_type === 'string' ? [config.model_type] : []),
    ...cardTags(data, body, repo.type),
  ])
  const facts: CommitFacts = {
    files,
    cardData: data,
    tags: [...tags],
    pipelineTag: textOf(data.pipeline_tag),
    libraryName,
    config,
  }
  const kept = JSON.stringify([data, facts.tags, config]).length
  known.set(key, facts, { size: files.length * 250 + kept })
  return facts
}

async function readConfig(
  repos: Repos,
  repo: Repository,
  commitId: string,
): Promise<Record<string, unknown> | undefined> {
  if (repo.type !== 'model') return undefined
  const bytes = await repos.readFile(repo, commitId, 'config.json', configLimit)
  if (!bytes) return undefined
  try {
    const config: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (typeof config !== 'object' || config === null) return undefined
    const { architectures, model_type, auto_map, quantization_config } = config as Record<string, unknown>
    return JSON.parse(JSON.stringify({ architectures, model_type, auto_map, quantization_config }))
  } catch {
    // A broken config.json is its owner's business; it only tells us nothing.
    return undefined
  }
}

const formats: readonly [RegExp, string][] = [
  [/\.safetensors$/, 'safetensors'],
  [/\.gguf$/, 'gguf'],
  [/\.onnx$/, 'onnx'],
  [/(^|\/)pytorch_model.*\.bin$|\.pth?$/, 'pytorch'],
  [/(^|\/)tf_model\.h5$/, 'tf'],
  [/(^|\/)flax_model\.msgpack$/, 'jax'],
  [/\.tflite$/, 'tflite'],
  [/(^|\/)adapter_config\.json$/, 'peft'],
]

/** How a path ends that one of the patterns may fit: most files are out at once. */
const mayTell = /\.(?:safetensors|gguf|onnx|bin|pth?|h5|msgpack|tflite|json)$/

function formatTags(files: readonly PathEntry[]): string[] {
  const telling = files.filter(file => mayTell.test(file.path))
  return formats.filter(([pattern]) => telling.some(file => pattern.test(file.path))).map(([, tag]) => tag)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
