import type { Recovered, Truth } from './truth.ts'

/** Right answers of all. */
export interface Share {
  readonly right: number
  readonly of: number
}

export interface Edges {
  readonly precision: Share
  readonly recall: Share
  readonly f1: number
}

type Recovery = ReadonlyMap<string, Recovered>

const parentsOf = (recovery: Recovery, id: string): string[] => [
  ...new Set((recovery.get(id)?.parents ?? []).map(p => p.id)),
]

/** What a model is said to be: the relation of the parent of the highest score, `root` where none was found. */
function relationOf(recovery: Recovery, id: string): string {
  const parents = recovery.get(id)?.parents ?? []
  const [best] = parents.toSorted((a, b) => (b.score ?? 0) - (a.score ?? 0))
  return best?.relation ?? 'root'
}

export const rate = ({ right, of }: Share): number => (of ? right / of : Number.NaN)

function edges(precision: Share, recall: Share): Edges {
  const [p, r] = [rate(precision), rate(recall)]
  return { precision, recall, f1: p + r ? (2 * p * r) / (p + r) : 0 }
}

/**
 * Edges child → parent. The base of a merge of task vectors is neither asked for nor counted against who names it.
 * alike: whether a guessed parent passes for a true one. counts: of which children.
 */
function compare(
  truth: Truth,
  recovery: Recovery,
  alike: (guess: string, parent: string) => boolean,
  counts = (_child: string): boolean => true,
): Edges {
  let guesses = 0
  let right = 0
  let asked = 0
  let found = 0
  for (const { id, truth: own } of truth.hub) {
    if (!counts(id)) continue
    const named = parentsOf(recovery, id).filter(p => p !== own.detail.base || own.parents.includes(p))
    guesses += named.length
    right += named.filter(guess => own.parents.some(parent => alike(guess, parent))).length
    asked += own.parents.length
    found += own.parents.filter(parent => named.some(guess => alike(guess, parent))).length
  }
  return edges({ right, of: guesses }, { right: found, of: asked })
}

export function exactEdges(truth: Truth, recovery: Recovery, counts?: (child: string) => boolean): Edges {
  return compare(truth, recovery, (guess, parent) => guess === parent, counts)
}

/** As exactEdges, but a model of the same values as a parent will do: no weights tell them apart. */
export function edgesUpToCopies(truth: Truth, recovery: Recovery): Edges {
  return compare(truth, recovery, (guess, parent) => truth.original.get(guess) === truth.original.get(parent))
}

/** Edges without their direction, and how many of those that are right point the right way. */
export function undirectedEdges(truth: Truth, recovery: Recovery): Edges & { readonly direction: Share } {
  const key = (a: string, b: string) => (a < b ? `${a}\n${b}` : `${b}\n${a}`)
  const asked = new Map(truth.hub.flatMap(m => m.truth.parents.map(p => [key(m.id, p), m.id] as const)))
  const bases = new Set(truth.hub.flatMap(m => (m.truth.detail.base ? [key(m.id, m.truth.detail.base)] : [])))
  const named = new Map<string, string[]>()
  for (const { id } of truth.hub)
    for (const parent of parentsOf(recovery, id)) {
      const pair = key(id, parent)
      if (asked.has(pair) || !bases.has(pair)) named.set(pair, [...(named.get(pair) ?? []), id])
    }
  const found = [...asked].filter(([pair]) => named.has(pair))
  const forward = found.filter(([pair, child]) => named.get(pair)!.every(c => c === child)).length
  const right = found.length
  return {
    ...edges({ right, of: named.size }, { right, of: asked.size }),
    direction: { right: forward, of: right },
  }
}

export interface RelationRow {
  readonly relation: string
  readonly typed: Share
  /** Models all of whose parents were found, and no other named. */
  readonly parents: Share
  /** What it was called instead, most frequent first. */
  readonly instead: ReadonlyArray<readonly [string, number]>
}

export function byRelation(truth: Truth, recovery: Recovery): RelationRow[] {
  const rows = Map.groupBy(truth.hub, m => m.truth.relation)
  return [...rows].map(([relation, models]) => {
    const wrong = models.map(m => relationOf(recovery, m.id)).filter(r => r !== relation)
    const instead = [...Map.groupBy(wrong, r => r)].map(([r, all]) => [r, all.length] as const)
    const whole = models.filter(m => {
      const named = parentsOf(recovery, m.id).filter(
        p => p !== m.truth.detail.base || m.truth.parents.includes(p),
      )
      return named.length === m.truth.parents.length && m.truth.parents.every(p => named.includes(p))
    })
    return {
      relation,
      typed: { right: models.length - wrong.length, of: models.length },
      parents: { right: whole.length, of: models.length },
      instead: instead.sort((a, b) => b[1] - a[1]),
    }
  })
}

/** Accuracy over all models of the rows, and the mean of the rows' accuracies. */
export function relationAccuracy(rows: readonly RelationRow[]): { accuracy: Share; macro: number } {
  const sum = (of: (row: RelationRow) => number) => rows.reduce((total, row) => total + of(row), 0)
  const accuracy = { right: sum(row => row.typed.right), of: sum(row => row.typed.of) }
  return { accuracy, macro: sum(row => rate(row.typed)) / rows.length }
}

export interface Pairs {
  /** Pairs of one family that are said to be. */
  readonly true: Share
  /** Pairs of independent families that are said to be of one. */
  readonly false: Share
  /** Pairs of families of which one began from the other's initialisation; in neither of the above. */
  readonly sharedInit: Share
}

/** Whether two models are said to be of one family. A model without an answer is of no family. */
function together(recovery: Recovery, a: string, b: string): boolean {
  const family = recovery.get(a)?.family
  return family != null && family === recovery.get(b)?.family
}

export function familyPairs(
  truth: Truth,
  recovery: Recovery,
  counts: (id: string) => boolean = () => true,
): Pairs {
  const ids = truth.hub.map(m => m.id).filter(counts)
  const tally = { true: [0, 0], false: [0, 0], sharedInit: [0, 0] }
  for (const [i, a] of ids.entries())
    for (const b of ids.slice(i + 1)) {
      const one = truth.family.get(a) === truth.family.get(b)
      const cell = tally[one ? 'true' : truth.sharesInit(a, b) ? 'sharedInit' : 'false']
      cell[0]! += together(recovery, a, b) ? 1 : 0
      cell[1]! += 1
    }
  const share = ([right, of]: number[]): Share => ({ right: right!, of: of! })
  return { true: share(tally.true), false: share(tally.false), sharedInit: share(tally.sharedInit) }
}

/** Laundered models that are said to be of their parent's family, and those whose parent was named. */
export function laundered(truth: Truth, recovery: Recovery): { placed: Share; exact: Share } {
  const models = truth.hub.filter(m => m.truth.relation === 'laundered')
  const of = models.length
  const placed = models.filter(m => m.truth.parents.some(p => together(recovery, m.id, p))).length
  const exact = models.filter(m => m.truth.parents.some(p => parentsOf(recovery, m.id).includes(p))).length
  return { placed: { right: placed, of }, exact: { right: exact, of } }
}

/** Models trained in full or by a merged LoRA: how many are called what they are. */
export function loraOrFull(rows: readonly RelationRow[]): Share {
  return relationAccuracy(rows.filter(r => r.relation === 'finetune' || r.relation === 'lora_merged'))
    .accuracy
}

/** What a declared base truly is: a parent (or the base of a merge), a further ancestor, or false. */
type Claim = 'parent' | 'ancestor' | 'false'

export interface ClaimRow {
  readonly claim: Claim
  readonly of: number
  /** verdict → how often it was given; `none` where there was none. */
  readonly verdicts: ReadonlyMap<string, number>
  /** Declared models that are said to be of the model's family. */
  readonly inFamily: number
}

export function claims(truth: Truth, recovery: Recovery): ClaimRow[] {
  const all = truth.hub.flatMap(m =>
    (m.declared.base_model ?? []).map(base => {
      const own = m.truth
      const near = own.parents.includes(base) || own.detail.base === base
      const claim: Claim = m.declared.false ? 'false' : near ? 'parent' : 'ancestor'
      const verdict = recovery.get(m.id)?.declared.find(d => d.id === base)?.verdict ?? 'none'
      return { claim, verdict, inFamily: together(recovery, m.id, base) }
    }),
  )
  return (['parent', 'ancestor', 'false'] as const).map(claim => {
    const some = all.filter(c => c.claim === claim)
    const verdicts = new Map([...Map.groupBy(some, c => c.verdict)].map(([v, cs]) => [v, cs.length]))
    return { claim, of: some.length, verdicts, inFamily: some.filter(c => c.inFamily).length }
  })
}

/** Each model that was not recovered as it is, with the reason in words. */
export function mistakes(truth: Truth, recovery: Recovery): string[] {
  return truth.hub.flatMap(({ id, truth: own, declared }) => {
    const named = parentsOf(recovery, id)
    const missed = own.parents.filter(p => !named.includes(p))
    const extra = named.filter(p => !own.parents.includes(p) && p !== own.detail.base)
    const said = relationOf(recovery, id)
    const reasons = [
      ...(said === own.relation ? [] : [`called ${said}`]),
      ...missed.map(p => `missed ${p}`),
      ...extra.map(p => `named ${p} (${truth.kinship(id, p)})`),
    ]
    for (const base of declared.base_model ?? []) {
      const verdict = recovery.get(id)?.declared.find(d => d.id === base)?.verdict ?? 'none'
      if (declared.false && verdict !== 'refuted') reasons.push(`false base ${base}: ${verdict}`)
      if (!declared.false && verdict !== 'confirmed') reasons.push(`true base ${base}: ${verdict}`)
    }
    const { corpus: _, loss: __, ...detail } = own.detail
    return reasons.length
      ? [`${own.relation} ${id}: ${reasons.join('; ')}\n    ${JSON.stringify(detail)}`]
      : []
  })
}
