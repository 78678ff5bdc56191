import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { objectId } from '../../formats/git-object.ts'
import { Tree } from '../../formats/git-tree.ts'
import { mergeTrees } from './merge-trees.ts'
import { TreeEdit } from './tree-edit.ts'

/** Path → content. */
type Files = Record<string, string>

/** Trees in memory. */
class Trees {
  readonly #contents = new Map<string, Uint8Array>()

  readonly read = async (oid: string) => new Tree(this.#contents.get(oid)!)
  readonly add = async (content: Uint8Array) => {
    const oid = objectId('tree', content)
    this.#contents.set(oid, content)
    return oid
  }

  async write(files: Files): Promise<string> {
    const edit = new TreeEdit(this.read, undefined)
    for (const [path, content] of Object.entries(files)) {
      await edit.put(path, '100644', blobId(content))
    }
    return await edit.write(this.add)
  }
}

async function merge(base: Files, ours: Files, theirs: Files) {
  const trees = new Trees()
  const [a, b, c] = [await trees.write(base), await trees.write(ours), await trees.write(theirs)]
  const merged = await mergeTrees(trees.read, trees.add, { base: a, ours: b, theirs: c })
  return merged.kind === 'conflict'
    ? merged.paths
    : { tree: merged.tree, write: (files: Files) => trees.write(files) }
}

async function expectMerged(base: Files, ours: Files, theirs: Files, expected: Files): Promise<void> {
  const merged = await merge(base, ours, theirs)
  if (!('tree' in merged)) throw new Error(`conflicts at ${merged.join(', ')}`)
  expect(merged.tree).toBe(await merged.write(expected))
}

describe('mergeTrees', () => {
  it('takes what only one side has changed', async () => {
    await expectMerged(
      { 'a/x': '1', 'a/y': '1', 'b/deep/z': '1', c: '1' },
      { 'a/x': '2', 'a/y': '1', 'b/deep/z': '1', 'new/ours': 'o' },
      { 'a/x': '1', 'a/y': '2', 'b/deep/z': '1', c: '1', 'new/theirs': 't' },
      { 'a/x': '2', 'a/y': '2', 'b/deep/z': '1', 'new/ours': 'o', 'new/theirs': 't' },
    )
  })

  it('takes what both have changed alike, and drops folders that are left empty', async () => {
    await expectMerged(
      { 'a/x': '1', 'a/y': '1', b: '1' },
      { 'a/y': '1', b: '2' },
      { 'a/x': '1', b: '2' },
      { b: '2' },
    )
    await expectMerged({ a: '1' }, {}, {}, {})
    await expectMerged({ a: '1', b: '1' }, { a: '1' }, { b: '1' }, {})
  })

  it('puts a file where a folder was, and the other way round', async () => {
    await expectMerged(
      { 'a/x': '1', b: '1' },
      { 'a/x': '1', b: '1', c: '1' },
      { a: '1', 'b/x': '1' },
      {
        a: '1',
        'b/x': '1',
        c: '1',
      },
    )
  })

  it.each<[string, Files, Files, Files, string[]]>([
    ['changed otherwise', { 'a/x': '1' }, { 'a/x': '2' }, { 'a/x': '3' }, ['a/x']],
    ['changed and removed', { x: '1' }, { x: '2' }, {}, ['x']],
    ['added otherwise', {}, { 'a/x': '2', y: '1' }, { 'a/x': '3', y: '2' }, ['a/x', 'y']],
    ['a folder with a change, and a file in its place', { 'a/x': '1' }, { 'a/x': '2' }, { a: '1' }, ['a/x']],
    [
      'a folder with a change, and nothing in its place',
      { 'a/x': '1', b: '1' },
      { 'a/x': '2' },
      { b: '1' },
      ['a/x'],
    ],
    ['a file and a folder of one name', {}, { a: '1' }, { 'a/x': '1' }, ['a']],
  ])('names a path that was %s', async (_, base, ours, theirs, paths) => {
    expect(await merge(base, ours, theirs)).toEqual(paths)
    expect(await merge(base, theirs, ours)).toEqual(paths)
  })

  it('merges what git merges by path, to the same tree', async () => {
    const paths = ['a', 'b', 'd/x', 'd/y', 'd/e/z', 'f/x']
    // Each path has contents of its own, so that git finds no renames.
    const sides = fc.subarray(paths.flatMap(path => [`1 ${path}`, `2 ${path}`]))
    const files = sides.map(contents => Object.fromEntries(contents.map(text => [text.slice(2), text])))
    const folder = mkdtempSync(join(tmpdir(), 'banyan-merge-'))
    const git = (args: string[], input = '') => {
      const named = ['-C', folder, '-c', 'user.name=x', '-c', 'user.email=x@y']
      const ran = spawnSync('git', [...named, ...args], { input, encoding: 'utf8' })
      return { code: ran.status, text: ran.stdout.trim() }
    }
    const commitOf = (content: Files, ...parents: string[]) => {
      git(['read-tree', '--empty'])
      const lines = Object.entries(content).map(([path, text]) => `100644 ${blobId(text)}\t${path}\n`)
      git(['update-index', '--index-info'], lines.join(''))
      const tree = git(['write-tree']).text
      return git(['commit-tree', tree, ...parents.flatMap(id => ['-p', id]), '-m', 'm']).text
    }
    try {
      git(['init', '-q'])
      for (const path of paths) for (const n of [1, 2]) git(['hash-object', '-w', '--stdin'], `${n} ${path}`)
      for (const [base, ours, theirs] of fc.sample(fc.tuple(files, files, files), 20)) {
        const start = commitOf(base)
        const heads = [commitOf(ours, start), commitOf(theirs, start)]
        const said = git(['merge-tree', '--write-tree', ...heads])
        const merged = await merge(base, ours, theirs)
        if ('tree' in merged) expect([said.code, said.text]).toEqual([0, merged.tree])
        else expect([said.code, merged.length > 0]).toEqual([1, true])
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

function blobId(text: string): string {
  return objectId('blob', Buffer.from(text))
}
