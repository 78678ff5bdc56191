import { parseFrontMatter } from '../../formats/front-matter.ts'

/**
 * The parts of a model's configuration files that clients and pages read, as `config` of its info has them
 * (huggingface.js `packages/tasks/src/model-data.ts`, `tokenizer-data.ts`).
 */
export type ModelConfig = Readonly<Record<string, unknown>>

export type ReadText = (path: string, limit: number) => Promise<string | undefined>

const configLimit = 1024 * 1024
/** It may list thousands of added tokens. */
const tokenizerLimit = 16 * 1024 * 1024
/** A template that is longer is no text for people. */
const templateLimit = 256 * 1024

const tokens = ['bos', 'eos', 'unk', 'pad', 'mask', 'cls', 'sep'].map(name => `${name}_token`)

export async function readModelConfig(
  paths: ReadonlySet<string>,
  read: ReadText,
): Promise<ModelConfig | undefined> {
  const json = async (path: string, limit = configLimit) =>
    paths.has(path) ? parseRecord(await read(path, limit)) : undefined
  const main = await json('config.json')
  const tokenizer = await json('tokenizer_config.json', tokenizerLimit)
  const diffusers = await json('model_index.json')
  const adapter = await json('adapter_config.json')
  const processor = await json('processor_config.json')
  const template = paths.has('chat_template.jinja')
    ? await read('chat_template.jinja', templateLimit)
    : undefined
  const config = {
    ...pick(main, ['architectures', 'model_type', 'auto_map', 'quantization_config']),
    ...part('tokenizer_config', pick(tokenizer, [...tokens, 'chat_template', 'use_default_system_prompt'])),
    ...part('processor_config', pick(processor, ['chat_template'])),
    ...part('diffusers', pick(diffusers, ['_class_name'])),
    ...part('peft', pick(adapter, ['base_model_name_or_path', 'task_type'])),
    ...(template && { chat_template_jinja: template }),
    // What tells a model that sees from one that only reads.
    ...(typeof main?.vision_config === 'object' && main.vision_config !== null && { vision_config: {} }),
  }
  return Object.keys(config).length > 0 ? config : undefined
}

/** Results of benchmarks: `.eval_results/*.yaml` (`_eval_results.py:parse_eval_result_entries`). */
export async function readEvalResults(
  paths: Iterable<string>,
  read: ReadText,
): Promise<Record<string, unknown>[] | undefined> {
  const found = [...paths].filter(path => /^\.eval_results\/[^/]+\.ya?ml$/.test(path)).slice(0, 100)
  const entries: Record<string, unknown>[] = []
  for (const filename of found) {
    const text = await read(filename, configLimit)
    const { data, faults } = parseFrontMatter(`---\nresults:\n${text ?? ''}\n---\n`)
    const results = Array.isArray(data.results) ? data.results : []
    if (faults[0] !== undefined || results.length === 0)
      entries.push({ filename, error: faults[0] ?? 'must be a list of results' })
    for (const result of results) {
      entries.push(
        isResult(result)
          ? { filename, data: result }
          : { filename, error: 'a result needs dataset.id, dataset.task_id and value' },
      )
    }
  }
  return entries.length > 0 ? entries : undefined
}

function isResult(value: unknown): boolean {
  const { dataset, value: score } = isRecord(value) ? value : {}
  return isRecord(dataset) && 'id' in dataset && 'task_id' in dataset && score != null
}

function pick(record: Record<string, unknown> | undefined, keys: readonly string[]): Record<string, unknown> {
  const entries = keys.map(key => [key, record?.[key]] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

function part(key: string, value: Record<string, unknown>): Record<string, unknown> {
  return Object.keys(value).length > 0 ? { [key]: value } : {}
}

function parseRecord(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    // A broken file is its owner's business; it only tells us nothing.
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
