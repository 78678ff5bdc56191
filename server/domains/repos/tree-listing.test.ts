import { describe, expect, it } from 'vitest'
import type { TreeEntry } from '../../formats/git-object.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Tree } from './git-objects.ts'
import type { RepoParts } from './parts.ts'
import { listFiles, listTree } from './tree-listing.ts'

/** Trees by id; the commit's is `root`. */
function partsOf(trees: Record<string, TreeEntry[]>): Pick<RepoParts, 'git'> {
  const git = {
    commit: async () => ({ tree: 'root' }),
    tree: async (_repo: string, oid: string): Promise<Tree> => {
      const entries = trees[oid] ?? []
      return { entries, byName: new Map(entries.map(entry => [entry.name, entry])) }
    },
  }
  return { git } as unknown as Pick<RepoParts, 'git'>
}

const folder = (name: string, oid: string): TreeEntry => ({ mode: '40000', name, oid })
const file = (name: string): TreeEntry => ({ mode: '100644', name, oid: 'blob' })

describe('a few trees that stand for a billion paths', () => {
  const trees: Record<string, TreeEntry[]> = { level9: [file('x')] }
  for (let level = 8; level >= 0; level--) {
    const entries = Array.from({ length: 10 }, (_, n) => folder(`d${n}`, `level${level + 1}`))
    trees[level === 0 ? 'root' : `level${level}`] = [...entries, file('README.md')]
  }
  const repo = { id: 'wide' } as Repository

  it('are listed by folder, not as a whole', async () => {
    await expect(listTree(partsOf(trees), repo, 'commit', '', true)).rejects.toThrow(LimitExceeded)
    expect(await listTree(partsOf(trees), repo, 'commit', 'd1/d2', false)).toHaveLength(11)
    expect(await listFiles(partsOf(trees), repo, 'commit')).toMatchObject([{ path: 'README.md' }])
  })
})

it('a very deep tree is not listed as a whole', async () => {
  const trees: Record<string, TreeEntry[]> = {}
  for (let level = 0; level < 20_000; level++) {
    trees[level === 0 ? 'root' : `level${level}`] = [folder('d', `level${level + 1}`)]
  }
  const repo = { id: 'deep' } as Repository
  await expect(listTree(partsOf(trees), repo, 'commit', '', true)).rejects.toThrow(LimitExceeded)
})
