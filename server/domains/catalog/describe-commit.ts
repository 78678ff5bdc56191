import { inferRelation } from '../../formats/base-relation.ts'
import { TASK_IDS } from '../../formats/card-vocabulary.ts'
import { parseFrontMatter } from '../../formats/front-matter.ts'
import { cardTags } from '../../formats/model-card.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Repos } from '../repos/index.ts'
import { describeInShort, readCardText } from './card-text.ts'
import { inferLibrary, inferTask, inferTransformers, type TransformersInfo } from './infer-model.ts'
import { type ModelConfig, readEvalResults, readModelConfig } from './model-config.ts'
import { type GgufFacts, readGguf, readSafetensors, type SafetensorsFacts } from './weights.ts'

/** What the files of one commit say about it: JSON, made once and kept. */
export interface CommitFacts {
  readonly cardData: Readonly<Record<string, unknown>>
  readonly tags: readonly string[]
  /** The card's text in short. */
  readonly description?: string | undefined
  readonly citation?: string | undefined
  readonly pipelineTag?: string | undefined
  readonly libraryName?: string | undefined
  readonly config?: ModelConfig | undefined
  readonly transformersInfo?: TransformersInfo | undefined
  readonly safetensors?: SafetensorsFacts | undefined
  readonly gguf?: GgufFacts | undefined
  readonly evalResults?: readonly unknown[] | undefined
}

export interface DescribedCommit {
  readonly facts: CommitFacts
  /** The card's text, for search. */
  readonly text: string
}

const cardLimit = 1024 * 1024

export async function describeCommit(
  repos: Repos,
  repo: Repository,
  commitId: string,
): Promise<DescribedCommit> {
  const paths = new Set((await repos.files(repo, commitId)).map(file => file.path))
  const readText = async (path: string, limit: number) => {
    const bytes = await repos.readFile(repo, commitId, path, limit)
    return bytes && Buffer.from(bytes).toString('utf8')
  }
  const card = paths.has('README.md') ? await readText('README.md', cardLimit) : undefined
  const { data, body } = parseFrontMatter(card ?? '')
  const { text, citation } = readCardText(body)
  if (repo.type !== 'model') {
    const description = textOf(data.description) ?? describeInShort(text)
    return { facts: { cardData: data, tags: cardTags(data, body, repo.type), description, citation }, text }
  }
  const open = (path: string) => repos.open(repo, commitId, path)
  const config = await readModelConfig(paths, readText)
  const transformersInfo = config && inferTransformers(config)
  const ownTags = textsOf(data.tags)
  const libraryName = textOf(data.library_name) ?? inferLibrary(paths, ownTags, config)
  const pipelineTag =
    textOf(data.pipeline_tag) ??
    ownTags.find(tag => TASK_IDS.includes(tag)) ??
    transformersInfo?.pipeline_tag ??
    inferTask(libraryName, config)
  const bases = [data.base_model].flat()
  const relation = { base_model_relation: inferRelation(bases, paths, ownTags, config) }
  const tags = new Set([
    ...(libraryName ? [libraryName] : []),
    ...formatTags(paths),
    ...(typeof config?.model_type === 'string' ? [config.model_type] : []),
    ...(pipelineTag ? [pipelineTag] : []),
    ...cardTags({ ...relation, ...data }, body, 'model'),
    ...(mayChat(config, pipelineTag) ? ['conversational'] : []),
  ])
  const facts = {
    cardData: data,
    tags: [...tags],
    pipelineTag,
    libraryName,
    config,
    transformersInfo,
    safetensors: await readSafetensors(paths, open),
    gguf: await readGguf(paths, open),
    evalResults: await readEvalResults(paths, readText),
  }
  return { facts, text }
}

/** How many values its weights have, by whichever header says so; 0 when none does. */
export function countParameters({ safetensors, gguf }: CommitFacts): number {
  return safetensors?.total ?? gguf?.total ?? 0
}

/** What a Space names in its card, as `catalog_links` holds it. */
export function linksOf({ cardData }: CommitFacts): string[] {
  const links = (key: string, kind: string) => textsOf(cardData[key]).map(id => `${kind}:${id}`)
  return [...links('models', 'model'), ...links('datasets', 'dataset')]
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
  [/(^|\/)events\.out\.tfevents[^/]*$/, 'tensorboard'],
  [/\.mlpackage\/|\.mlmodel$/, 'coreml'],
  [/(^|\/)openvino_model\.xml$/, 'openvino'],
]

/** Parts of a path that one of the patterns may fit: most files are out at once. */
const mayTell =
  /\.(?:safetensors|gguf|onnx|bin|pth?|h5|msgpack|tflite|json|mlmodel|xml)$|tfevents|\.mlpackage\//

function formatTags(paths: Iterable<string>): string[] {
  const telling = [...paths].filter(path => mayTell.test(path))
  return formats.filter(([pattern]) => telling.some(path => pattern.test(path))).map(([, tag]) => tag)
}

/** A template for chat, and a task that talks. */
function mayChat(config: ModelConfig | undefined, task: string | undefined): boolean {
  const tokenizer = config?.tokenizer_config as Record<string, unknown> | undefined
  const hasTemplate = tokenizer?.chat_template !== undefined || config?.chat_template_jinja !== undefined
  return hasTemplate && (task === 'text-generation' || task === 'image-text-to-text')
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function textsOf(value: unknown): string[] {
  return [value].flat().filter(item => typeof item === 'string')
}
