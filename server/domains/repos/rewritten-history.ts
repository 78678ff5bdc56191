import { setImmediate } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { parseTag } from '../../formats/git-object.ts'
import { rewriteCommit, rewriteTag } from '../../formats/git-rewrite.ts'
import type { TreeEntry } from '../../formats/git-tree.ts'
import { PackBuilder } from '../../formats/pack-builder.ts'
import { GitObjectMissing } from './errors.ts'
import { addObject, type RecordPack, storePack } from './packs.ts'
import type { RepoParts } from './parts.ts'

type Parts = Pick<RepoParts, 'database' | 'objects' | 'git'>

/** Trees looked at that are remembered; one that is forgotten is looked at again. */
const knownTrees = 200_000
/** A pack is held in memory until it is stored. */
const packBytes = 16 * 1024 * 1024
/** What is in memory is read without a pause, so others are let in. */
const treesAtOnce = 64

/**
 * The history of a repository without some of its blobs. Commits, trees and tags that hold none stay the very same; the
 * others are made anew, and so is all that stands on them. A commit that changes nothing any more stays, empty. Holds
 * an id for each commit, and the packs of new objects are stored as they grow.
 */
export class RewrittenHistory {
  readonly #parts: Parts
  readonly #repoId: string
  readonly #unwanted: ReadonlySet<string>
  readonly #commits = new Map<string, string>()
  /** Empty text for a folder in which nothing is left. */
  readonly #trees = new LRUCache<string, string>({ max: knownTrees })
  readonly #records: RecordPack[] = []
  #pack = new PackBuilder()
  #looked = 0

  constructor(parts: Parts, repoId: string, unwanted: ReadonlySet<string>) {
    this.#parts = parts
    this.#repoId = repoId
    this.#unwanted = unwanted
  }

  /** What a ref points at from now on: a commit, or an annotated tag. */
  async tip(oid: string): Promise<string> {
    const known = this.#commits.get(oid)
    if (known !== undefined) return known
    const { type, content } = await this.#parts.git.read(this.#repoId, oid)
    if (type !== 'tag') return this.commit(oid)
    const { object } = parseTag(content)
    const after = await this.tip(object)
    return after === object ? oid : this.#add('tag', rewriteTag(content, after))
  }

  async commit(oid: string): Promise<string> {
    const path = [oid]
    for (let id = path.at(-1); id !== undefined; id = path.at(-1)) {
      const { parents, tree } = await this.#parts.git.commit(this.#repoId, id)
      const unknown = parents.filter(parent => !this.#commits.has(parent))
      if (unknown.length > 0) {
        path.push(...unknown)
        continue
      }
      path.pop()
      if (!this.#commits.has(id)) this.#commits.set(id, await this.#rewrite(id, tree, parents))
    }
    const after = this.#commits.get(oid)
    if (after === undefined) throw new GitObjectMissing(this.#repoId, oid)
    return after
  }

  /** Makes what was written durable; gives what lets it count, in the transaction that moves the refs. */
  async store(): Promise<readonly RecordPack[]> {
    if (this.#pack.count > 0) {
      this.#records.push(await storePack(this.#parts, this.#repoId, this.#pack))
      this.#pack = new PackBuilder()
    }
    return this.#records
  }

  async #rewrite(oid: string, tree: string, parents: readonly string[]): Promise<string> {
    const newTree = (await this.#tree(tree)) || (await this.#add('tree', new Uint8Array()))
    const newParents = parents.map(parent => this.#commits.get(parent) ?? parent)
    if (newTree === tree && newParents.every((parent, at) => parent === parents[at])) return oid
    const { content } = await this.#parts.git.read(this.#repoId, oid)
    return this.#add('commit', rewriteCommit(content, { tree: newTree, parents: newParents }))
  }

  async #tree(oid: string): Promise<string> {
    const known = this.#trees.get(oid)
    if (known !== undefined) return known
    if (++this.#looked % treesAtOnce === 0) await setImmediate()
    const tree = await this.#parts.git.tree(this.#repoId, oid)
    const changes = new Map<string, TreeEntry | undefined>()
    for (const entry of tree.entries()) {
      if (this.#unwanted.has(entry.oid)) changes.set(entry.name, undefined)
      else if (entry.mode === '40000') {
        const after = await this.#tree(entry.oid)
        if (after !== entry.oid) changes.set(entry.name, after === '' ? undefined : { ...entry, oid: after })
      }
    }
    let after = oid
    if (changes.size > 0) {
      const content = tree.with(changes)
      after = content.length === 0 ? '' : await this.#add('tree', content)
    }
    this.#trees.set(oid, after)
    return after
  }

  async #add(type: 'commit' | 'tree' | 'tag', content: Uint8Array): Promise<string> {
    if (this.#pack.byteLength > packBytes) await this.store()
    return addObject(this.#pack, type, content)
  }
}
