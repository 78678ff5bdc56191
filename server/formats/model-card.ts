import type { RepoType } from '../kernel/repository.ts'
import { BASE_MODEL_RELATIONS, LICENSE_IDS, TASK_IDS } from './card-vocabulary.ts'
import { type CardData, type CardValue, parseFrontMatter } from './front-matter.ts'

/** One sentence for the author of a card, in the wording of the public hub where its wording is known. */
type CardRemark = { readonly message: string }

/**
 * A card, read and judged. `data` is JSON and empty without (valid) front matter; `body` is the text below it. With
 * `errors` the hub refuses the card, `warnings` are shown and do no harm.
 */
export type Card = {
  readonly data: CardData
  readonly body: string
  readonly errors: readonly CardRemark[]
  readonly warnings: readonly CardRemark[]
}

/** Keys of datasets that become tags `key:value`, in the order in which the public hub lists them. */
const DATASET_TAG_KEYS = [
  'task_categories',
  'task_ids',
  'annotations_creators',
  'language_creators',
  'multilinguality',
  'source_datasets',
] as const

const isRecord = (value: CardValue | undefined): value is CardData =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The texts of a key that may hold one or a list; whatever is not text is left out. */
function texts(value: CardValue | undefined): string[] {
  return [value].flat().filter(item => typeof item === 'string' && item !== '') as string[]
}

/**
 * Reads a README.md and judges its metadata as `POST /api/validate-yaml` answers it: types, licence ids and the shape
 * of `model-index` are errors; words we do not know elsewhere are warnings, so that no card is kept out for a
 * vocabulary that grows. A key without value counts as absent. Never throws.
 * Source: hub-docs modelcard.md, datasetcard.md; huggingface_hub tests/test_repocard.py.
 */
export function validateCard(markdown: string, repoType: RepoType): Card {
  const { data, body, faults } = parseFrontMatter(markdown)
  const judge = new Judge()
  for (const fault of faults) judge.error(fault)
  if (faults.length === 0 && Object.keys(data).length === 0) {
    judge.warn('empty or missing yaml metadata in repo card')
  }
  judge.license(data)
  judge.textOrTexts('language', data.language)
  judge.textOrTexts('tags', data.tags)
  for (const key of ['license_name', 'license_link', 'pretty_name'] as const) judge.text(key, data[key])
  if (repoType === 'model') judge.model(data)
  if (repoType === 'dataset') judge.dataset(data)
  if (repoType === 'space') judge.space(data)
  for (const language of texts(data.language)) {
    if (!/^(?:[a-z]{2,3}|code|multilingual)$/.test(language)) {
      judge.warn(
        `"language" with value ${quote(language)} is not valid: give a code of ISO 639 (two or three letters), "code" or "multilingual"`,
      )
    }
  }
  return { data, body, errors: judge.errors, warnings: judge.warnings }
}

/** A value as it stands in a message: quoted, and not longer than a line. */
function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}

/** A list of a hundred thousand wrong items needs no hundred thousand sentences. */
const REMARK_LIMIT = 20

class Judge {
  readonly errors: CardRemark[] = []
  readonly warnings: CardRemark[] = []

  error(message: string): void {
    if (this.errors.length < REMARK_LIMIT) this.errors.push({ message })
  }

  warn(message: string): void {
    if (this.warnings.length < REMARK_LIMIT) this.warnings.push({ message })
  }

  text(name: string, value: CardValue | undefined): void {
    if (value != null && typeof value !== 'string') this.error(`"${name}" must be a string`)
  }

  textOrTexts(name: string, value: CardValue | undefined): void {
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) {
        if (typeof item !== 'string') this.error(`"${name}[${i}]" must be a string`)
      }
    } else if (value != null && typeof value !== 'string') {
      this.error(`"${name}" must be a string or an array of strings`)
    }
  }

  /** A text that must be there. */
  required(name: string, value: CardValue | undefined): void {
    if (value == null) this.error(`"${name}" is required`)
    else this.text(name, value)
  }

  tasks(name: string, value: CardValue | undefined): void {
    for (const task of texts(value)) {
      if (!TASK_IDS.includes(task)) {
        this.warn(`"${name}" with value ${quote(task)} is not a known task: ${TASK_IDS.join(', ')}`)
      }
    }
  }

  license(data: CardData): void {
    this.textOrTexts('license', data.license)
    const ids = texts(data.license)
    for (const [i, id] of ids.entries()) {
      const name = Array.isArray(data.license) ? `license[${i}]` : 'license'
      if (!LICENSE_IDS.includes(id)) this.error(`"${name}" must be one of [${LICENSE_IDS.join(', ')}]`)
    }
    if (ids.includes('other') && data.license_name == null) {
      this.warn('"license" is "other": name it in "license_name" and link its text in "license_link"')
    }
  }

  model(data: CardData): void {
    this.text('pipeline_tag', data.pipeline_tag)
    this.tasks('pipeline_tag', data.pipeline_tag)
    this.text('library_name', data.library_name)
    for (const key of ['datasets', 'metrics', 'base_model'] as const) this.textOrTexts(key, data[key])
    const relation = data.base_model_relation
    if (relation != null && !(BASE_MODEL_RELATIONS as readonly CardValue[]).includes(relation)) {
      this.error(`"base_model_relation" must be one of [${BASE_MODEL_RELATIONS.join(', ')}]`)
    }
    for (const key of ['datasets', 'base_model'] as const) {
      for (const id of texts(data[key])) {
        if (!isRepoId(id))
          this.warn(
            `"${key}" with value ${quote(id)} is not valid: give a repository id like "namespace/name"`,
          )
      }
    }
    this.modelIndex(data['model-index'])
  }

  dataset(data: CardData): void {
    for (const key of [...DATASET_TAG_KEYS, 'size_categories'] as const) this.textOrTexts(key, data[key])
    this.tasks('task_categories', data.task_categories)
  }

  space(data: CardData): void {
    for (const key of ['title', 'sdk'] as const) this.text(key, data[key])
  }

  /** hub-docs modelcard.md: name, results of task, dataset, metrics, and a source with its url. */
  modelIndex(index: CardValue | undefined): void {
    this.#records('model-index', index, (path, model) => {
      this.required(`${path}.name`, model.name)
      if (model.results == null) this.error(`"${path}.results" is required`)
      this.#records(`${path}.results`, model.results, (result, { task, dataset, metrics, source }) => {
        this.#record(`${result}.task`, task, true, ({ type }) => this.required(`${result}.task.type`, type))
        this.#record(`${result}.dataset`, dataset, true, ({ type, name }) => {
          this.required(`${result}.dataset.type`, type)
          this.required(`${result}.dataset.name`, name)
        })
        if (metrics == null) this.error(`"${result}.metrics" is required`)
        this.#records(`${result}.metrics`, metrics, (metric, { type, value }) => {
          this.required(`${metric}.type`, type)
          if (value == null) this.error(`"${metric}.value" is required`)
        })
        this.#record(`${result}.source`, source, false, ({ url }) =>
          this.required(`${result}.source.url`, url),
        )
      })
    })
  }

  #record(
    path: string,
    value: CardValue | undefined,
    needed: boolean,
    read: (record: CardData) => void,
  ): void {
    if (isRecord(value)) read(value)
    else if (value != null) this.error(`"${path}" must be of type object`)
    else if (needed) this.error(`"${path}" is required`)
  }

  #records(path: string, value: CardValue | undefined, read: (path: string, record: CardData) => void): void {
    if (value == null) return
    if (!Array.isArray(value)) {
      this.error(`"${path}" must be an array`)
      return
    }
    for (const [i, item] of value.entries())
      this.#record(`${path}[${i}]`, item, true, record => read(`${path}[${i}]`, record))
  }
}

/** `name` or `namespace/name`, as `datasets` and `base_model` hold it. */
function isRepoId(id: string): boolean {
  return /^(?:[A-Za-z0-9._-]+\/)?[A-Za-z0-9._-]{1,96}$/.test(id) && !/^[./-]|--|\.\./.test(id)
}

const ARXIV = /(?:\barxiv\.org\/(?:abs|pdf|html)\/|\/papers\/|\barxiv:\s?)(\d{4}\.\d{4,5})(?!\d)/gi

/**
 * The tags that the public hub derives from a card, without duplicates and in its order; whatever has the wrong type
 * is left out, so cards that `validateCard` refuses may be given. `body` is searched for arXiv ids: links to arXiv or
 * to a paper page, and `arXiv:id`. Tags that come from files or settings are not the card's matter.
 */
export function cardTags(data: CardData, body: string, repoType: RepoType): string[] {
  const prefixed = (key: string, prefix = key) => texts(data[key]).map(value => `${prefix}:${value}`)
  const arxiv = [...body.matchAll(ARXIV)].map(match => `arxiv:${match[1]}`)
  const licenses = prefixed('license')
  const tags = texts(data.tags)
  if (repoType === 'dataset') {
    const described = DATASET_TAG_KEYS.flatMap(key => prefixed(key))
    const rest = [...prefixed('language'), ...licenses, ...prefixed('size_categories'), ...arxiv, ...tags]
    return [...new Set([...described, ...rest])]
  }
  if (repoType === 'space') return [...new Set([...single(data.sdk), ...tags, ...licenses, ...arxiv])]
  const bases = texts(data.base_model).filter(isRepoId)
  const relation = BASE_MODEL_RELATIONS.find(known => known === data.base_model_relation)
  return [
    ...new Set([
      ...single(data.library_name),
      ...single(data.pipeline_tag),
      ...tags,
      ...texts(data.language),
      ...prefixed('datasets', 'dataset'),
      ...arxiv,
      ...bases.map(base => `base_model:${base}`),
      ...(relation === undefined ? [] : bases.map(base => `base_model:${relation}:${base}`)),
      ...licenses,
      // huggingface_hub `hf_api.py:list_models` finds by it those that tell what they cost the climate.
      ...(data.co2_eq_emissions == null ? [] : ['co2_eq_emissions']),
    ]),
  ]
}

const single = (value: CardValue | undefined) => (typeof value === 'string' && value !== '' ? [value] : [])
