import { decodeCode } from './candidate-code.ts'
import { isBefore } from './families.ts'
import { judgeDeclared } from './judge-declared.ts'
import type { Placement } from './member.ts'
import type { LineageParts } from './parts.ts'
import type { Unread } from './place-worker.ts'
import type { Edge } from './relations.ts'
import {
  type DeclaredRow,
  declaredBy,
  declarersOf,
  edgesOf,
  findMembers,
  type MemberRow,
  membersOfFamilies,
  type Placed,
} from './store.ts'

/** A change of one member, as it is saved. */
export interface Placing extends Placement {
  readonly generation: number
  readonly links: readonly string[]
}

/**
 * The tree as it is while a change of it is worked out: rows as they are read, and on top of them what is found. Nothing is
 * written.
 */
export class TreeView {
  readonly declared = new Map<string, readonly DeclaredRow[]>()
  readonly #parts: Pick<LineageParts, 'database' | 'index' | 'threads'>
  readonly #members = new Map<string, Placed>()
  readonly #edges = new Map<string, readonly Edge[]>()
  /** What the index does not know yet, or not as it is now. */
  readonly #unindexed = new Set<string>()
  /** Whether something came that is not the last of all. */
  #isInserting = false

  constructor(parts: Pick<LineageParts, 'database' | 'index' | 'threads'>) {
    this.#parts = parts
  }

  async add(arrived: MemberRow, declared: readonly DeclaredRow[]): Promise<void> {
    this.#unindexed.add(arrived.repo_id)
    this.#members.set(arrived.repo_id, arrived)
    this.declared.set(arrived.repo_id, declared)
    await this.load(declared.flatMap(({ base_id }) => base_id ?? []))
  }

  /** Others have to be placed anew, because of what has arrived and of these, whose place in the order is another one. */
  insert(moved: readonly Placed[]): void {
    this.#isInserting = true
    for (const { repo_id } of moved) this.#unindexed.add(repo_id)
  }

  member(id: string): Placed | undefined {
    const member = this.#members.get(id)
    return member?.sketch_key ? member : undefined
  }

  /** Reads what is not known yet of these: rows, edges, declarations. */
  async load(ids: readonly string[]): Promise<void> {
    const { sql } = this.#parts.database
    const unknown = ids.filter(id => !this.#members.has(id))
    if (unknown.length === 0) return
    for (const [id, member] of await findMembers(sql, unknown)) this.#members.set(id, member)
    for (const [id, edges] of await edgesOf(sql, unknown)) this.#edges.set(id, edges)
    for (const [id, rows] of await declaredBy(sql, unknown)) this.declared.set(id, rows)
  }

  async loadFamilies(families: readonly string[]): Promise<Placed[]> {
    const rows = await membersOfFamilies(this.#parts.database.sql, families)
    await this.load(rows.map(({ repo_id }) => repo_id))
    return rows.flatMap(({ repo_id }) => this.member(repo_id) ?? [])
  }

  async declarersOf(id: string): Promise<Placed[]> {
    const ids = await declarersOf(this.#parts.database.sql, id)
    await this.load(ids)
    return ids.flatMap(child => (child === id ? [] : (this.member(child) ?? [])))
  }

  async basesOf(id: string): Promise<Placed[]> {
    const ids = (this.declared.get(id) ?? []).flatMap(({ base_id }) => base_id ?? [])
    await this.load(ids)
    return ids.flatMap(base => this.member(base) ?? [])
  }

  async areRelated(a: Placed, b: Placed): Promise<boolean> {
    return (await this.relatedTo(a, [b])).length > 0
  }

  /** Those of `others` that belong to its family by their weights alone. */
  async relatedTo(member: Placed, others: readonly Placed[]): Promise<Placed[]> {
    if (others.length === 0) return []
    // A model that had other weights before is not itself.
    const unread = others.map((other, at) => ({ ...this.#unread(other), id: String(at) }))
    const { related, edges } = await this.#parts.threads.place(this.#unread(member), unread, new Map())
    const ids = new Set([...related, ...edges.map(({ parent }) => parent)])
    return others.filter((_, at) => ids.has(String(at)))
  }

  /** Where it came from, of those that came before it. What is found counts for those that are placed after it. */
  async place(member: Placed): Promise<Placing> {
    const { threads, index } = this.#parts
    const { code, gram } = await threads.code(member.sketch_key as string)
    const before = { order: member.ordered_at, id: member.repo_id }
    const found = await index.find({ code: decodeCode(code), gram, before })
    const bases = await this.basesOf(member.repo_id)
    const ids = new Set([...found, ...bases.map(({ repo_id }) => repo_id), ...this.#unindexed])
    await this.load([...ids])
    const isBase = new Set(bases.map(({ repo_id }) => repo_id))
    const candidates = [...ids]
      .flatMap(id => (id === member.repo_id ? [] : (this.member(id) ?? [])))
      .filter(other => isBefore(other, member) || isBase.has(other.repo_id))
      .sort((a, b) => (isBefore(a, b) ? -1 : 1))
    const placement = await threads.place(
      this.#unread(member),
      candidates.map(other => this.#unread(other)),
      await this.#edgesAbove(candidates),
    )
    const edges = placement.edges.filter(({ parent }) => isBefore(this.member(parent) as Placed, member))
    this.#edges.set(member.repo_id, edges)
    member.generation =
      1 + Math.max(-1, ...edges.slice(0, 1).map(({ parent }) => this.member(parent)?.generation ?? 0))
    const judged = judgeDeclared(
      this.declared.get(member.repo_id) ?? [],
      placement,
      id => this.member(id) !== undefined,
    )
    this.declared.set(member.repo_id, judged)
    return {
      ...placement,
      edges,
      links: this.#links(edges, placement.related),
      generation: member.generation,
    }
  }

  /** Of each family that it joins by likeness alone the nearest relative; all relatives where families are in motion. */
  #links(edges: readonly Edge[], related: readonly string[]): string[] {
    if (this.#isInserting) return related.filter(id => !edges.some(({ parent }) => parent === id))
    const joined = new Set(edges.map(({ parent }) => this.member(parent)?.family_id))
    return related.filter(id => {
      const family = this.member(id)?.family_id
      if (joined.has(family) && family !== null) return false
      joined.add(family)
      return true
    })
  }

  /** Of these and of all their ancestors. */
  async #edgesAbove(members: readonly Placed[]): Promise<Map<string, readonly Edge[]>> {
    const edges = new Map<string, readonly Edge[]>()
    for (let ids = members.map(({ repo_id }) => repo_id); ids.length > 0; ) {
      await this.load(ids)
      for (const id of ids) edges.set(id, this.#edges.get(id) ?? [])
      const parents = ids.flatMap(id => (edges.get(id) ?? []).map(({ parent }) => parent))
      ids = [...new Set(parents)].filter(id => !edges.has(id))
    }
    return edges
  }

  #unread({ repo_id, sketch_key }: Placed): Unread {
    const declared = (this.declared.get(repo_id) ?? []).flatMap(({ base_id }) => base_id ?? [])
    return { id: repo_id, key: sketch_key as string, declared }
  }
}
