import { describe, expect, it } from 'vitest'
import { encodeTree, Tree, type TreeEntry } from '../../formats/git-tree.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { RepoParts } from './parts.ts'
import { listFiles, type PathEntry, TreeWalk, type WalkPosition } from './tree-listing.ts'

const repo = { id: 'repo' } as Repository
const oid = (n: number) => String(n).padStart(40, '0')
const root = { path: '', oid: oid(0) }

/** Trees by number; the commit's is 0. */
function partsOf(trees: Record<number, TreeEntry[]>): Pick<RepoParts, 'git'> {
  const made = new Map<string, Tree>()
  const git = {
    commit: async () => ({ tree: root.oid }),
    tree: async (_repo: string, id: string) => {
      const tree = made.get(id) ?? new Tree(encodeTree(trees[Number(id)] ?? []))
      made.set(id, tree)
      return tree
    },
  }
  return { git } as unknown as Pick<RepoParts, 'git'>
}

const folder = (name: string, tree: number): TreeEntry => ({ mode: '40000', name, oid: oid(tree) })
const file = (name: string): TreeEntry => ({ mode: '100644', name, oid: oid(99) })

async function take(walk: TreeWalk, limit = Number.POSITIVE_INFINITY): Promise<string[]> {
  const paths: string[] = []
  while (paths.length < limit) {
    const entry: PathEntry | undefined = await walk.next()
    if (!entry) break
    paths.push(entry.path)
  }
  return paths
}

describe('a walk', () => {
  const parts = partsOf({
    0: [file('a'), folder('b', 1), { mode: '160000', name: 'c', oid: oid(5) }, folder('d', 2), file('e')],
    1: [folder('inner', 3), file('x')],
    2: [file('y')],
    3: [file('z')],
  })
  const all = ['a', 'b', 'b/inner', 'b/inner/z', 'b/x', 'd', 'd/y', 'e']

  it('goes through each folder before what it holds, and leaves other repositories out', async () => {
    expect(await take(await TreeWalk.start(parts, repo, root, true))).toEqual(all)
    expect(await take(await TreeWalk.start(parts, repo, root, false))).toEqual(['a', 'b', 'd', 'e'])
    const below = { path: 'top/b', oid: oid(1) }
    expect(await take(await TreeWalk.start(parts, repo, below, true))).toEqual([
      'top/b/inner',
      'top/b/inner/z',
      'top/b/x',
    ])
  })

  it('can be taken up after each entry', async () => {
    for (let cut = 0; cut <= all.length; cut++) {
      const walk = await TreeWalk.start(parts, repo, root, true)
      await take(walk, cut)
      expect(await take(await TreeWalk.start(parts, repo, root, true, walk.position))).toEqual(all.slice(cut))
    }
  })

  it.each<[WalkPosition]>([[[0, 0]], [[1, 0]], [[3, 0]], [[5, 0]], [[99, 1]], [[2, 2, 0]]])(
    'refuses a position %j that leads to no folder',
    async position => {
      await expect(TreeWalk.start(parts, repo, root, true, position)).rejects.toThrow(MalformedInput)
    },
  )
})

describe('a few trees that stand for a billion paths', () => {
  const trees: Record<number, TreeEntry[]> = { 9: [file('x')] }
  for (let level = 8; level >= 0; level--) {
    trees[level] = [...Array.from({ length: 10 }, (_, n) => folder(`d${n}`, level + 1)), file('README.md')]
  }

  it('are walked a page at a time, and listed by folder', async () => {
    const walk = await TreeWalk.start(partsOf(trees), repo, root, true)
    expect(new Set(await take(walk, 5000)).size).toBe(5000)
    expect(await listFiles(partsOf(trees), repo, 'commit')).toMatchObject([{ path: 'README.md' }])
  })
})

it('a very deep tree is not walked to its ground', async () => {
  const trees: Record<number, TreeEntry[]> = {}
  for (let level = 0; level < 20_000; level++) trees[level] = [folder('d', level + 1)]
  const walk = await TreeWalk.start(partsOf(trees), repo, root, true)
  await expect(take(walk)).rejects.toThrow(LimitExceeded)
})
