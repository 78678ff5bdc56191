import { expect, it } from 'vitest'
import { Tree } from '../../formats/git-tree.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { RepoParts } from './parts.ts'
import { advisePreupload } from './preupload.ts'

it('lets others be served between the files: many of them against many patterns take long', async () => {
  const git = {
    commit: async () => ({ tree: 'empty' }),
    tree: async () => new Tree(new Uint8Array()),
    blobFacts: async () => new Map(),
  }
  const files = Array.from({ length: 20 }, (_, n) => ({
    path: `file-${n}.bin`,
    size: 1,
    sample: new Uint8Array(),
  }))
  let turns = 0
  let isOver = false
  const turn = () => {
    turns++
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const advice = await advisePreupload({ git } as unknown as RepoParts, {} as Repository, 'commit', {
    files,
    gitIgnore: '*-3.bin',
    gitAttributes: '*.bin filter=lfs',
  })
  isOver = true
  expect(advice.filter(file => file.shouldIgnore).map(file => file.path)).toEqual(['file-3.bin'])
  expect(advice.every(file => file.uploadMode === 'lfs')).toBe(true)
  expect(turns).toBeGreaterThanOrEqual(files.length - 1)
})
