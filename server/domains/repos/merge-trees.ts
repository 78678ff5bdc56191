import { setImmediate } from 'node:timers/promises'
import { Tree, type TreeEntry } from '../../formats/git-tree.ts'
import type { AddTree, ReadTree } from './tree-edit.ts'

/** Three commits' root trees: what both sides began with, ours that is merged into, theirs that is merged. */
export interface ThreeTrees {
  readonly base: string
  readonly ours: string
  readonly theirs: string
}

export type MergedTree =
  | { readonly kind: 'merged'; readonly tree: string }
  /** Paths that both sides have changed, each in another way; in git's order, the first `conflictLimit`. */
  | { readonly kind: 'conflict'; readonly paths: readonly string[] }

const conflictLimit = 1000
const directoryMode = '40000'
const noTree = new Tree(new Uint8Array())

/**
 * Merges by path: what only one side has changed is taken from it, and a path that both have changed otherwise is a
 * conflict. Contents are not looked into: models and data are not merged by lines. Only folders that differ on all
 * sides are read. Each new folder goes to `add`, which returns its id.
 */
export async function mergeTrees(
  readTree: ReadTree,
  add: AddTree,
  { base, ours, theirs }: ThreeTrees,
): Promise<MergedTree> {
  const conflicts: string[] = []
  const read = async (entry: TreeEntry | undefined) => (entry ? readTree(entry.oid) : noTree)

  /** Gives the entry that stands at `path` in the merge; undefined when nothing does. */
  async function merge(path: string, sides: Sides): Promise<TreeEntry | undefined> {
    if (isSame(sides.ours, sides.theirs) || isSame(sides.base, sides.theirs)) return sides.ours
    if (isSame(sides.base, sides.ours)) return sides.theirs
    if (isFolder(sides.ours) && isFolder(sides.theirs)) return await mergeFolder(path, sides)
    // One side removes a folder, or puts a file in its place, in which the other has changed something.
    if (conflicts.length < conflictLimit) conflicts.push(path)
    return undefined
  }

  async function mergeFolder(path: string, sides: Sides): Promise<TreeEntry | undefined> {
    const before = isFolder(sides.base) ? await read(sides.base) : noTree
    const mine = await read(sides.ours)
    const its = await read(sides.theirs)
    await setImmediate()
    const changes = new Map<string, TreeEntry | undefined>()
    // What they have not changed stays as it is on our side.
    for (const name of new Set([...its.namesNotIn(before), ...before.namesNotIn(its)])) {
      const entries = { base: before.find(name), ours: mine.find(name), theirs: its.find(name) }
      const below = path === '' ? name : `${path}/${name}`
      const merged = await merge(below, entries)
      if (!isSame(merged, entries.ours)) changes.set(name, merged)
    }
    if (conflicts.length > 0) return undefined
    if (changes.size === 0) return sides.ours
    const content = mine.with(changes)
    if (content.length === 0 && path !== '') return undefined
    return { ...(sides.ours as TreeEntry), oid: await add(content) }
  }

  const root = (oid: string): TreeEntry => ({ mode: directoryMode, name: '', oid })
  const merged = await merge('', { base: root(base), ours: root(ours), theirs: root(theirs) })
  return merged && conflicts.length === 0
    ? { kind: 'merged', tree: merged.oid }
    : { kind: 'conflict', paths: conflicts }
}

interface Sides {
  readonly base: TreeEntry | undefined
  readonly ours: TreeEntry | undefined
  readonly theirs: TreeEntry | undefined
}

function isSame(a: TreeEntry | undefined, b: TreeEntry | undefined): boolean {
  return a?.oid === b?.oid && a?.mode === b?.mode
}

function isFolder(entry: TreeEntry | undefined): boolean {
  return entry?.mode === directoryMode
}
