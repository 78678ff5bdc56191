import { z } from 'zod'

const hubEntry = z.object({
  id: z.string(),
  created: z.string(),
  truth: z.object({
    parents: z.array(z.string()),
    relation: z.string(),
    detail: z
      .object({ base: z.string().optional(), same_init: z.string().optional(), to: z.string().optional() })
      .loose(),
  }),
  declared: z.object({ base_model: z.array(z.string()).nullable(), false: z.boolean() }).loose(),
})

const recovered = z.object({
  id: z.string(),
  parents: z.array(z.object({ id: z.string(), relation: z.string(), score: z.number().optional() }).loose()),
  family: z.string().nullish(),
  declared: z.array(z.object({ id: z.string(), verdict: z.string() }).loose()).default([]),
})

/** One model of a generated hub: what it truly descends from, and what its card says. */
export type HubEntry = z.infer<typeof hubEntry>
/** One line of an export: what was recovered of a model. */
export type Recovered = z.infer<typeof recovered>

/** Models in the order of upload. Throws where a parent is no earlier model. */
export function readHub(text: string): HubEntry[] {
  const hub = z.array(hubEntry).parse(JSON.parse(text))
  const seen = new Set<string>()
  for (const { id, truth } of hub) {
    const unknown = truth.parents.find(parent => !seen.has(parent))
    if (unknown) throw new Error(`hub.json: parent ${unknown} of ${id} is no model before it`)
    seen.add(id)
  }
  return hub
}

/** NDJSON, one model a line. Throws on a line that is none, on a model that the hub has not, and on one told twice. */
export function readExport(text: string, hub: readonly HubEntry[]): Map<string, Recovered> {
  const known = new Set(hub.map(m => m.id))
  const found = new Map<string, Recovered>()
  for (const [index, line] of text.split('\n').entries()) {
    if (!line.trim()) continue
    const one = parseLine(line, index + 1)
    if (!known.has(one.id)) throw new Error(`export, line ${index + 1}: the hub has no model ${one.id}`)
    if (found.has(one.id)) throw new Error(`export, line ${index + 1}: ${one.id} is told a second time`)
    found.set(one.id, one)
  }
  return found
}

function parseLine(line: string, number: number): Recovered {
  try {
    return recovered.parse(JSON.parse(line))
  } catch (cause) {
    throw new Error(`export, line ${number}: not {id, parents, family, declared}`, { cause })
  }
}

/** What follows from the truth: families, ancestors, and which models hold the same values. */
export class Truth {
  readonly hub: readonly HubEntry[]
  readonly byId: ReadonlyMap<string, HubEntry>
  /** id → a name of its connected component. */
  readonly family: ReadonlyMap<string, string>
  /** id → the model that it is a copy or a widened cast of, over all steps; itself if it is none. */
  readonly original = new Map<string, string>()
  readonly #ancestors = new Map<string, Set<string>>()
  /** Name of a family → the root whose initialisation it began from, where that is another's. */
  readonly #init = new Map<string, string>()

  constructor(hub: readonly HubEntry[]) {
    this.hub = hub
    this.byId = new Map(hub.map(m => [m.id, m]))
    this.family = components(hub)
    for (const { id, truth } of hub) {
      const [parent] = truth.parents
      const same = truth.relation === 'copy' || (truth.relation === 'cast' && truth.detail.to === 'fp32')
      this.original.set(id, same ? this.original.get(parent!)! : id)
      this.#ancestors.set(id, new Set(truth.parents.flatMap(p => [p, ...this.ancestors(p)])))
    }
    for (const { id, truth } of hub) {
      const of = truth.detail.same_init && this.family.get(truth.detail.same_init)!
      if (of) this.#init.set(this.family.get(id)!, this.#init.get(of) ?? of)
    }
  }

  ancestors(id: string): ReadonlySet<string> {
    return this.#ancestors.get(id)!
  }

  /** Whether both are of two families that began from one initialisation: neither related nor independent. */
  sharesInit(a: string, b: string): boolean {
    const [one, other] = [a, b].map(id => this.family.get(id)!)
    const init = (family: string) => this.#init.get(family) ?? family
    return one !== other && init(one!) === init(other!)
  }

  /** Why somebody may have taken `guess` for a parent of `child`. */
  kinship(child: string, guess: string): string {
    const parents = this.byId.get(child)!.truth.parents
    if (parents.includes(guess)) return 'parent'
    if (!this.byId.has(guess)) return 'not on the hub'
    if (parents.some(p => this.original.get(p) === this.original.get(guess))) return 'same values as a parent'
    if (this.ancestors(child).has(guess)) return 'ancestor'
    if (this.ancestors(guess).has(child)) return 'descendant'
    if (this.byId.get(guess)!.truth.parents.some(p => parents.includes(p))) return 'sibling'
    if (this.family.get(child) === this.family.get(guess)) return 'cousin'
    return this.sharesInit(child, guess) ? 'shares the initialisation' : 'another family'
  }
}

function components(hub: readonly HubEntry[]): Map<string, string> {
  const family = new Map<string, string>()
  for (const { id, truth } of hub) {
    const joined = [...new Set(truth.parents.map(p => family.get(p)!))]
    family.set(id, joined[0] ?? id)
    // A merge of two families makes them one.
    for (const other of joined.slice(1))
      for (const [member, name] of family) if (name === other) family.set(member, joined[0]!)
  }
  return family
}
