import type { RepoType } from '../kernel/repository.ts'
import { LIBRARY_IDS, TASK_IDS } from './card-vocabulary.ts'

/** What kind of thing a tag names, and how it is called there: `license:mit` → license, mit. */
interface TypedTag {
  readonly type: string
  readonly label: string
}

/** `type:value` tags whose first part says what they are; others that look so (`a:b`) are just tags. */
const prefixes: Readonly<Record<RepoType, ReadonlySet<string>>> = {
  model: new Set(['license', 'dataset', 'region', 'base_model', 'arxiv']),
  dataset: new Set([
    'annotations_creators',
    'arxiv',
    'benchmark',
    'format',
    'language',
    'language_creators',
    'library',
    'license',
    'modality',
    'multilinguality',
    'region',
    'size_categories',
    'source_datasets',
    'task_categories',
    'task_ids',
  ]),
  space: new Set(['license', 'region', 'arxiv']),
  kernel: new Set(['license', 'region', 'arxiv']),
}

const libraries: ReadonlySet<string> = new Set(LIBRARY_IDS)
const tasks: ReadonlySet<string> = new Set(TASK_IDS)
const languages = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' })

/** The type of a tag as the public hub's `{models,datasets}-tags-by-type` has them. */
export function typeOfTag(repoType: RepoType, tag: string): TypedTag {
  const colon = tag.indexOf(':')
  const prefix = tag.slice(0, Math.max(colon, 0))
  if (colon > 0 && prefixes[repoType].has(prefix)) {
    const value = tag.slice(colon + 1)
    return { type: prefix, label: prefix === 'language' ? (languageName(value) ?? value) : value }
  }
  if (repoType !== 'model') return { type: 'other', label: tag }
  if (libraries.has(tag)) return { type: 'library', label: tag }
  if (tasks.has(tag)) return { type: 'pipeline_tag', label: tag }
  const language = languageName(tag)
  return language === undefined ? { type: 'other', label: tag } : { type: 'language', label: language }
}

/** ISO 639 codes of two letters, and those of three that have a name of their own. */
function languageName(code: string): string | undefined {
  return /^[a-z]{2,3}$/.test(code) ? languages.of(code) : undefined
}
