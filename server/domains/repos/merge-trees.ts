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
  const conflict = (path: string) => {
    if (conflicts.length < conflictLimit) conflicts.push(path)
    return undefined
  }

  /** Gives the entry that stands at `path` in the merge; undefined when nothing does. */
  async function merge(path: string, sides: Sides): Promise<TreeEntry | undefined> {
    const file = mergeEntry(filesOf(sides)) ?? conflict(path)
    const folders = foldersOf(sides)
    const folder = mergeEntry(folders) ?? { entry: await mergeFolder(path, folders) }
    return file?.entry && folder.entry ? conflict(path) : (file?.entry ?? folder.entry)
  }

  async function mergeFolder(path: string, { base, ours, theirs }: Sides): Promise<TreeEntry | undefined> {
    const read = async (entry: TreeEntry | undefined) => (entry ? readTree(entry.oid) : noTree)
    const [before, mine, its] = [await read(base), await read(ours), await read(theirs)]
    await setImmediate()
    const changes = new Map<string, TreeEntry | undefined>()
    // What they have not changed stays as it is on our side.
    for (const name of new Set([...its.namesNotIn(before), ...before.namesNotIn(its)])) {
      const below = { base: before.find(name), ours: mine.find(name), theirs: its.find(name) }
      const merged = await merge(path === '' ? name : `${path}/${name}`, below)
      if (!isSame(merged, below.ours)) changes.set(name, merged)
    }
    if (conflicts.length > 0) return undefined
    if (changes.size === 0) return ours
    const content = mine.with(changes)
    if (content.length === 0 && path !== '') return undefined
    const name = (ours ?? theirs)?.name ?? ''
    return { mode: directoryMode, name, oid: await add(content) }
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

/** What stands there when only one side has changed it, or both alike; undefined when they have not. */
function mergeEntry({ base, ours, theirs }: Sides): { entry: TreeEntry | undefined } | undefined {
  if (isSame(ours, theirs) || isSame(base, theirs)) return { entry: ours }
  return isSame(base, ours) ? { entry: theirs } : undefined
}

function isSame(a: TreeEntry | undefined, b: TreeEntry | undefined): boolean {
  return a?.oid === b?.oid && a?.mode === b?.mode
}

/** A name may be a file's on one side and a folder's on another: they are two paths, of which one may be left. */
function filesOf(sides: Sides): Sides {
  return only(sides, entry => entry.mode !== directoryMode)
}

function foldersOf(sides: Sides): Sides {
  return only(sides, entry => entry.mode === directoryMode)
}

function only({ base, ours, theirs }: Sides, isOf: (entry: TreeEntry) => boolean): Sides {
  const pick = (entry: TreeEntry | undefined) => (entry && isOf(entry) ? entry : undefined)
  return { base: pick(base), ours: pick(ours), theirs: pick(theirs) }
}
