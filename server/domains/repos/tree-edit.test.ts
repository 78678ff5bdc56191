import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { objectId } from '../../formats/git-object.ts'
import { Tree } from '../../formats/git-tree.ts'
import { InvalidOperation } from './errors.ts'
import { TreeEdit } from './tree-edit.ts'

const folder = mkdtempSync(join(tmpdir(), 'banyan-tree-'))
afterAll(() => rmSync(folder, { recursive: true }))
const git = (args: string[], input = '') =>
  execFileSync('git', args, { cwd: folder, input, stdio: ['pipe', 'pipe', 'ignore'] })
    .toString()
    .trim()
git(['init', '-q', '.'])

/** Trees in memory, as an object store. */
class Trees {
  readonly contents = new Map<string, Uint8Array>()
  readonly read = async (oid: string) => new Tree(this.contents.get(oid) as Uint8Array)
  readonly add = async (content: Uint8Array) => {
    const oid = objectId('tree', content)
    this.contents.set(oid, content)
    return oid
  }
  async of(files: Record<string, string>): Promise<string> {
    const edit = new TreeEdit(this.read, undefined)
    for (const [path, oid] of Object.entries(files)) await edit.put(path, '100644', oid)
    return edit.write(this.add)
  }
}

const oid = (n: number) => objectId('blob', Buffer.from(String(n)))

describe('TreeEdit', () => {
  it('writes the tree that git writes for the same files', async () => {
    const name = fc.stringMatching(/^[a-c.][a-b-]{0,2}$/).filter(text => text !== '.' && text !== '..')
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map(parts => parts.join('/'))
    await fc.assert(
      fc.asyncProperty(fc.dictionary(path, fc.nat(9), { maxKeys: 8 }), async files => {
        const paths = Object.keys(files)
        fc.pre(!paths.some(a => paths.some(b => b.startsWith(`${a}/`))))
        const trees = new Trees()
        const root = await trees.of(Object.fromEntries(paths.map(p => [p, oid(files[p] as number)])))
        git(['read-tree', '--empty'])
        git(
          ['update-index', '--add', '--index-info'],
          paths.map(p => `100644 ${oid(files[p] as number)}\t${p}\n`).join(''),
        )
        expect(root).toBe(git(['write-tree', '--missing-ok']))
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  it('changes only what is touched, and lets empty folders vanish', async () => {
    const trees = new Trees()
    const before = await trees.of({ 'a/x': oid(1), 'a/y': oid(2), 'b/deep/z': oid(3), top: oid(4) })
    let reads = 0
    const edit = new TreeEdit(async id => {
      reads++
      return trees.read(id)
    }, before)
    expect(await edit.delete('a/x')).toBe(true)
    expect(await edit.delete('a/nothing')).toBe(false)
    expect(await edit.delete('top/nothing')).toBe(false)
    const after = await edit.write(trees.add)
    expect(after).toBe(await trees.of({ 'a/y': oid(2), 'b/deep/z': oid(3), top: oid(4) }))
    expect(reads).toBe(2)

    const second = new TreeEdit(trees.read, after)
    expect(await second.deleteFolder('top')).toBe(false)
    expect(await second.deleteFolder('b/deep')).toBe(true)
    expect(await second.write(trees.add)).toBe(await trees.of({ 'a/y': oid(2), top: oid(4) }))
  })

  it('refuses a file where a folder stands, and a folder where a file stands', async () => {
    const trees = new Trees()
    const root = await trees.of({ 'a/x': oid(1), b: oid(2) })
    const edit = new TreeEdit(trees.read, root)
    await expect(edit.put('a', '100644', oid(3))).rejects.toBeInstanceOf(InvalidOperation)
    await expect(edit.put('b/c', '100644', oid(3))).rejects.toThrow(/"b", which is a file/)
    await edit.delete('b')
    await edit.put('b/c', '100644', oid(3))
    expect(await edit.write(trees.add)).toBe(await trees.of({ 'a/x': oid(1), 'b/c': oid(3) }))
  })

  it('an edit that changes nothing gives the same tree, and emptying gives the empty tree', async () => {
    const trees = new Trees()
    const root = await trees.of({ 'a/x': oid(1) })
    const same = new TreeEdit(trees.read, root)
    await same.put('a/x', '100644', oid(1))
    expect(await same.write(trees.add)).toBe(root)
    const emptied = new TreeEdit(trees.read, root)
    await emptied.deleteFolder('a')
    expect(await emptied.write(trees.add)).toBe('4b825dc642cb6eb9a060e54bf8d69288fbee4904')
  })
})
