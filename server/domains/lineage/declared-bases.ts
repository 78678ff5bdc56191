import { type BaseRelation, inferRelation } from '../../formats/base-relation.ts'
import { type CardValue, parseFrontMatter } from '../../formats/front-matter.ts'
import type { FileClaim } from '../sketches/index.ts'
import type { Relation } from './relations.ts'

/** A base that a model says it has, and where it says so. */
export interface DeclaredBase {
  /** `ns/name`, or a bare name, as it is written. */
  readonly name: string
  readonly relation: BaseRelation | Relation | null
  readonly sources: readonly Source[]
}

type Source = FileClaim['source'] | 'card' | 'mergekit'

export interface Said {
  /** The model's own `ns/name`. */
  readonly id: string
  readonly paths: ReadonlySet<string>
  readonly card: string | undefined
  /** `mergekit_config.yml` or its like. */
  readonly recipe: string | undefined
  readonly claims: readonly FileClaim[]
}

const declaredLimit = 32

/** Each name once, cards first: people mean what they write there. */
export function declaredBases({ id, paths, card, recipe, claims }: Said): DeclaredBase[] {
  const { data } = parseFrontMatter(card ?? '')
  const bases = textsOf(data.base_model)
  const relation =
    relationOf(data.base_model_relation) ?? inferRelation(bases, paths, textsOf(data.tags), undefined)
  const all: { name: string; relation: DeclaredBase['relation']; source: Source }[] = [
    ...bases.map(name => ({ name, relation, source: 'card' as const })),
    ...basesOfRecipe(recipe).map(base => ({ ...base, source: 'mergekit' as const })),
    ...claims.map(({ source, name }) => ({ name, relation: relationOfClaim(source), source })),
  ]
  const found = new Map<string, { -readonly [Key in keyof DeclaredBase]: DeclaredBase[Key] }>()
  for (const { name: written, relation, source } of all) {
    const name = nameOf(written)
    // transformers writes whatever path it was loaded from.
    if (!name || (source === 'config.json' && !name.includes('/'))) continue
    if (name.toLowerCase() === id.toLowerCase()) continue
    const known = found.get(name.toLowerCase())
    if (known) {
      known.relation ??= relation
      if (!known.sources.includes(source)) known.sources = [...known.sources, source]
    } else if (found.size < declaredLimit)
      found.set(name.toLowerCase(), { name, relation, sources: [source] })
  }
  return [...found.values()]
}

/** `ns/name` of an id or of the URL of a repository on any hub; undefined for a path on somebody's disk. */
function nameOf(written: string): string | undefined {
  const name = written
    .trim()
    .replace(/^https?:\/\/[^/]+\//, '')
    .replace(/(?:\.git)?\/?$/, '')
  return /^(?:[A-Za-z0-9][\w.-]*\/)?[A-Za-z0-9][\w.-]{0,95}$/.test(name) && !/--|\.\./.test(name)
    ? name
    : undefined
}

function relationOf(value: unknown): BaseRelation | undefined {
  return (['adapter', 'finetune', 'merge', 'quantized'] as const).find(known => known === value)
}

function relationOfClaim(source: FileClaim['source']): BaseRelation | null {
  if (source === 'adapter_config.json') return 'adapter'
  return source === 'gguf' ? 'quantized' : null
}

const methods: Readonly<Record<string, Relation>> = {
  linear: 'merge_linear',
  slerp: 'merge_slerp',
  ties: 'merge_ties',
  dare_ties: 'merge_dare',
  dare_linear: 'merge_dare',
  passthrough: 'merge_passthrough',
}

/** mergekit `config.py:MergeConfiguration`: `models`, `slices[].sources`, `base_model`, `merge_method`. */
function basesOfRecipe(recipe: string | undefined): { name: string; relation: DeclaredBase['relation'] }[] {
  if (recipe === undefined) return []
  const { data } = parseFrontMatter(`---\n${recipe.replace(/^---[ \t]*\n/, '')}\n---\n`)
  const relation = methods[String(data.merge_method)] ?? 'merge'
  const inputs = [data.models, recordsOf(data.slices).map(({ sources }) => sources)].flat(2)
  const references = [...inputs.map(input => recordsOf(input)[0]?.model), data.base_model]
  return references.flatMap(reference => {
    const name = referenceName(reference)
    return name === undefined ? [] : [{ name, relation }]
  })
}

/** `name`, `name@revision`, `name+lora`, or `{ model: { path } }` (mergekit `common.py:ModelReference`). */
function referenceName(reference: CardValue | undefined): string | undefined {
  const [record] = recordsOf(reference)
  if (record) return referenceName(record.path ?? record.model)
  return typeof reference === 'string' ? reference.split(/[+@]/)[0] : undefined
}

function recordsOf(value: CardValue | undefined): { [key: string]: CardValue }[] {
  return [value]
    .flat()
    .filter(item => typeof item === 'object' && item !== null && !Array.isArray(item)) as never
}

function textsOf(value: CardValue | undefined): string[] {
  return [value].flat().filter(item => typeof item === 'string')
}
